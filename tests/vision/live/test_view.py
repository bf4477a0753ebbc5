import numpy as np
import pytest

from pipeline.labels import COLORS
from pipeline.vision.boxes import Box
from pipeline.vision.drawing import blur, blur_faces, draw_faces, draw_problem
from pipeline.vision.live.settings import LiveSettings
from pipeline.vision.live.view import draw_result
from pipeline.vision.live.worker import FrameResult
from tests.vision.conftest import face_prediction, plain, textured

NOW = 1000.0
FACE = face_prediction(box=Box(120, 150, 100, 140))
OTHER_BOX = Box(450, 300, 90, 90)
PROBLEM = "Recognition fails."


def result(*faces, age_s: float = 0.1, boxes=None, size=(480, 640), problem=None) -> FrameResult:
    boxes = tuple(face.box for face in faces) if boxes is None else boxes
    return FrameResult(NOW - age_s, faces, boxes, size=size, problem=problem)


def view(frame: np.ndarray, of: FrameResult, **settings) -> np.ndarray:
    image = frame.copy()
    draw_result(image, of, LiveSettings(**settings), NOW)
    return image


def changed(frame: np.ndarray, image: np.ndarray) -> np.ndarray:
    return (frame != image).any(axis=2)


def test_faces_bars_and_a_problem_are_drawn_on_the_frame_itself():
    for bars in (False, True):
        expected = textured()
        draw_faces(expected, [FACE], bars=bars)
        np.testing.assert_array_equal(view(textured(), result(FACE), bars=bars), expected)
    np.testing.assert_array_equal(view(textured(), result()), textured())
    expected = textured()
    draw_problem(expected, PROBLEM)
    np.testing.assert_array_equal(view(textured(), result(problem=PROBLEM)), expected)


def test_a_mirrored_frame_is_the_mirror_image_except_for_what_is_drawn():
    frame = textured()
    mirrored = changed(frame[:, ::-1], view(frame, result(FACE), mirror=True, bars=True))
    as_filmed = changed(frame, view(frame, result(FACE), bars=True))
    assert 0 < mirrored.mean() < 0.2
    assert mirrored.sum() == pytest.approx(as_filmed.sum(), rel=0.05)
    rows, columns = mirrored.nonzero()
    assert columns.min() > 640 - 120 - 100 - 250
    assert rows.min() > 100


def test_a_mirrored_box_lies_where_the_mirrored_face_is():
    happy = list(bytes.fromhex(COLORS["happy"][1:]))[::-1]
    image = view(plain(), result(FACE), mirror=True)
    row = (image[260] == happy).all(axis=1).nonzero()[0]
    assert row.min() == pytest.approx(640 - 120 - 100, abs=2)
    assert row.max() == pytest.approx(640 - 120, abs=2)


def test_text_can_be_read_in_a_mirrored_frame():
    for problem in (None, PROBLEM):
        as_filmed = view(plain(), result(FACE, problem=problem), bars=True)
        mirrored = view(plain(), result(FACE, problem=problem), mirror=True, bars=True)
        moved = 640 - 120 - 100 - 120
        label = as_filmed[100:150, 116:280]
        np.testing.assert_array_equal(mirrored[100:150, 116 + moved : 280 + moved], label)
        np.testing.assert_array_equal(mirrored[440:], as_filmed[440:])
        assert (as_filmed[440:] != 90).any() == (problem is not None)


def test_a_mirrored_map_covers_the_same_side_of_the_face():
    activation_map = np.zeros((6, 6), np.float32)
    activation_map[:, :2] = 1.0
    face = face_prediction(box=FACE.box, activation_map=activation_map)
    for mirror in (False, True):
        image = view(plain(), result(face), mirror=mirror, activation_map=True).astype(int)
        orange = (image[170:270, :, 2] - image[170:270, :, 0]).mean(axis=0)
        orange = orange[::-1] if mirror else orange
        assert (orange[125:145] > 80).all() and (orange[180:215] < 20).all(), mirror


def with_blurred(*boxes: Box, faces=()) -> np.ndarray:
    expected = textured()
    blur_faces(expected, boxes)
    draw_faces(expected, faces)
    return expected


def test_hidden_faces_are_blurred_and_marked_also_those_that_are_not_confirmed():
    mapped = face_prediction(box=FACE.box, activation_map=np.ones((6, 6), np.float32))
    both = with_blurred(FACE.box, OTHER_BOX, faces=[FACE])
    for case, given, settings, expected in (
        ("one face", result(FACE), {}, with_blurred(FACE.box, faces=[FACE])),
        ("not confirmed", result(FACE, boxes=(FACE.box, OTHER_BOX)), {}, both),
        ("0.99 s old", result(FACE, age_s=0.99), {}, with_blurred(FACE.box, faces=[FACE])),
        (
            "no map",
            result(mapped),
            {"activation_map": True},
            with_blurred(mapped.box, faces=[FACE]),
        ),
        (
            "mirrored",
            result(boxes=(FACE.box,)),
            {"mirror": True},
            with_blurred(FACE.box)[:, ::-1],
        ),
        ("known to have no face", result(), {}, textured()),
    ):
        image = view(textured(), given, hide_faces=True, **settings)
        np.testing.assert_array_equal(image, expected, case)


def test_the_whole_frame_is_blurred_while_it_is_not_known_where_faces_are():
    for case, given in (
        ("no result yet", FrameResult()),
        ("older than a second", result(FACE, age_s=1.01)),
        ("another size", result(FACE, size=(240, 320))),
        ("the video was turned", result(FACE, size=(640, 480))),
        ("no face at another size", result(size=(240, 320))),
        ("recognition fails", result(problem=PROBLEM)),
    ):
        expected = textured()
        blur(expected)
        draw_faces(expected, given.faces)
        if given.problem:
            draw_problem(expected, given.problem)
        np.testing.assert_array_equal(view(textured(), given, hide_faces=True), expected, case)
