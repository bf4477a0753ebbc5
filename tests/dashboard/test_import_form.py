import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.import_form import WAYS, suggestion
from dashboard.components.import_sources import allowed_path
from pipeline.data.jobs import import_jobs
from pipeline.data.store import dataset_info, dataset_names
from pipeline.errors import UserError
from tests.conftest import wait_for
from tests.data.source_makers import csv_text, noise, row, write_zip

FORM = """
from dashboard.components.import_form import show_import_form, show_import_jobs

show_import_jobs()
show_import_form()
"""
SAMPLE, UPLOAD, PATH, KAGGLE = WAYS
VOTES = ",".join(
    ["Usage", "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear"]
    + ["contempt", "unknown", "NF"]
)


def form(way: str = SAMPLE) -> AppTest:
    at = AppTest.from_string(FORM, default_timeout=30).run()
    return at.segmented_control[0].set_value(way).run()


def button(at: AppTest, label: str):
    return next(button for button in at.button if button.label == label)


def text(at: AppTest, label: str):
    return next(field for field in at.text_input if field.label == label)


def start(at: AppTest) -> AppTest:
    button(at, "Import").click().run()
    assert not at.exception
    return at


def wait_for_imports() -> None:
    wait_for(lambda: not any(job.running() for job in import_jobs()))


def test_a_click_imports_the_sample_and_the_form_says_what_came_in():
    at = start(form())
    assert at.get("progress")[0].proto.text == "Importing **sample**"
    assert at.session_state["dataset.imported"] == "sample"
    wait_for_imports()
    at.run()
    assert not at.exception and not at.error and not at.get("progress")
    assert dataset_names() == ["sample"]


def test_an_uploaded_csv_is_imported_with_its_uploaded_votes():
    at = form(UPLOAD)
    assert button(at, "Import").disabled
    at.file_uploader[0].upload("faces.csv", csv_text(row(), row()).encode()).run()
    votes = "\n".join([VOTES, *["Training,0,10,0,0,0,0,0,0,0,0"] * 2])
    at.file_uploader[1].upload("faces.csv", votes.encode()).run()
    assert text(at, "Name").value == "faces" and not at.toggle
    start(at)
    wait_for_imports()
    assert dataset_info("faces").faces == 2 and dataset_info("faces").ferplus


def test_the_options_for_pictures_reach_the_import(tmp_path):
    pictures = {"happy/a.png": noise(1), "cat/b.png": noise(2)}
    content = write_zip(tmp_path / "a.zip", pictures).read_bytes()
    at = form(UPLOAD)
    at.file_uploader[0].upload("photos.zip", content).run()
    at.toggle[0].set_value(True)
    at.selectbox[0].set_value("test")
    start(at)
    wait_for_imports()
    info = dataset_info("photos")
    assert list(info.counts) == ["test"] and info.faces == 1 and info.skipped == 1


def test_a_path_is_imported_with_the_votes_of_another(empty_workspace):
    empty_workspace.mkdir()
    (empty_workspace / "faces.csv").write_text(csv_text(row()))
    (empty_workspace / "votes.csv").write_text(f"{VOTES}\nTraining,0,10,0,0,0,0,0,0,0,0\n")
    at = form(PATH)
    text(at, "Path").set_value("faces.csv")
    text(at, "FER+ votes (optional)").set_value("votes.csv").run()
    start(at)
    wait_for_imports()
    assert dataset_info("faces").ferplus


def test_a_failed_import_gives_one_sentence_that_can_be_dismissed(empty_workspace):
    empty_workspace.mkdir()
    (empty_workspace / "faces.csv").write_text("emotion,Usage\n0,Training\n")
    at = form(PATH)
    text(at, "Path").set_value("faces.csv").run()
    start(at)
    wait_for_imports()
    at = form()  # as after a reload
    (error,) = at.error
    assert error.value.startswith("faces was not imported. faces.csv has no column 'pixels'")
    button(at, "Dismiss").click().run()
    assert not at.error and not import_jobs()


def test_kaggle_begins_with_fer2013_and_tells_when_it_cannot_be_reached(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    at = form(KAGGLE)
    assert text(at, "Data set of Kaggle").value == "msambare/fer2013"
    assert text(at, "Name").value == "fer2013" and not at.file_uploader
    start(at)
    wait_for_imports()
    at.run()
    (error,) = at.error
    assert "fer2013 was not imported. Kaggle cannot be reached (ProxyError)" in error.value
    assert "import that file" in error.value


def test_a_kaggle_name_that_is_none_is_refused_on_the_spot():
    at = form(KAGGLE)
    text(at, "Data set of Kaggle").set_value("https://kaggle.com/x").run()
    assert len(at.file_uploader) == 1  # another data set may be a CSV, to which votes can join
    start(at)
    assert "write the owner/name" in at.error[0].value and not import_jobs()


@pytest.mark.parametrize("name", ["two words", "", "taken"])
def test_a_taken_or_odd_name_gives_one_sentence(name, empty_workspace):
    (empty_workspace / "datasets" / "taken").mkdir(parents=True)
    at = form()
    text(at, "Name").set_value(name).run()
    start(at)
    (error,) = at.error
    assert "taken" in error.value or "not a plain name" in error.value
    assert not import_jobs()


@pytest.mark.parametrize("path", ["/etc/passwd", "../elsewhere.csv", " ", "a\0b"])
def test_paths_outside_the_import_root_are_refused(path):
    with pytest.raises(UserError, match="is not below|is no path"):
        allowed_path(path)


def test_a_link_out_of_the_import_root_is_refused(empty_workspace):
    empty_workspace.mkdir()
    (empty_workspace / "link").symlink_to("/etc")
    (empty_workspace / "circle").symlink_to("circle")
    for path in ("link/passwd", "circle"):
        with pytest.raises(UserError, match="is not below|is no path"):
            allowed_path(path)


def test_the_import_root_can_be_set(monkeypatch, tmp_path):
    monkeypatch.setenv("EMOTION_IMPORT_ROOT", str(tmp_path))
    assert allowed_path("faces.zip") == tmp_path / "faces.zip"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("fer2013.tar.gz", "fer2013"),
        ("data/my faces (1).csv", "my-faces-1"),
        ("msambare/fer2013", "fer2013"),
        ("été.zip", "t"),
        ("лица.zip", ""),
        ("a" * 200, "a" * 60),
        ("", ""),
    ],
)
def test_a_suggested_name_is_plain_or_empty(source, name):
    assert suggestion(source) == name


def test_a_suggested_name_is_free(empty_workspace):
    (empty_workspace / "datasets" / "sample").mkdir(parents=True)
    assert suggestion("sample") == "sample-2"


def test_a_workspace_that_cannot_be_written_gives_one_sentence(empty_workspace):
    empty_workspace.mkdir()
    (empty_workspace / "imports").write_text("")
    at = start(form())
    (error,) = at.error
    assert "cannot be written (Not a directory)" in error.value and "\n" not in error.value
