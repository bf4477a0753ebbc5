import pytest
from streamlit.testing.v1 import AppTest

from pipeline.jobs import Job
from tests.conftest import wait_for


def two_jobs(*folders: str) -> None:
    from pathlib import Path

    from dashboard.widgets.job_progress import follow_job
    from pipeline.jobs import Job

    for job in (Job(Path(folder)) for folder in folders):
        if job.running():
            follow_job(job, job.folder.name)


@pytest.mark.slow
def test_each_of_two_jobs_on_a_page_has_its_own_cancel_button(tmp_path):
    jobs = [Job(tmp_path / name, ("import", "sample", "--name", name)) for name in ("one", "other")]
    for job in jobs:
        job.start()

    at = AppTest.from_function(
        two_jobs, args=[str(job.folder) for job in jobs], default_timeout=30
    ).run()
    assert [button.label for button in at.button] == ["Cancel", "Cancel"] and not at.exception
    at.button[1].click().run()
    assert jobs[0].running() and not at.exception
    wait_for(lambda: not jobs[1].running())
    jobs[0].cancel()
