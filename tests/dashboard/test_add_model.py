import json

import pytest

from pipeline.jobs import Job, add_model_job
from pipeline.labels import EMOTIONS
from pipeline.registry.find_preprocessing import Candidate, Search
from tests.dashboard.pages import open_page, texts


@pytest.fixture
def started(monkeypatch) -> list[Job]:
    """Start no process; the jobs that would have been started."""
    jobs: list[Job] = []
    monkeypatch.setattr(Job, "start", lambda job: jobs.append(job))
    return jobs


def test_a_file_by_its_path_is_added_with_what_is_known_of_it(
    sample, started, tmp_path, monkeypatch
):
    monkeypatch.setenv("EMOTION_IMPORT_ROOT", str(tmp_path))
    (tmp_path / "theirs.onnx").write_bytes(b"model")
    at = open_page("overview")
    at.session_state["add_model.opened.False"] = True
    at.run()
    at.segmented_control(key="add_model.from").set_value("Path on this machine").run()
    at.text_input(key="add_model.path").set_value("theirs.onnx").run()
    at.selectbox(key="add_model.scale").set_value("0..1").run()
    assert at.text_input(key="add_model.name.theirs.onnx").value == "theirs"

    next(each for each in at.button if each.label == "Add model").click().run()

    file = str(tmp_path / "theirs.onnx")
    assert [job.command for job in started] == [
        ("add-model", file, "--name", "theirs", "--scale", "0..1")
    ]


def test_what_is_in_doubt_is_asked_and_the_answer_starts_it_again(sample, started):
    first, second = (
        Candidate(scale, "fer2013", EMOTIONS, 0.65, accuracy)
        for scale, accuracy in (("torch", 0.654), ("per-image", 0.64))
    )
    search = Search("sample", "validation", 210, 210, (first, second))
    folder = add_model_job("theirs").folder
    folder.mkdir(parents=True)
    (folder / "process.json").write_text('{"pid": 1, "started": 0}')
    (folder / "source.txt").write_text("/models/theirs.onnx")
    (folder / "search.json").write_text(json.dumps(search.summary()))

    at = open_page("compare")

    assert "too close to tell" in texts(at)
    chosen = at.selectbox(key="add_model.choice.theirs")
    chosen.select_index(1).run()
    at.button(key="add_model.confirm.theirs").click().run()
    assert [job.command for job in started] == [
        (
            *("add-model", "/models/theirs.onnx", "--name", "theirs", "--scale", "per-image"),
            *("--labels", ",".join(EMOTIONS), "--try", "sample"),
        )
    ]
