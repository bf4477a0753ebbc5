import io
import shutil
import time

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.faces import sample_by_emotion, strip
from dashboard.components.import_form import allowed_path
from pipeline.data.jobs import import_jobs, start_import
from pipeline.data.store import dataset_info, dataset_names
from pipeline.errors import UserError
from pipeline.workspace import PROJECT

HOME = str(PROJECT / "dashboard" / "Home.py")


def dataset_page() -> AppTest:
    at = AppTest.from_file(HOME, default_timeout=60).run()
    return at.switch_page("app_pages/dataset.py").run()


def wait_for_imports() -> None:
    for _ in range(600):
        if not any(job.running() for job in import_jobs()):
            return
        time.sleep(0.1)
    raise AssertionError("the import does not end")


def button(at: AppTest, label: str):
    return next(button for button in at.button if button.label == label)


def test_empty_page_says_what_it_is_for_and_imports_the_sample_on_a_click():
    at = dataset_page()
    assert "Look at the faces you train on" in at.markdown[0].value
    button(at, "Import").click().run()
    assert "Importing **sample**" in at.get("progress")[0].proto.text
    wait_for_imports()
    at.run()
    assert not at.exception and not at.error
    assert dataset_names() == ["sample"]
    assert any("1,400 faces" in element.value for element in at.markdown)


def test_a_failed_import_gives_one_sentence_that_can_be_dismissed(empty_workspace):
    empty_workspace.mkdir()
    (empty_workspace / "faces.csv").write_text("emotion,Usage\n0,Training\n")
    at = dataset_page()
    at.segmented_control[0].set_value("Path on this machine").run()
    at.text_input[0].set_value("faces.csv").run()
    assert at.text_input[2].value == "faces"
    button(at, "Import").click().run()
    wait_for_imports()
    at = dataset_page()  # as after a reload
    assert "faces was not imported" in at.error[0].value
    assert "faces.csv" in at.error[0].value and "Traceback" not in at.error[0].value
    button(at, "Dismiss").click().run()
    assert not at.error and not import_jobs()


@pytest.mark.parametrize("path", ["/etc/passwd", "../elsewhere.csv", " "])
def test_paths_outside_the_import_root_are_refused(path):
    with pytest.raises(UserError, match="is not below"):
        allowed_path(path)


def test_the_import_root_can_be_set(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOTION_IMPORT_ROOT", str(tmp_path))
    assert allowed_path("faces.zip") == tmp_path / "faces.zip"


@pytest.mark.parametrize("name", ["sample", "two words", ""])
def test_a_taken_or_odd_name_starts_no_import(filled_workspace, name):
    with pytest.raises(UserError):
        start_import(name, "sample")
    assert not import_jobs()


def test_the_import_form_proposes_a_free_name_and_what_was_imported_is_shown(
    trained, empty_workspace
):
    shutil.copytree(trained / "datasets", empty_workspace / "datasets")
    shutil.copytree(trained / "datasets" / "sample", empty_workspace / "datasets" / "second")
    at = dataset_page()
    button(at, "Import…").click().run()
    assert at.text_input[0].value == "sample-2"
    at.session_state["dataset.imported"] = "second"
    at.run()
    assert not at.exception and not at.error
    assert at.selectbox(key="dataset").value == "second"


def test_a_cancelled_import_leaves_nothing(empty_workspace):
    start_import("faces", "upload.csv", io.BytesIO(b"emotion,pixels,Usage\n"))
    (job,) = import_jobs()
    assert (job.folder / "upload.csv").read_bytes() == b"emotion,pixels,Usage\n"
    job.cancel()
    assert not import_jobs() and not dataset_names()
    assert not list(empty_workspace.glob("*/.import-*")) and not job.folder.exists()


def test_page_shows_counts_shares_faces_and_fingerprint(filled_workspace):
    at = dataset_page()
    assert not at.exception and not at.error
    info = dataset_info("sample")
    line = next(element.value for element in at.markdown if "fingerprint" in element.value)
    assert info.fingerprint[:12] in line and "1,400 faces" in line
    assert at.dataframe[0].value.loc["happy", "train"] == "140"
    assert len(at.get("plotly_chart")) == 3
    at.segmented_control(key="dataset.unit").set_value("shares").run()
    button(at, "Show others").click().run()
    assert not at.exception and not at.error


def test_a_damaged_data_set_gives_one_sentence(trained, empty_workspace):
    shutil.copytree(trained / "datasets" / "sample", empty_workspace / "datasets" / "sample")
    info = empty_workspace / "datasets" / "sample" / "meta.json"
    info.write_text(info.read_text().replace('"fingerprint": "', '"fingerprint": "other'))
    (info.parent / "index.parquet").write_bytes(b"nothing")
    at = dataset_page()
    assert not at.exception
    assert "'sample' is damaged" in at.error[0].value


def test_sample_faces_are_of_the_emotion_and_the_same_for_a_seed():
    labels = np.array([0, 1] * 50, np.uint8)
    candidates = np.arange(60)
    first = sample_by_emotion(labels, candidates, 1, 12, seed=3)
    assert len(set(first.tolist())) == 12 and first.max() < 60
    assert (labels[first] == 1).all()
    assert (first == sample_by_emotion(labels, candidates, 1, 12, seed=3)).all()
    assert (first != sample_by_emotion(labels, candidates, 1, 12, seed=4)).any()
    assert len(sample_by_emotion(labels, candidates, 6, 12, seed=3)) == 0


def test_strip_keeps_room_for_faces_that_lack():
    picture = strip(np.full((2, 48, 48), 9, np.uint8), places=3)
    assert picture.shape == (96, 3 * 96 + 2 * 4, 4)
    assert picture[0, 0].tolist() == [9, 9, 9, 255]
    assert picture[..., 3][:, -96:].max() == 0
