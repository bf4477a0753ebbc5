import cv2
import numpy as np
import pytest

from pipeline.vision.faces import DETECTORS, Box, HaarDetector, crop_face


def gray_of(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_finds_the_one_face_where_it_is(name, face_frame):
    (box,) = DETECTORS[name](60).detect(gray_of(face_frame))
    assert box.x < 314 < box.x + box.width
    assert box.y < 184 < box.y + box.height
    assert 80 <= box.width <= 140


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_finds_nothing_on_a_plain_picture(name):
    assert DETECTORS[name](60).detect(np.full((480, 640), 90, np.uint8)) == []


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_finds_two_faces(name, two_faces_frame):
    assert len(DETECTORS[name](60).detect(gray_of(two_faces_frame))) == 2


def test_haar_passes_over_faces_smaller_than_asked_for(face_frame):
    assert HaarDetector(smallest=180).detect(gray_of(face_frame)) == []


def test_haar_takes_a_picture_of_one_pixel():
    assert HaarDetector(smallest=200).detect(np.zeros((1, 1), np.uint8)) == []


@pytest.mark.parametrize(
    "box",
    [
        pytest.param(Box(10, 10, 96, 96), id="inside"),
        pytest.param(Box(-40, -40, 96, 96), id="over the left upper corner"),
        pytest.param(Box(600, 440, 96, 96), id="over the right lower corner"),
        pytest.param(Box(-300, -300, 50, 50), id="outside, left"),
        pytest.param(Box(900, 900, 50, 50), id="outside, right"),
        pytest.param(Box(20, 20, 0, 0), id="empty"),
        pytest.param(Box(-9, -9, 2000, 2000), id="larger than the picture"),
        pytest.param(Box(5, 5, 48, 48), id="already of the models' size"),
    ],
)
def test_crop_face_is_48_by_48_wherever_the_box_lies(box, face_frame):
    face = crop_face(gray_of(face_frame), box)
    assert face.shape == (48, 48)
    assert face.dtype == np.uint8


def test_crop_face_cuts_what_the_box_holds():
    gray = np.zeros((100, 100), np.uint8)
    gray[20:60, 30:70] = 200
    assert (crop_face(gray, Box(30, 20, 40, 40)) == 200).all()
