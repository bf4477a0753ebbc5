import json
import os

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import actions
from pipeline.errors import UserError
from pipeline.jobs import Job, ProcessId, add_model_job
from pipeline.labels import EMOTIONS
from pipeline.registry.find_preprocessing import Candidate, Search
from tests.dashboard.pages import as_shown, button, open_page, texts
from tests.evaluation.makers import make_dataset, make_run


@pytest.fixture
def started(monkeypatch) -> list[Job]:
    """Start no process; the jobs that would have been started."""
    jobs: list[Job] = []
    monkeypatch.setattr(Job, "start", lambda job: jobs.append(job))
    return jobs


@pytest.fixture
def form(started, tmp_path, monkeypatch) -> AppTest:
    """The Overview page, with the path of a model file in its form."""
    monkeypatch.setenv("EMOTION_IMPORT_ROOT", str(tmp_path))
    (tmp_path / "theirs.onnx").write_bytes(b"model")
    at = open_page("overview")
    at.session_state["add_model.opened.False"] = True
    at.run()
    at.segmented_control(key="add_model.from").set_value("Path on this machine").run()
    at.text_input(key="add_model.path").set_value("theirs.onnx").run()
    return at


def test_a_file_by_its_path_is_added_with_what_is_known_of_it(sample, form, started, tmp_path):
    at = form
    at.selectbox(key="add_model.scale").set_value("0..1").run()
    assert at.text_input(key="add_model.name.theirs.onnx").value == "theirs"

    next(each for each in at.button if each.label == "Add model").click().run()

    file = str(tmp_path / "theirs.onnx")
    assert [job.command for job in started] == [
        ("add-model", file, "--name", "theirs", "--scale", "0..1")
    ]


def test_a_model_that_failed_is_dismissed_and_the_form_keeps_what_was_typed(form, started):
    at = form
    at.text_input(key="add_model.name.theirs.onnx").set_value("mine").run()
    button(at, "Add model").click().run()
    (job,) = started
    (job.folder / "process.json").write_text('{"pid": 1, "started": 0}')  # it has ended

    at.run()
    assert "'mine' was not added" in texts(at)
    button(at, "Dismiss").click().run()

    assert "was not added" not in texts(at)
    assert at.text_input(key="add_model.path").value == "theirs.onnx"
    assert at.text_input(key="add_model.name.theirs.onnx").value == "mine"


def test_what_is_in_doubt_is_asked_and_the_answer_starts_it_again(sample, started):
    first, second = (
        Candidate(scale, "fer2013", EMOTIONS, 0.65, accuracy)
        for scale, accuracy in (("torch", 0.654), ("per-image", 0.64))
    )
    search = Search("sample", "validation", 210, 210, (first, second))
    folder = add_model_job("theirs").folder
    folder.mkdir(parents=True)
    (folder / "process.json").write_text('{"pid": 1, "started": 0}')
    request = {"source": "/models/theirs.onnx", "options": ["--input-size", "64"]}
    (folder / "request.json").write_text(json.dumps(request))
    (folder / "search.json").write_text(json.dumps(search.summary()))

    at = open_page("compare")

    assert "too close to tell" in texts(at)
    chosen = at.selectbox(key="add_model.choice.theirs")
    chosen.select_index(1).run()
    at.button(key="add_model.confirm.theirs").click().run()
    assert [job.command for job in started] == [
        (
            *("add-model", "/models/theirs.onnx", "--name", "theirs", "--input-size", "64"),
            *("--scale", "per-image", "--labels", ",".join(EMOTIONS), "--try", "sample"),
        )
    ]
    request["options"] = list(started[0].command[4:])
    assert json.loads((folder / "request.json").read_text()) == request, "for the next question"


def test_a_name_under_which_a_model_is_being_added_is_refused(started):
    job = add_model_job("theirs")
    job.folder.mkdir(parents=True)
    (job.folder / "process.json").write_text(ProcessId.of(os.getpid()).model_dump_json())
    with pytest.raises(UserError, match="A model 'theirs' is being added: choose another name"):
        actions.add_model("theirs", "/models/other.onnx", [])
    assert not started


def test_a_model_that_was_tried_on_no_data_set_is_announced_until_done_is_pressed():
    run = make_run(make_dataset(), evaluated=False)
    at = open_page("overview")
    for name, words in (("canceled", []), (run.name, [f"**{run.name}** was added."])):
        at.session_state["add_model.started"] = name
        at.run()
        assert not at.exception
        assert [as_shown(each.value) for each in at.success] == words
        assert ("add_model.started" in at.session_state) == bool(words)

    button(at, "Done").click().run()
    assert not at.success and "add_model.started" not in at.session_state
