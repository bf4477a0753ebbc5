"""Runs that leave out the faces of a list: trained, evaluated, finished again and bundled."""

import shutil
from pathlib import Path

import pytest

from pipeline.data.exclusions import exclude, load_exclusions, read_exclusions
from pipeline.evaluation.predictions import load_predictions
from pipeline.jobs import finish_job
from pipeline.runs import Run, list_runs
from tests.cli.commands import document, output
from tests.cli.test_exclusions import make_faces
from tests.conftest import wait_for

TRAIN = (
    "train --dataset faces --exclude twins --widths 4,8 --convolutions 1 --epochs 1 --batch-size 8"
)


@pytest.fixture(scope="module")
def trained_without(tmp_path_factory) -> Path:
    """A workspace with one tiny run that left three faces out; shared, so only to be read."""
    workspace = tmp_path_factory.mktemp("without")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(workspace))
        exclude(make_faces(), "twins", dict.fromkeys(["f1", "f2", "f50"], "by hand"))
        output(*TRAIN.split())
    return workspace


@pytest.fixture
def run(trained_without, empty_workspace) -> Run:
    shutil.copytree(trained_without, empty_workspace)
    return list_runs()[0]


@pytest.mark.slow
def test_training_leaves_a_list_out_and_records_it(run):
    recorded = run.config().exclusion
    listed = load_exclusions("faces", "twins")

    assert (recorded.name, recorded.faces) == ("twins", 3)
    assert recorded.fingerprint == listed.fingerprint
    assert read_exclusions(run.exclusions_path, "twins") == listed
    assert run.status().steps == 5  # 8 a step of 40 faces; all 42 would need 6


@pytest.mark.slow
def test_a_run_is_evaluated_on_every_face_and_optionally_without_a_list(run):
    (whole,) = run.evaluation_paths()
    words = ("--dataset", "faces", "--split", "validation", "--exclude", "twins")
    without = document("evaluate", run.name, *words)

    assert len(load_predictions(run, whole)) == 14
    assert (without["n"], without["exclude"]) == (13, "twins")
    assert len(run.evaluation_paths()) == 2


@pytest.mark.slow
def test_a_run_is_finished_again_after_its_data_set_was_renamed(run):
    output("rename", "faces", "fer")
    shutil.rmtree(run.path / "evaluation")

    assert f"Finished {run.name}" in output("train", "--finish", run.name)
    (folder,) = run.evaluation_paths()
    assert load_predictions(run, folder).dataset == "fer"


@pytest.mark.slow
def test_a_page_finishes_a_stopped_run_by_a_job_that_leaves_nothing_else(run):
    run.invalidate_results()
    run.update_status(state="stopped")
    job = finish_job(run.name)
    job.start()
    wait_for(lambda: not job.running())
    assert run.state() == "finished" and run.exported and len(run.evaluation_paths()) == 1
    assert not job.folder.exists()


@pytest.mark.slow
def test_a_bundled_model_keeps_its_exclusion_list(run, tmp_path, monkeypatch):
    for module in ("registry.model_zoo", "runs.run", "runs.store"):
        monkeypatch.setattr(f"pipeline.{module}.ZOO", tmp_path / "zoo")

    output("ship", run.name, "--name", "small")

    bundled = Run(tmp_path / "zoo" / "small")
    assert bundled.config().exclusion == run.config().exclusion
    assert bundled.exclusions_path.read_text() == run.exclusions_path.read_text()
    assert [path.parent.parent for path in bundled.evaluation_paths()] == [bundled.path]
    assert "# small" in (bundled.path / "README.md").read_text()
