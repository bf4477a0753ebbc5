"""What every detector finds, what the Haar cascades find, and the recipe for another one."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.vision.boxes import Box
from pipeline.vision.detectors import DETECTORS, Detector, available_detectors
from pipeline.vision.detectors.haar import CASCADES, HaarDetector
from pipeline.vision.photo import PhotoDetector, detect_faces
from tests.conftest import invoke
from tests.vision.clips import face_image, write_clip
from tests.vision.conftest import FAST, feed_until


def gray_of(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_finds_the_faces_where_they_are_and_no_others(name, face_frame, two_faces_frame):
    if name not in available_detectors():
        pytest.skip(f"the model of {name} is not bundled: name it in EMOTION_{name.upper()}")
    detector = DETECTORS[name](60)
    (box,) = detector.detect(gray_of(face_frame))
    assert box.x < 314 < box.x + box.width and box.y < 184 < box.y + box.height
    assert 80 <= box.width <= 140
    assert len(detector.detect(gray_of(two_faces_frame))) == 2
    assert detector.detect(np.full((480, 640), 90, np.uint8)) == []
    assert detector.detect(np.zeros((1, 1), np.uint8)) == []


def test_haar_skips_faces_smaller_than_asked_for_and_finds_one_at_the_edge(face_frame):
    assert HaarDetector(smallest_face=180).detect(gray_of(face_frame)) == []
    (box,) = HaarDetector().detect(gray_of(face_frame)[130:, 260:])
    assert box.x < 54 < box.x + box.width


def test_haar_finds_one_face_where_the_cascade_alone_finds_more():
    """One face moves in front of ancient coins, which bear faces, too."""
    coins = cv2.resize(skimage.data.coins()[60:240, 60:300], (640, 480))
    head = gray_of(skimage.data.astronaut()[17:217, 124:324, ::-1])
    cascade = cv2.CascadeClassifier(str(CASCADES / "haarcascade_frontalface_default.xml"))
    detector, alone = HaarDetector(), []
    for phase in np.linspace(0, 2 * np.pi, 8, endpoint=False):
        x, y = int(220 + 100 * np.cos(phase)), int(150 + 60 * np.sin(phase))
        frame = coins.copy()
        frame[y : y + 200, x : x + 200] = head
        half = cv2.resize(frame, None, fx=0.5, fy=0.5)
        alone.append(len(cascade.detectMultiScale(half, 1.2, 3, minSize=(30, 30))))
        assert len(detector.detect(frame)) == 1
    assert sum(faces > 1 for faces in alone) > 4


class WholeImage(Detector):
    """Takes the whole image for a face."""

    def detect(self, gray: np.ndarray) -> list[Box]:
        return [Box(0, 0, gray.shape[1], gray.shape[0])]


@pytest.mark.slow
def test_another_detector_is_a_class_with_detect_and_a_line_in_detectors(
    monkeypatch, tmp_path, new_processor, stub, capsys
):
    """The recipe of docs/architecture.md; its test for the Live page is in tests/dashboard."""
    monkeypatch.setitem(DETECTORS, "whole", WholeImage)
    assert available_detectors() == ["haar", "blazeface", "auto", "whole"]

    gray = cv2.cvtColor(face_image(), cv2.COLOR_BGR2GRAY)
    assert detect_faces(gray, PhotoDetector("whole")).boxes == [Box(0, 0, 320, 240)]

    clip, out = write_clip(tmp_path / "in.mp4", [face_image()] * 40), str(tmp_path / "out.mp4")
    words = ("video", "custom_cnn", str(clip), out, "--detector", "whole", "--json")
    _, printed, _ = invoke(*words, capsys=capsys)
    assert json.loads(printed)["faces"] == 39

    processor = new_processor(stub, replace(FAST, detector="whole"))
    assert feed_until(processor, lambda snapshot: snapshot.faces)
    assert processor.snapshot().faces[0].box == Box(0, 0, 640, 480)
