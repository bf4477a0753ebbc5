import cv2
import numpy as np
import pytest

from pipeline.vision.boxes import Box, clip, crop_face, iou, suppress_nested

LEFT = Box(0, 0, 100, 100)
RIGHT = Box(300, 0, 100, 100)


def test_iou_is_intersection_over_union():
    for case, a, b, expected in (
        ("the same", LEFT, LEFT, 1.0),
        ("apart", LEFT, RIGHT, 0.0),
        ("side by side", LEFT, Box(100, 0, 100, 100), 0.0),
        ("half", LEFT, Box(50, 0, 100, 100), 1 / 3),
        ("inside", LEFT, Box(20, 20, 50, 50), 0.25),
        ("empty", LEFT, Box(20, 20, 0, 0), 0.0),
    ):
        assert iou(a, b) == iou(b, a) == pytest.approx(expected), case


def test_a_clipped_box_has_at_least_one_pixel():
    for case, box, edges in (
        ("inside", Box(10, 20, 30, 40), (10, 20, 40, 60)),
        ("over the upper left corner", Box(-10, -20, 30, 40), (0, 0, 20, 20)),
        ("over the lower right corner", Box(90, 70, 30, 40), (90, 70, 100, 80)),
        ("outside", Box(500, 500, 9, 9), (99, 79, 100, 80)),
    ):
        assert clip(box, 80, 100) == edges, case


def test_a_box_mostly_inside_a_larger_one_is_suppressed():
    for case, boxes, expected in (
        ("wholly inside", [Box(30, 40, 40, 40), LEFT], [LEFT]),
        ("a third inside", [Box(80, 0, 60, 60), LEFT], [LEFT, Box(80, 0, 60, 60)]),
        ("three quarters inside", [Box(70, 0, 40, 40), LEFT], [LEFT]),
        ("twice", [LEFT, LEFT], [LEFT]),
        ("apart", [RIGHT, LEFT], [RIGHT, LEFT]),
        ("none", [], []),
    ):
        assert suppress_nested(boxes) == expected, case


def test_crop_face_is_48_by_48_wherever_the_box_lies(face_frame):
    gray = cv2.cvtColor(face_frame, cv2.COLOR_BGR2GRAY)
    for box in (
        Box(10, 10, 96, 96),
        Box(-40, -40, 96, 96),
        Box(600, 440, 96, 96),
        Box(-300, -300, 50, 50),
        Box(900, 900, 50, 50),
        Box(20, 20, 0, 0),
        Box(-9, -9, 2000, 2000),
        Box(5, 5, 48, 48),
    ):
        face = crop_face(gray, box)
        assert (face.shape, face.dtype) == ((48, 48), np.uint8), box


def test_crop_face_has_the_pixels_inside_the_box():
    gray = np.zeros((100, 100), np.uint8)
    gray[20:60, 30:70] = 200
    assert (crop_face(gray, Box(30, 20, 40, 40)) == 200).all()
