import cv2
import numpy as np
import pytest
import skimage.data

from pipeline.errors import UserError
from pipeline.vision.boxes import Box, center, crop_face, iou
from pipeline.vision.detectors import DETECTORS, blazeface
from pipeline.vision.detectors.auto import AutoDetector
from pipeline.vision.detectors.blazeface import BlazeFaceDetector
from pipeline.vision.detectors.haar import HaarDetector

FACE, SIDE = (224, 114), 104  # of the astronaut in her photograph
HEAD = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2GRAY)[:280, 80:370]


def scene(shape: tuple[int, int], x: int, y: int, side: int = SIDE, tilt: float = 0) -> np.ndarray:
    """The astronaut's head in a gray image, with the center and the side of the face given."""
    turn = cv2.getRotationMatrix2D((FACE[0] - 80, FACE[1]), -tilt, side / SIDE)
    turn[:, 2] += x - FACE[0] + 80, y - FACE[1]
    image = np.full(shape, 110, np.uint8)
    return cv2.warpAffine(
        HEAD, turn, shape[::-1], dst=image, borderMode=cv2.BORDER_TRANSPARENT
    ).astype(np.uint8)


@pytest.mark.slow
def test_it_finds_faces_wherever_they_are_in_frames_of_any_shape():
    for shape, x, y, side, smallest in (
        ((480, 640), 320, 240, 120, 60),
        ((480, 640), 90, 100, 70, 60),
        ((640, 480), 380, 540, 120, 60),
        ((1920, 1080), 800, 1500, 400, 200),
        ((300, 1200), 1080, 170, 110, 60),
        ((480, 640), 500, 380, 30, 30),
        ((100, 100), 50, 50, 70, 60),
    ):
        (box,) = BlazeFaceDetector(smallest).detect(scene(shape, x, y, side))
        truth = Box(x - side // 2, y - side // 2, side, side)
        assert iou(box, truth) > 0.5, (shape, x, y, side, box)
        assert box.width == box.height and box.tilt_deg == 0


@pytest.mark.slow
def test_a_tilted_face_is_found_and_its_crop_is_upright():
    (upright,) = BlazeFaceDetector().detect(scene((480, 640), 320, 240, 140))
    expected = crop_face(scene((480, 640), 320, 240, 140), upright).ravel()
    for tilt in (-45, -30, 30, 45):
        image = scene((480, 640), 320, 240, 140, tilt)
        assert HaarDetector().detect(image) == []
        for detector in (BlazeFaceDetector(), AutoDetector()):
            (box,) = detector.detect(image)
            assert abs(box.tilt_deg - tilt) < 12
            assert np.hypot(*np.subtract(center(box), (320, 240))) < 25
            crop, tilted = crop_face(image, box), crop_face(image, Box(*box))
            assert crop.shape == (48, 48) and crop.dtype == np.uint8
            likeness = [np.corrcoef(face.ravel(), expected)[0, 1] for face in (crop, tilted)]
            assert likeness[0] > max(0.4, likeness[1] + 0.15), (tilt, likeness)


def test_a_tilted_face_at_the_edge_of_the_image_is_cropped():
    image = scene((480, 640), 45, 50, tilt=30)
    (box,) = BlazeFaceDetector().detect(image)
    assert box.tilt_deg and min(box.x, box.y) < 0
    assert crop_face(image, box).std() > 20


@pytest.mark.slow
def test_an_image_filled_by_a_face_is_seen_to_be():
    crop = HEAD[FACE[1] - 60 : FACE[1] + 60, FACE[0] - 140 : FACE[0] - 20]
    brick = cv2.resize(skimage.data.brick(), (120, 120))
    for name in ("blazeface", "auto"):
        assert DETECTORS[name]().fills(crop) and not DETECTORS[name]().fills(brick), name


def test_a_damaged_file_is_named_with_the_cure(monkeypatch, tmp_path):
    content = blazeface.MODEL.read_bytes()
    flipped = bytearray(content)
    flipped[500_000] ^= 1
    file = tmp_path / "model.tflite"
    monkeypatch.setattr(blazeface, "MODEL", file)
    for damaged in (
        None,
        b"",
        content[:-1],
        bytes(flipped),
        b"version https://git-lfs.github.com/spec/v1",
    ):
        if damaged is not None:
            file.write_bytes(damaged)
        for name in ("blazeface", "auto"):
            with pytest.raises(UserError, match="missing or damaged.*fetch") as caught:
                DETECTORS[name]()
            assert str(file) in str(caught.value) and str(caught.value).count(". ") == 0


def test_auto_keeps_the_cascade_alone_where_there_is_no_time():
    tilted, upright = scene((480, 640), 320, 240, tilt=40), scene((480, 640), 320, 240)
    detector = AutoDetector()
    assert detector.detect(upright) == HaarDetector().detect(upright) != []
    detector.budget_s = 1e-9
    assert detector.detect(tilted) == []
    detector.budget_s = 60
    assert len(detector.detect(tilted)) == 1
