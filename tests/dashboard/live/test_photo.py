"""A photo on the Live page."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from dashboard.views.live.photo import OPEN_PHOTO
from dashboard.widgets.markdown import escape_markdown
from pipeline.data import images
from pipeline.labels import EMOTIONS
from pipeline.vision.boxes import Box
from pipeline.vision.confidence import UNCERTAIN
from pipeline.vision.detectors import DETECTORS, Detector
from pipeline.vision.photo import PhotoDetector
from pipeline.workspace import PROJECT
from tests.dashboard.live.conftest import OTHER, downloads, go, named, open_page, open_part, run
from tests.vision.clips import face_image

EXAMPLES = PROJECT / "dashboard" / "views" / "live" / "examples"
ONE_FACE = face_image(480, 640)
TWO_FACES = np.hstack([ONE_FACE, ONE_FACE])


def encode(image: np.ndarray, kind: str = ".png") -> bytes:
    return cv2.imencode(kind, image)[1].tobytes()


def decode(content: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


def upload(at: AppTest, name: str, content: bytes) -> AppTest:
    at.file_uploader[0].upload(name, content, "image/png")
    return run(at)


def test_two_faces_give_a_table_and_an_image_with_the_faces_drawn():
    at = open_part("photo")
    assert any("discarded when you leave" in caption.value for caption in at.caption)
    assert not at.dataframe and not at.image

    upload(at, "two.faces.png", encode(TWO_FACES))
    table = at.dataframe[0].value
    assert list(table.index) == [1, 2]
    assert list(table.columns) == ["emotion", "confidence", *EMOTIONS]
    assert set(table["emotion"]) <= {*EMOTIONS, UNCERTAIN}
    assert table[list(EMOTIONS)].sum(axis=1).to_numpy() == pytest.approx([100, 100], abs=0.1)
    assert table["confidence"].between(100 / 7, 100).all()
    assert len(at.image) == 1 and not at.error and not at.info

    content, name = downloads(at)["Image, PNG"]
    assert name == "two.faces-emotions.png"
    assert decode(content).shape == TWO_FACES.shape and (decode(content) != TWO_FACES).any()


def test_the_cards_of_a_photo_and_its_table_have_one_distribution(other_model):
    at = upload(open_part("photo", OTHER), "two.png", encode(TWO_FACES))  # at a temperature of 3
    (cards,) = (each.proto.body for each in at.get("html"))
    assert cards.count("Face ") >= 2 and cards.count("<img") == 2
    for _, row in at.dataframe[0].value.iterrows():
        assert row["confidence"] == row[list(EMOTIONS)].max()
        for emotion in EMOTIONS:
            assert f"</span>{row[emotion]:.1f}%</span>" in cards
    assert any("temperature, not averaged" in caption.value for caption in at.caption)


def test_three_examples_of_at_most_60_kb_can_be_tried_and_name_their_source():
    at = open_part("photo")
    at.segmented_control("live.photo.way").set_value("Example").run()
    options = at.segmented_control("live.photo.example").options
    assert len(options) == 3
    for name, faces in zip(options, (1, 2, 3), strict=True):
        at.segmented_control("live.photo.example").set_value(name).run()
        assert len(at.dataframe[0].value) == faces and not at.error, name
        assert any("NASA" in each.value or "Synthetic" in each.value for each in at.caption), name
        assert "Image, PNG" in downloads(at)
    for photo in EXAMPLES.glob("*.jpg"):
        assert photo.stat().st_size <= 60_000
        assert f"`{photo.name}`" in (EXAMPLES / "README.md").read_text()


def test_a_large_photo_is_exported_at_its_own_size():
    large = cv2.resize(TWO_FACES, None, fx=2, fy=2)
    at = upload(open_part("photo"), "large.jpg", encode(large, ".jpg"))
    content, _ = downloads(at)["Image, PNG"]
    assert decode(content).shape == (960, 2560, 3)
    assert len(at.dataframe[0].value) == 2


def test_a_file_that_is_not_an_image_is_one_sentence_and_an_image_without_a_face_says_so():
    at = open_part("photo")
    for content in (b"", b"no image", b"\x89PNG\r\n\x1a\n" + bytes(100)):
        (error,) = upload(at, "my_[cat].png", content).error
        assert error.value.startswith(escape_markdown("my_[cat].png"))
        assert "not an image that can be decoded" in error.value
        assert not at.dataframe and not at.image
    for image in (np.full((300, 400, 3), 90, np.uint8), np.zeros((1, 1, 3), np.uint8)):
        upload(at, "gray.png", encode(image))
        assert "No face was found" in at.info[0].value
        assert len(at.image) == 1 and not at.dataframe and not at.error


def test_a_photo_can_be_taken_and_the_choice_lasts_through_another_page():
    at = open_page("Photo")
    at.segmented_control("live.photo.way").set_value("Take a photo").run()
    at.camera_input[0].upload("shot.jpg", encode(ONE_FACE, ".jpg"), "image/jpeg")
    assert len(run(at).dataframe[0].value) == 1 and not at.error

    go(at, "overview")
    go(at, "live")
    at.segmented_control("live_from").set_value("Photo").run()
    assert at.segmented_control("live.photo.way").value == "Take a photo"
    assert not at.dataframe  # the photo itself is discarded


def test_a_photo_is_decoded_once_for_all_runs_of_the_page(monkeypatch):
    decoded = []
    monkeypatch.setattr(
        "dashboard.views.live.photo.decode_gray",
        lambda content: decoded.append(len(content)) or images.decode_gray(content),
    )
    at = upload(open_part("photo"), "one.png", encode(ONE_FACE))
    for _ in range(2):
        assert len(run(at).dataframe[0].value) == 1
    assert len(decoded) == 1
    upload(at, "two.png", encode(TWO_FACES))
    assert len(at.dataframe[0].value) == 2 and len(decoded) == 2


def test_a_face_crop_is_recognized_as_a_whole_and_the_page_says_so():
    (box,) = PhotoDetector().detect(cv2.cvtColor(ONE_FACE, cv2.COLOR_BGR2GRAY))
    margin = box.width // 8
    rows = slice(box.y - margin, box.y + box.height + margin)
    tight = ONE_FACE[rows, box.x - margin : box.x + box.width + margin]
    small = cv2.resize(tight, (48, 48), interpolation=cv2.INTER_AREA)
    for image in (small, tight):
        at = upload(open_part("photo"), "face.png", encode(image))
        assert "face crop already" in at.info[0].value
        assert len(at.dataframe[0].value) == 1
        content, _ = downloads(at)["Image, PNG"]
        assert decode(content).shape == image.shape


def test_an_image_of_too_many_pixels_is_one_sentence():
    header = b"P5 20000 20000 255\n"
    (error,) = upload(open_part("photo"), "huge.pgm", header).error
    assert error.value.startswith("huge.pgm has 20,000 x 20,000 pixels, more than the 100 mega")


def test_the_page_takes_the_files_that_the_command_takes():
    assert {".jfif", ".heic", ".avif", ".jpe", ".jp2"} <= images.SUFFIXES
    at = open_part("photo")
    assert set(at.file_uploader[0].proto.type) >= images.SUFFIXES
    content = io.BytesIO()
    Image.fromarray(ONE_FACE[..., ::-1]).save(content, "HEIF")
    for name, photo in (("a.jfif", encode(ONE_FACE, ".jpg")), ("b.heic", content.getvalue())):
        upload(at, name, photo)
        assert len(at.dataframe[0].value) == 1 and not at.error, name


def test_a_photo_is_gone_from_memory_when_its_page_is_left():
    at = upload(open_page("Photo"), "one.png", encode(ONE_FACE))
    assert OPEN_PHOTO in at.session_state
    go(at, "overview")
    assert OPEN_PHOTO not in at.session_state


def test_another_model_is_used_on_the_same_photo(other_model):
    at = upload(open_part("photo"), "one.png", encode(ONE_FACE))
    before = at.dataframe[0].value
    at.session_state.model = OTHER
    assert (run(at).dataframe[0].value["confidence"] != before["confidence"]).all()


def test_another_detector_can_be_chosen_on_the_page(monkeypatch):
    class NoFace(Detector):
        def detect(self, gray: np.ndarray) -> list[Box]:
            return []

    monkeypatch.setitem(DETECTORS, "none", NoFace)
    at = upload(open_page("Photo"), "one.png", encode(ONE_FACE))
    assert len(at.dataframe[0].value) == 1
    named(at.selectbox, "Detector").set_value("none")
    assert "No face was found" in run(at).info[0].value


def test_a_damaged_model_is_one_sentence(other_model):
    other_model.int8_path.write_text("<net>")
    at = upload(open_part("photo", OTHER), "one.png", encode(ONE_FACE))
    (error,) = at.error
    assert f"'{OTHER}' is missing or damaged" in error.value
    assert not at.dataframe
