"""A face gets the same probabilities in evaluation, photo, video and live."""

from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from pipeline.data import sample
from pipeline.evaluation.predictions import predict_split
from pipeline.labels import EMOTIONS
from pipeline.runs import find_model
from pipeline.vision.boxes import Box, crop_face
from pipeline.vision.detectors.haar import HaarDetector
from pipeline.vision.face_pipeline import FacePipeline
from pipeline.vision.live.settings import LiveSettings
from pipeline.vision.photo import detect_faces, recognize
from pipeline.vision.recognizer import Recognizer
from tests.data.dataset_makers import store_faces
from tests.vision.conftest import FAST, make_detector, until

STORED = Box(60, 40, 48, 48)
LARGE, ASTRONAUT = Box(300, 100, 133, 133), Box(258, 128, 112, 112)


@pytest.fixture(scope="module")
def model() -> Recognizer:
    return Recognizer.load(find_model("custom_cnn"), "f32", threads=1)


@pytest.fixture(scope="module")
def faces() -> np.ndarray:
    """Two synthetic faces of each emotion, uint8 (14, 48, 48)."""
    rng = np.random.default_rng(11)
    return np.stack([sample.draw_face(emotion, rng) for emotion in 2 * EMOTIONS])


def frame_of(face: np.ndarray, box: Box) -> np.ndarray:
    """A frame of noise with a face in a box."""
    frame = np.random.default_rng(4).integers(0, 256, (480, 640, 3), dtype=np.uint8)
    large = cv2.resize(face, (box.width, box.height), interpolation=cv2.INTER_CUBIC)
    if box == STORED:
        large = face
    frame[box.y : box.y + box.height, box.x : box.x + box.width] = large[..., np.newaxis]
    return frame


def by_photo(model: Recognizer, frame: np.ndarray, *boxes: Box) -> np.ndarray:
    gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    found = recognize(detect_faces(gray, make_detector(*boxes)(60)), model)
    assert [face.box for face in found] == list(boxes)
    return np.stack([face.probabilities for face in found])


def by_video(model: Recognizer, frame: np.ndarray, *boxes: Box) -> np.ndarray:
    pipeline = FacePipeline(make_detector(*boxes)(60), model.share(), smoothing_s=0.0)
    gray = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    for seconds in (0.0, 0.04):
        found = pipeline.process(gray, seconds)
    return np.stack([face.probabilities for face in found])


@pytest.fixture
def by_live(model, detector, new_processor):
    """Return the probabilities of a frame's faces in one live video after another."""

    def recognize(
        model: Recognizer, frame: np.ndarray, *boxes: Box, settings: LiveSettings = FAST
    ) -> np.ndarray:
        detector.boxes = list(boxes)
        processor = new_processor(model, settings)

        def all_are_found() -> bool:
            returned = processor.recv(av.VideoFrame.from_ndarray(frame, format="bgr24"))
            assert returned.width == frame.shape[1]
            return len(processor.snapshot().faces) == len(boxes)

        assert until(all_are_found)
        found = processor.snapshot().faces
        processor.stop()
        assert [face.box for face in found] == list(boxes)
        return np.stack([face.probabilities for face in found])

    return recognize


def assert_same(found: np.ndarray, expected: np.ndarray, case: object = "") -> None:
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4, err_msg=str(case))


def test_a_stored_face_gets_the_same_everywhere(model, faces, by_live):
    dataset = store_faces(faces, splits="test")
    evaluated = predict_split(find_model("custom_cnn"), dataset, "test").probabilities
    assert len(np.unique(evaluated.argmax(axis=1))) >= 4, "the model tells the faces apart"
    assert_same(model.predict(dataset.images), evaluated)
    for face, expected in zip(faces[:7], evaluated, strict=False):
        frame = frame_of(face, STORED)
        for path in (by_photo, by_video, by_live):
            assert_same(path(model, frame, STORED)[0], expected)


def test_a_face_of_any_size_gets_the_same_in_photo_video_and_live(
    model, faces, face_frame, by_live
):
    cases = [(frame_of(face, LARGE), LARGE) for face in faces[:7]]
    outside = Box(300, 150, 400, 400), Box(-60, -20, 420, 300)
    cases += [(face_frame, box) for box in (ASTRONAUT, *outside)]
    for frame, box in cases:
        expected = by_photo(model, frame, box)
        crop = crop_face(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY), box)
        assert_same(model.predict(crop[np.newaxis]), expected, box)
        assert_same(by_video(model, frame, box), expected, box)
        assert_same(by_live(model, frame, box), expected, box)


def test_two_faces_of_a_frame_get_the_same_as_each_alone(model, face_frame, faces, by_live):
    frame = frame_of(faces[5], STORED)
    frame[100:400, 200:500] = face_frame[70:370, 170:470]
    boxes = STORED, Box(288, 158, 112, 112)
    alone = np.concatenate([by_photo(model, frame, box) for box in boxes])
    assert np.abs(alone[0] - alone[1]).max() > 0.1
    for path in (by_photo, by_video, by_live):
        assert_same(path(model, frame, *boxes), alone)


def test_settings_of_the_view_and_smoothing_do_not_change_the_predictions(
    model, face_frame, by_live
):
    expected = by_photo(model, face_frame, ASTRONAUT)
    view = {"mirror": True, "bars": True, "activation_map": True, "hide_faces": True}
    for changed in (*({name: True} for name in view), view, {"smoothing_s": 0.4}):
        found = by_live(model, face_frame, ASTRONAUT, settings=replace(FAST, **changed))
        assert_same(found, expected, changed)


def test_the_haar_detector_gives_photo_and_video_the_same_faces(model, face_frame):
    gray = cv2.cvtColor(face_frame, cv2.COLOR_BGR2GRAY)
    photo = recognize(detect_faces(gray, HaarDetector(60)), model)
    pipeline = FacePipeline(HaarDetector(60), model.share(), smoothing_s=0.0)
    for seconds in (0.0, 0.04):
        video = pipeline.process(gray, seconds)
    assert video
    expected = {face.box: face.probabilities for face in photo}
    assert {face.box for face in video} == set(expected)
    for face in video:
        assert_same(face.probabilities, expected[face.box])
