"""The same face gives the same probabilities, whichever way it comes to the model."""

from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from pipeline.data import sample
from pipeline.evaluation.predictions import predict_split
from pipeline.labels import EMOTIONS
from pipeline.runs import find_model
from pipeline.vision.faces import Box, HaarDetector, crop_face
from pipeline.vision.live import LiveProcessor
from pipeline.vision.photo import find_faces
from pipeline.vision.reader import FaceReader
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.snapshot import LiveSettings
from tests.data.dataset_makers import store_faces
from tests.vision.conftest import FAST, make_detector, until, workers

STORED = Box(60, 40, 48, 48)
LARGE, ASTRONAUT = Box(300, 100, 133, 133), Box(258, 128, 112, 112)


@pytest.fixture(scope="module")
def model() -> Recognizer:
    return Recognizer.load(find_model("custom_cnn"), "f32", threads=1)


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """Two drawn faces of each emotion, uint8 (14, 48, 48)."""
    rng = np.random.default_rng(11)
    return np.stack([sample.draw_face(emotion, rng) for emotion in 2 * EMOTIONS])


def frame_of(face: np.ndarray, box: Box) -> np.ndarray:
    """A frame of noise with a face, of which neither its edge nor its size says anything."""
    frame = np.random.default_rng(4).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    large = cv2.resize(face, (box.width, box.height), interpolation=cv2.INTER_CUBIC)
    if box == STORED:
        large = face
    frame[box.y : box.y + box.height, box.x : box.x + box.width] = large[..., np.newaxis]
    return frame


def by_photo(model: Recognizer, frame: np.ndarray, *boxes: Box) -> np.ndarray:
    found = find_faces(frame.copy(), make_detector(*boxes)(60), model)
    assert [face.box for face in found] == list(boxes)
    return np.stack([face.probabilities for face in found])


def by_video(model: Recognizer, frame: np.ndarray, *boxes: Box) -> np.ndarray:
    reader = FaceReader(make_detector(*boxes)(60), model.share(), smoothing_s=0.0)
    gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    for seconds in (0.0, 0.04):
        found = reader.read(gray, seconds)
    return np.stack([face.probabilities for face in found])


def by_live(
    model: Recognizer, frame: np.ndarray, *boxes: Box, settings: LiveSettings = FAST
) -> np.ndarray:
    processor = LiveProcessor(model, settings, detectors={"haar": make_detector(*boxes)})

    def receive() -> bool:
        shown = processor.recv(av.VideoFrame.from_ndarray(frame, format="bgr24"))
        assert shown.width == frame.shape[1]
        return len(processor.snapshot().faces) == len(boxes)

    try:
        assert until(receive)
        found = processor.snapshot().faces
        assert [face.box for face in found] == list(boxes)
        return np.stack([face.probabilities for face in found])
    finally:
        processor.stop()
        assert until(lambda: not workers())


def assert_same(found: np.ndarray, expected: np.ndarray) -> None:
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


def test_a_stored_face_gives_the_same_on_every_path(model, faces):
    dataset = store_faces(faces, splits="test")
    evaluated = predict_split(find_model("custom_cnn"), dataset, "test").probabilities
    assert len(np.unique(evaluated.argmax(axis=1))) >= 4, "the model tells the faces apart"
    assert_same(model.predict(dataset.images), evaluated)
    for face, expected in zip(faces[:7], evaluated, strict=False):
        frame = frame_of(face, STORED)
        assert_same(by_photo(model, frame, STORED)[0], expected)
        assert_same(by_video(model, frame, STORED)[0], expected)
        assert_same(by_live(model, frame, STORED)[0], expected)


def test_evaluation_gives_each_face_what_it_gives_alone(model, faces):
    dataset = store_faces(faces, splits=["train", "test"] * 7)
    evaluated = predict_split(find_model("custom_cnn"), dataset, "test")
    for face_id, expected in zip(evaluated.ids, evaluated.probabilities, strict=True):
        face = faces[int(face_id.removeprefix("f"))]
        assert_same(model.predict(face[np.newaxis])[0], expected)


@pytest.mark.parametrize("which", range(7), ids=EMOTIONS)
def test_a_face_of_any_size_gives_the_same_in_photo_video_and_live(model, faces, which):
    frame = frame_of(faces[which], LARGE)
    expected = by_photo(model, frame, LARGE)
    crop = crop_face(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), LARGE)
    assert_same(model.predict(crop[np.newaxis]), expected)
    assert_same(by_video(model, frame, LARGE), expected)
    assert_same(by_live(model, frame, LARGE), expected)


@pytest.mark.parametrize(
    "box",
    [
        pytest.param(ASTRONAUT, id="whole"),
        pytest.param(Box(300, 150, 400, 400), id="over the right lower corner"),
        pytest.param(Box(-60, -20, 420, 300), id="over the left upper corner"),
    ],
)
def test_a_photographed_face_gives_the_same_in_photo_video_and_live(model, face_frame, box):
    expected = by_photo(model, face_frame, box)
    assert_same(by_video(model, face_frame, box), expected)
    assert_same(by_live(model, face_frame, box), expected)


def test_two_faces_of_a_frame_give_the_same_as_each_alone(model, face_frame, faces):
    frame = frame_of(faces[5], STORED)
    frame[100:400, 200:500] = face_frame[70:370, 170:470]
    boxes = STORED, Box(288, 158, 112, 112)
    alone = np.concatenate([by_photo(model, frame, box) for box in boxes])
    assert np.abs(alone[0] - alone[1]).max() > 0.1
    for path in (by_photo, by_video, by_live):
        assert_same(path(model, frame, *boxes), alone)


def test_what_is_shown_has_no_say_in_what_is_recognised(model, face_frame):
    expected = by_photo(model, face_frame, ASTRONAUT)
    for shown in (
        {"mirror": True},
        {"bars": True},
        {"activation_map": True},
        {"hide_faces": True},
        {"mirror": True, "bars": True, "activation_map": True, "hide_faces": True},
    ):
        assert_same(
            by_live(model, face_frame, ASTRONAUT, settings=replace(FAST, **shown)), expected
        )


def test_smoothing_leaves_a_face_that_stays_as_it_is(model, face_frame):
    settings = replace(FAST, smoothing_s=0.4)
    expected = by_photo(model, face_frame, ASTRONAUT)
    assert_same(by_live(model, face_frame, ASTRONAUT, settings=settings), expected)


def test_the_shipped_detector_gives_photo_and_video_the_same_faces(model, face_frame):
    photo = find_faces(face_frame.copy(), HaarDetector(60), model)
    reader = FaceReader(HaarDetector(60), model.share(), smoothing_s=0.0)
    gray = cv2.cvtColor(face_frame, cv2.COLOR_BGR2GRAY)
    for seconds in (0.0, 0.04):
        video = reader.read(gray, seconds)
    assert video
    assert {face.box for face in video} == {face.box for face in photo}
    expected = {face.box: face.probabilities for face in photo}
    for face in video:
        assert_same(face.probabilities, expected[face.box])
