import errno
import gc
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import skimage.data
from streamlit.testing.v1 import AppTest

from dashboard.access import allowed_path
from dashboard.widgets.import_form import SOURCES, suggested_name
from dashboard.widgets.import_jobs import ImportRequest, dismiss, requested, start_import
from pipeline.data.dataset import Batch
from pipeline.data.import_options import SKIP, ImportOptions, ImportReport
from pipeline.data.readers import READERS
from pipeline.data.store import dataset_info, dataset_names, load_dataset
from pipeline.errors import UserError
from pipeline.jobs import Job, import_jobs
from pipeline.workspace import workspace
from tests.cli.test_commands import invoke
from tests.conftest import wait_for
from tests.dashboard.pages import button, press, texts
from tests.data.source_makers import csv_text, noise_file, row, write_folder, write_zip

SAMPLE, UPLOAD, PATH, KAGGLE = SOURCES
VOTES_LABEL = "FER+ votes (optional), to join to the rows of FER-2013's CSV"
VOTES = ",".join(
    ["Usage", "neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear"]
    + ["contempt", "unknown", "NF"]
)


def script() -> None:
    import streamlit as st

    from dashboard.widgets.import_form import show_import_form
    from dashboard.widgets.import_status import FORM, show_imports

    show_imports()
    show_import_form(st.session_state.get(FORM, ""))


def form(source: str = SAMPLE) -> AppTest:
    app = AppTest.from_function(script, default_timeout=30).run()
    return app.segmented_control[0].set_value(source).run()


def text(app: AppTest, label: str):
    return next(field for field in app.text_input if field.label == label)


def start(app: AppTest) -> AppTest:
    button(app, "Import").click().run()
    assert not app.exception
    return app


def wait_for_imports() -> None:
    wait_for(lambda: not any(job.running() for job in import_jobs()))


def upload(app: AppTest, name: str, content: bytes, field: int = 0) -> AppTest:
    app.file_uploader[field].upload(name, content).run()
    while "Looking at" in texts(app):
        app.run()
    assert not app.exception
    return app


def packed(tmp_path: Path, *names: str) -> bytes:
    """Return a zip of an image for each name."""
    images = {name: noise_file(number) for number, name in enumerate(names)}
    return write_zip(tmp_path / "packed.zip", images).read_bytes()


def answer(app: AppTest, name: str):
    return next(field for field in app.selectbox if field.label == f"What {name} means")


@pytest.mark.slow
def test_the_sample_is_imported_by_one_click_with_its_progress_and_its_summary():
    app = start(form())
    assert app.get("progress")[0].proto.text == "Importing **sample**"
    assert app.session_state["dataset.imported"] == "sample"
    wait_for_imports()
    app = form()  # as after a reload
    assert not app.exception and not app.error and not app.get("progress")
    assert "**sample** is imported: 1,400 faces" in texts(app)
    (table,) = app.dataframe
    assert list(table.value.columns) == ["train", "validation", "test"]
    assert table.value.loc["happy", "train"] == 140 and table.value.loc["all"].sum() == 1400
    press(app, "Dismiss")
    assert not app.dataframe and dataset_names() == ["sample"]


@pytest.mark.slow
def test_uploads_and_paths_are_imported_with_votes_and_options(
    tmp_path, empty_workspace, monkeypatch
):
    monkeypatch.setenv("EMOTION_IMPORT_ROOT", str(empty_workspace))
    vote = "Training,0,10,0,0,0,0,0,0,0,0"
    app = form(UPLOAD)
    assert button(app, "Import").disabled
    upload(app, "faces.csv", csv_text(row(), row()).encode())
    upload(app, "faces.csv", "\n".join([VOTES, vote, vote]).encode(), field=1)
    assert text(app, "Name").value == "faces"
    start(app)

    app = upload(form(UPLOAD), "photos.zip", packed(tmp_path, "happy/a.png", "cat/b.png"))
    answer(app, "cat").set_value(SKIP).run()
    next(each for each in app.selectbox if "without one" in each.label).set_value("test").run()
    start(app)

    (empty_workspace / "paths.csv").write_text(csv_text(row()))
    (empty_workspace / "votes.csv").write_text(f"{VOTES}\n{vote}\n")
    app = form(PATH)
    text(app, "Path").set_value("paths.csv").run()
    text(app, VOTES_LABEL).set_value("votes.csv").run()
    start(app)

    wait_for_imports()
    assert dataset_info("faces").faces == 2 and dataset_info("faces").ferplus
    photos = dataset_info("photos")
    assert (list(photos.counts), photos.faces, photos.skipped) == (["test"], 1, 1)
    assert dataset_info("paths").ferplus
    assert not list((empty_workspace / "imports").glob(".upload-*/*")), "moved, not copied"


@pytest.mark.slow
def test_what_classes_and_folders_mean_is_asked_before_anything_is_imported(tmp_path):
    names = ["fold1/1/a.png", "fold1/2/b.png", "fold2/1/c.png", "fold2/contempt, mild/d.png"]
    app = upload(form(UPLOAD), "raf.zip", packed(tmp_path, *names))
    assert [each.label for each in app.selectbox] == [
        *(f"What {name} means" for name in ("1", "2", "contempt, mild", "fold1", "fold2"))
    ]
    assert button(app, "Import").disabled and not import_jobs()
    schemes = next(each for each in app.segmented_control if "numbers" in each.label)
    schemes.set_value("rafdb").run()
    assert (answer(app, "1").value, answer(app, "2").value) == ("surprise", "fear")
    for name, meaning in (("contempt, mild", SKIP), ("fold1", "train"), ("fold2", "test")):
        assert button(app, "Import").disabled
        answer(app, name).set_value(meaning).run()
    start(app)
    wait_for_imports()
    counts = dataset_info("raf").counts
    assert (counts["train"]["surprise"], counts["train"]["fear"]) == (1, 1)
    assert counts["test"]["surprise"] == 1 and dataset_info("raf").skipped == 1


@pytest.mark.slow
def test_a_failed_import_is_corrected_without_a_second_upload(tmp_path, empty_workspace):
    images = {f"happy/{n}.png": noise_file(n) for n in range(3)} | {"happy/bad.png": b"no image"}
    content = write_zip(tmp_path / "a.zip", images).read_bytes()
    app = start(upload(form(UPLOAD), "faces.zip", content))
    wait_for_imports()
    app.run()
    (error,) = app.error
    assert "faces was not imported" in error.value and "--" not in error.value.replace("\\", "")

    press(app, "Correct…")
    assert not app.file_uploader and not app.text_input
    app.radio[0].set_value("any").run()
    start(app)
    wait_for_imports()
    app = form()
    assert dataset_info("faces").faces == 3 and not import_jobs()
    assert "happy/bad.png" in app.code[0].value
    assert [each.proto.label for each in app.get("download_button")] == ["All that was skipped"]


@pytest.mark.slow
def test_a_download_that_stopped_at_its_names_is_corrected_without_downloading_again(
    empty_workspace, monkeypatch
):
    monkeypatch.setattr(Job, "start", lambda job: None)
    start(form(KAGGLE))
    monkeypatch.undo()
    monkeypatch.setenv("EMOTION_WORKSPACE", str(empty_workspace))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    folder = empty_workspace / "imports" / "fer2013"  # as its command leaves it
    write_folder(folder / "source" / "fer2013", {"train/glee/a.png": noise_file(1)})
    (folder / "process.json").write_text('{"pid": 1, "started": 0.0}')
    (folder / "log").write_text("The class of 'a.png' names no emotion.\n")

    app = press(form(), "Correct…")
    answer(app, "glee").set_value("happy").run()
    start(app)
    wait_for_imports()
    assert dataset_info("fer2013").source == "kaggle:msambare/fer2013"
    assert dataset_info("fer2013").counts["train"]["happy"] == 1


def test_photos_are_shown_before_and_after_their_faces_are_cropped(tmp_path):
    photo = cv2.imencode(".jpg", skimage.data.astronaut()[..., ::-1])[1].tobytes()
    app = upload(
        form(UPLOAD), "a.zip", write_zip(tmp_path / "a.zip", {"sad/p.jpg": photo}).read_bytes()
    )
    (images,) = app.get("image")
    assert [image.caption for image in images.proto.imgs] == ["p.jpg"]
    choice = next(each for each in app.segmented_control if each.label == "Faces")
    choice.set_value("as-is").run()
    assert not app.get("image") and not app.toggle
    assert not import_jobs(), "nothing is imported yet"


@pytest.mark.slow
def test_votes_on_other_faces_are_refused_and_can_be_joined_all_the_same(empty_workspace):
    wrong = "Training,10,0,0,0,0,0,0,0,0,0"  # neutral for 200 happy faces
    app = form(UPLOAD)
    upload(app, "faces.csv", csv_text(*[row()] * 200).encode())
    upload(app, "votes.csv", "\n".join([VOTES, *[wrong] * 200]).encode(), field=1)
    start(app)
    wait_for_imports()
    app.run()
    (error,) = app.error
    assert "on other faces" in error.value and "force" not in error.value

    press(app, "Correct…")
    next(each for each in app.checkbox if "even if" in each.label).check().run()
    start(app)
    wait_for_imports()
    assert dataset_info("faces").ferplus


def test_a_new_format_is_a_reader_and_a_line_in_readers(tmp_path, monkeypatch, capsys):
    def matches(source: Path) -> bool:
        return source.suffix == ".faces"

    def read(source: Path, options: ImportOptions, report: ImportReport):
        with np.load(source) as stored:
            images, labels = stored["images"], stored["labels"]
        ids = np.array([f"npz{i}" for i in range(len(labels))])
        yield Batch(images, labels, np.full(len(labels), options.split), ids, 1.0)

    reader = SimpleNamespace(matches=matches, read=read)
    monkeypatch.setitem(READERS, "images and labels", reader)
    file = tmp_path / "my.faces"
    with file.open("wb") as stream:
        np.savez(stream, images=np.zeros((2, 48, 48), np.uint8), labels=np.uint8([3, 4]))

    code, _, _ = invoke("import", str(file), "--name", "command", capsys=capsys)
    assert code == 0
    # the page starts the same command, run here in this process, which knows the format
    monkeypatch.setattr(Job, "start", lambda job: invoke(*job.command, capsys=capsys))
    app = upload(form(UPLOAD), "my.faces", file.read_bytes())
    text(app, "Name").set_value("page")
    start(app)
    for name in ("command", "page"):
        assert load_dataset(name).labels.tolist() == [3, 4]

    (tmp_path / "a.txt").write_text("words")
    _, _, err = invoke("import", str(tmp_path / "a.txt"), "--name", "x", capsys=capsys)
    assert "images and labels" in err


def test_a_source_that_cannot_be_imported_is_refused_at_once(empty_workspace, monkeypatch):
    monkeypatch.setenv("EMOTION_IMPORT_ROOT", str(empty_workspace))
    empty_workspace.mkdir()
    (empty_workspace / "faces.csv").write_text("emotion,Usage\n0,Training\n")
    app = form(PATH)
    for path, sentence in (
        ("faces.csv", "faces.csv has no column 'pixels'"),
        ("none.csv", "There is no file or folder"),
        ("../faces.csv", "is not below"),
    ):
        text(app, "Path").set_value(path).run()
        (error,) = app.error
        assert sentence in texts(app) and not app.exception and not import_jobs()


@pytest.mark.slow
def test_kaggle_starts_with_fer2013_and_says_when_it_cannot_be_reached(monkeypatch):
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    app = form(KAGGLE)
    assert text(app, "Kaggle data set").value == "msambare/fer2013"
    assert text(app, "Name").value == "fer2013" and not app.file_uploader
    start(app)
    wait_for_imports()
    app.run()
    assert "fer2013 was not imported. Kaggle cannot be reached (ProxyError)" in texts(app)
    assert "import that file" in texts(app)

    press(app, "Dismiss")
    text(app, "Kaggle data set").set_value("https://kaggle.com/datasets/a/faces?x=1").run()
    assert text(app, "Name").value == "faces"
    assert len(app.file_uploader) == 1  # another data set may be a CSV, to which votes can join
    text(app, "Kaggle data set").set_value("no name").run()
    assert "write the owner/name" in texts(app) and not import_jobs()


def test_a_name_that_cannot_be_used_gives_one_sentence(empty_workspace):
    (empty_workspace / "datasets" / "taken").mkdir(parents=True)
    app = form()
    for name in ("two words", "", "taken"):
        text(app, "Name").set_value(name)
        (error,) = start(app).error
        assert "taken" in error.value or "cannot be used" in error.value
        assert not import_jobs()


def test_a_workspace_that_cannot_be_written_gives_one_sentence(empty_workspace):
    empty_workspace.mkdir()
    (empty_workspace / "imports").write_text("")
    (error,) = (app := start(form())).error
    assert "(Not a directory)" in texts(app) and "\n" not in error.value


def test_only_paths_below_the_import_root_are_allowed(monkeypatch, tmp_path, served_at):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "circle").symlink_to("circle")
    assert allowed_path("faces.zip") == tmp_path / "faces.zip"
    for path in ("/etc/passwd", "../elsewhere.csv", " ", "a\0b", "link/passwd", "circle"):
        with pytest.raises(UserError, match=f"below {tmp_path}"):
            allowed_path(path)
    served_at("0.0.0.0")
    assert allowed_path("faces.zip") == workspace() / "faces.zip"
    monkeypatch.setenv("EMOTION_IMPORT_ROOT", str(tmp_path / "shared"))
    assert allowed_path("faces.zip") == tmp_path / "shared" / "faces.zip"


def test_a_suggested_name_is_plain_and_free_or_empty(empty_workspace):
    for title, name in (
        ("fer2013.tar.gz", "fer2013"),
        ("data/my faces (1).csv", "my-faces-1"),
        ("msambare/fer2013", "fer2013"),
        ("été.zip", "t"),
        ("лица.zip", ""),
        ("a" * 200, "a" * 60),
        ("", ""),
    ):
        assert suggested_name(title) == name
    (empty_workspace / "datasets" / "sample").mkdir(parents=True)
    assert suggested_name("sample") == "sample-2"


def files_in(workspace: Path) -> list[str]:
    return [path.name for path in workspace.rglob("*") if path.is_file()]


@pytest.fixture
def deaf_proxy(monkeypatch) -> Iterator[None]:
    """Lead every request to a server that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "")
        yield


@pytest.mark.slow
def test_an_import_cannot_be_started_twice_and_leaves_nothing_when_dismissed(
    empty_workspace, deaf_proxy
):
    kaggle = ImportRequest(title="faces", source="kaggle")
    start_import("faces", kaggle)
    with pytest.raises(UserError, match="'faces' is running or failed"):
        start_import("faces", ImportRequest(title="sample", source="sample"))
    (job,) = import_jobs()
    wait_for(lambda: list(empty_workspace.glob("datasets/.import-*")))
    assert job.running() and requested("faces") == kaggle
    dismiss("faces")
    assert not files_in(empty_workspace)


def test_a_start_that_was_cut_off_does_not_block_the_name(empty_workspace):
    (empty_workspace / "imports" / "faces" / "source").mkdir(parents=True)
    start_import("faces", ImportRequest(title="sample", source="sample"))
    (job,) = import_jobs()
    assert job.running() and not (job.folder / "source").exists()
    job.cancel()


def test_an_upload_that_does_not_fit_on_the_disk_leaves_nothing(monkeypatch, empty_workspace):
    def full_disk(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    app = upload(form(UPLOAD), "faces.csv", b"emotion")
    assert "faces.csv cannot be saved" in texts(app) and "No space left on device" in texts(app)
    assert not list(empty_workspace.glob("imports/*"))


def test_an_upload_is_deleted_once_it_is_not_needed_any_more(empty_workspace):
    ended = empty_workspace / "imports" / f".upload-{2**22 + 1}-x"
    ended.mkdir(parents=True)
    app = upload(form(UPLOAD), "faces.csv", csv_text(row()).encode())
    (staged,) = empty_workspace.glob("imports/.upload-*/faces.csv")
    assert staged.parent != ended and not ended.exists(), "of a server that has ended"
    app.segmented_control[0].set_value(SAMPLE).run()
    del app
    gc.collect()
    assert not staged.parent.exists()
