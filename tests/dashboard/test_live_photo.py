"""A photo on the Live page."""

import shutil

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.plain import plain
from pipeline.labels import EMOTIONS
from pipeline.runs import find_model
from pipeline.vision import faces
from pipeline.vision.label import UNCERTAIN
from tests.dashboard.test_live_page import go, live_page, named, offered, run_name
from tests.vision.clips import face_picture

ONE_FACE = face_picture(480, 640)
TWO_FACES = np.hstack([ONE_FACE, ONE_FACE])


def encoded(picture: np.ndarray, kind: str = ".png") -> bytes:
    return cv2.imencode(kind, picture)[1].tobytes()


def upload(at: AppTest, name: str, content: bytes) -> AppTest:
    at.file_uploader[0].upload(name, content, "image/png").run()
    assert not at.exception
    return at


def test_at_first_it_says_what_becomes_of_a_photo(filled_workspace):
    at = live_page("Photo")
    assert any("forgotten when you leave" in caption.value for caption in at.caption)
    assert not at.dataframe and not at.image


def test_two_faces_give_a_picture_and_a_table_of_two_rows(filled_workspace):
    at = upload(live_page("Photo"), "two.png", encoded(TWO_FACES))
    table = at.dataframe[0].value
    assert list(table.index) == [1, 2]
    assert list(table.columns) == ["emotion", "sure", *EMOTIONS]
    assert set(table["emotion"]) <= {*EMOTIONS, UNCERTAIN}
    assert table[list(EMOTIONS)].sum(axis=1).to_numpy() == pytest.approx([100, 100], abs=0.1)
    assert table["sure"].between(100 / 7, 100).all()
    assert len(at.image) == 1 and not at.error and not at.info


def test_the_picture_to_take_along_has_its_faces_drawn(filled_workspace):
    at = upload(live_page("Photo"), "two.faces.png", encoded(TWO_FACES))
    content, name = offered(at)["Picture, PNG"]
    drawn = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    assert name == "two.faces-emotions.png"
    assert drawn.shape == TWO_FACES.shape and (drawn != TWO_FACES).any()


def test_a_large_photo_comes_back_at_its_own_size(filled_workspace):
    large = cv2.resize(TWO_FACES, None, fx=2, fy=2)
    at = upload(live_page("Photo"), "large.jpg", encoded(large, ".jpg"))
    content, _ = offered(at)["Picture, PNG"]
    shape = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR).shape
    assert shape == (960, 2560, 3)
    assert len(at.dataframe[0].value) == 2


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_what_is_no_picture_gives_one_sentence(filled_workspace, content):
    at = upload(live_page("Photo"), "my_[cat].png", content)
    (error,) = at.error
    assert error.value.startswith(plain("my_[cat].png"))
    assert "not a picture that can be decoded" in error.value
    assert not at.dataframe and not at.image


def test_a_picture_without_a_face_says_so(filled_workspace):
    at = upload(live_page("Photo"), "grey.png", encoded(np.full((300, 400, 3), 90, np.uint8)))
    assert "No face was found" in at.info[0].value
    assert len(at.image) == 1 and not at.dataframe and not at.error


def test_a_tiny_picture_has_no_face(filled_workspace):
    at = upload(live_page("Photo"), "dot.png", encoded(np.zeros((1, 1, 3), np.uint8)))
    assert "No face was found" in at.info[0].value and not at.error


def test_a_photo_can_be_taken_and_the_way_is_kept(filled_workspace):
    at = live_page("Photo")
    at.segmented_control("live.photo.way").set_value("Take one").run()
    at.camera_input[0].upload("shot.jpg", encoded(ONE_FACE, ".jpg"), "image/jpeg").run()
    assert not at.exception and not at.error
    assert len(at.dataframe[0].value) == 1

    go(at, "overview")
    go(at, "live")
    at.segmented_control("live_from").set_value("Photo").run()
    assert at.segmented_control("live.photo.way").value == "Take one"
    assert not at.dataframe  # the photo itself is forgotten


def test_another_model_is_asked_of_the_same_photo(filled_workspace):
    at = upload(live_page("Photo"), "one.png", encoded(ONE_FACE))
    before = at.dataframe[0].value
    at.selectbox("live_model").set_value(run_name()).run()
    assert not at.exception and not at.error
    assert (at.dataframe[0].value["sure"] != before["sure"]).all()


def test_a_damaged_model_gives_one_sentence(trained, empty_workspace):
    shutil.copytree(trained, empty_workspace)
    damaged = find_model(run_name())
    damaged.openvino_path.write_text("<net>")
    at = upload(live_page("Photo", damaged.name), "one.png", encoded(ONE_FACE))
    (error,) = at.error
    assert f"'{damaged.name}' is missing or damaged" in error.value
    assert not at.dataframe


def test_a_chosen_detector_finds_the_faces(filled_workspace, monkeypatch):
    class Nothing:
        def __init__(self, smallest: int) -> None:
            pass

        def detect(self, gray: np.ndarray) -> list:
            return []

    monkeypatch.setattr("pipeline.vision.faces.available_detectors", lambda: ["haar", "none"])
    monkeypatch.setitem(faces.DETECTORS, "none", Nothing)
    at = upload(live_page("Photo"), "one.png", encoded(ONE_FACE))
    assert len(at.dataframe[0].value) == 1
    named(at.selectbox, "Detector").set_value("none").run()
    assert "No face was found" in at.info[0].value
