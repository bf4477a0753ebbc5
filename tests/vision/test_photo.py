import cv2
import numpy as np
import pytest

from pipeline.vision.boxes import Box
from pipeline.vision.confidence import UNCERTAIN, scale_probabilities
from pipeline.vision.detectors.haar import HaarDetector
from pipeline.vision.photo import PhotoDetector, detect_faces, recognize, whole_image
from tests.vision.conftest import StubRecognizer


def gray_of(frame_bgr: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)


def test_all_faces_of_a_photo_are_recognized_in_one_batch(two_faces_frame, recognizer):
    faces = recognize(detect_faces(gray_of(two_faces_frame), HaarDetector()), recognizer)
    assert [(face.track_id, face.emotion) for face in faces] == [(1, "happy"), (2, "happy")]
    assert recognizer.batches == [2]


def test_a_photo_without_faces_gives_none(recognizer):
    for shape in ((300, 300), (1, 1), (60, 400)):
        faces = detect_faces(np.full(shape, 90, np.uint8), PhotoDetector())
        assert recognize(faces, recognizer) == [] and faces.crops.shape == (0, 48, 48), shape
    assert recognizer.batches == []


def test_an_image_that_a_face_fills_is_a_face_crop_already(face_frame):
    gray = gray_of(face_frame)
    for case, image in (
        ("tight", gray[124:244, 254:374]),
        ("with a margin", gray[112:252, 242:382]),
        ("small", cv2.resize(gray[112:252, 242:382], (48, 48), interpolation=cv2.INTER_AREA)),
    ):
        faces = detect_faces(image, PhotoDetector())
        height, width = image.shape
        assert faces.cropped and faces.boxes == [Box(0, 0, width, height)], case
        np.testing.assert_array_equal(faces.crops, whole_image(image).crops)
    assert not detect_faces(gray, PhotoDetector()).cropped


def test_a_face_down_to_a_sixteenth_of_the_shorter_side_is_found(face_frame):
    photo = np.full((1600, 2000), 90, np.uint8)
    photo[100:580, 200:840] = gray_of(face_frame)
    detector = PhotoDetector()
    for image in (photo, gray_of(face_frame), photo):  # one detector for photos of any size
        (box,) = detect_faces(image, detector).boxes
        assert 90 <= box.width <= 130


def test_confidence_and_label_of_a_face_are_at_the_models_temperature():
    faces = whole_image(np.zeros((48, 48), np.uint8))

    class Warm(StubRecognizer):
        def calibrated(self, probabilities):
            return scale_probabilities(probabilities, 2.5)

    (face,) = recognize(faces, Warm(happy=0.9))
    assert face.confidence == pytest.approx(scale_probabilities(face.probabilities, 2.5).max())
    assert face.confidence < face.probabilities.max()
    (face,) = recognize(faces, Warm(happy=0.3, sad=0.18))
    assert (face.label, face.emotion) == (UNCERTAIN, "happy")
