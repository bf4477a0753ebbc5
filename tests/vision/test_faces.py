import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.vision.faces import (
    DETECTORS,
    Box,
    HaarDetector,
    available_detectors,
    crop_face,
)
from pipeline.vision.haar import CASCADES


def gray_of(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)


@pytest.fixture(params=DETECTORS)
def detector(request):
    if request.param not in available_detectors():
        pytest.skip("the real model of YuNet is not shipped: name it in EMOTION_YUNET")
    return DETECTORS[request.param](60)


@pytest.fixture(scope="module")
def coins_clip() -> list[np.ndarray]:
    """Grey looks at one face that wanders in front of ancient coins, which bear faces, too."""
    coins = cv2.resize(skimage.data.coins()[60:240, 60:300], (640, 480))
    head = gray_of(skimage.data.astronaut()[17:217, 124:324, ::-1])
    clip = []
    for phase in np.linspace(0, 2 * np.pi, 8, endpoint=False):
        x, y = int(220 + 100 * np.cos(phase)), int(150 + 60 * np.sin(phase))
        clip.append(coins.copy())
        clip[-1][y : y + 200, x : x + 200] = head
    return clip


def test_a_detector_finds_the_one_face_where_it_is(detector, face_frame):
    (box,) = detector.detect(gray_of(face_frame))
    assert box.x < 314 < box.x + box.width
    assert box.y < 184 < box.y + box.height
    assert 80 <= box.width <= 140


def test_a_detector_finds_nothing_on_a_plain_picture(detector):
    assert detector.detect(np.full((480, 640), 90, np.uint8)) == []


def test_a_detector_finds_two_faces(detector, two_faces_frame):
    assert len(detector.detect(gray_of(two_faces_frame))) == 2


def test_a_detector_takes_a_picture_of_one_pixel(detector):
    assert detector.detect(np.zeros((1, 1), np.uint8)) == []


def test_haar_passes_over_faces_smaller_than_asked_for(face_frame):
    assert HaarDetector(smallest=180).detect(gray_of(face_frame)) == []


def test_haar_finds_a_face_at_the_edge(face_frame):
    (box,) = HaarDetector().detect(gray_of(face_frame)[130:, 260:])
    assert box.x < 54 < box.x + box.width


def test_haar_finds_one_face_where_the_cascade_alone_finds_more(coins_clip):
    cascade = cv2.CascadeClassifier(str(CASCADES / "haarcascade_frontalface_default.xml"))
    halves = [cv2.resize(look, None, fx=0.5, fy=0.5) for look in coins_clip]
    alone = [len(cascade.detectMultiScale(half, 1.2, 3, minSize=(30, 30))) for half in halves]
    detector = HaarDetector()
    assert sum(faces > 1 for faces in alone) > 4
    assert [len(detector.detect(look)) for look in coins_clip] == [1] * len(coins_clip)


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
