import numpy as np
import pytest

from pipeline.labels import COLOURS, EMOTIONS
from pipeline.vision.faces import Box
from pipeline.vision.overlay import draw_face, draw_map, draw_problem


def frame(height: int = 480, width: int = 640) -> np.ndarray:
    return np.full((height, width, 3), 90, np.uint8)


def bgr(emotion: str) -> list[int]:
    return list(bytes.fromhex(COLOURS[emotion][1:]))[::-1]


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_face_gets_a_box_and_a_plate_in_its_emotions_colour(emotion):
    picture = frame()
    draw_face(picture, Box(200, 150, 120, 120), 1, emotion, 0.83)
    assert picture[200, 200].tolist() == bgr(emotion)
    assert picture[200, 320].tolist() == bgr(emotion)
    plate = picture[128:148, 202:300].reshape(-1, 3)
    assert (plate == bgr(emotion)).all(axis=1).mean() > 0.4
    assert (np.abs(plate.astype(int) - bgr(emotion)).max(axis=1) > 80).mean() > 0.05


def test_the_middle_of_a_face_is_not_drawn_on():
    picture = frame()
    draw_face(picture, Box(200, 150, 120, 120), 1, "happy", 0.83)
    assert (picture[160:260, 210:310] == 90).all()


@pytest.mark.parametrize(
    "box",
    [
        pytest.param(Box(200, 0, 100, 100), id="at the upper edge"),
        pytest.param(Box(600, 200, 100, 100), id="over the right edge"),
        pytest.param(Box(-50, -50, 100, 100), id="over the corner"),
    ],
)
def test_the_plate_stays_in_the_picture(box):
    picture = frame()
    draw_face(picture, box, 1, "surprise", 1.0)
    assert (picture == bgr("surprise")).all(axis=2).sum() > 1500


@pytest.mark.parametrize("size", [(1, 1), (20, 20), (48, 48), (2160, 3840)])
def test_any_size_of_picture_can_be_drawn_on(size):
    picture = frame(*size)
    draw_face(picture, Box(0, 0, size[1], size[0]), 1, "sad", 0.5)
    draw_problem(picture, "Recognition fails")
    assert picture.shape == (*size, 3)


def test_a_long_problem_is_written_in_lines_along_the_lower_edge():
    picture = frame()
    draw_problem(picture, "Recognition fails: ValueError: “the detector” is broken. " * 8)
    drawn = np.flatnonzero((picture != 90).any(axis=(1, 2)))
    assert drawn.max() == 479
    assert 350 < drawn.min() < 440


def test_a_map_warms_what_speaks_for_the_emotion_and_leaves_the_rest_grey():
    face = np.full((48, 48), 100, np.uint8)
    activation = np.full((6, 6), -3.0, np.float32)
    activation[:, 3:] = 2.0
    drawn = draw_map(face, activation).astype(int)
    assert drawn.shape == (144, 144, 3)
    assert (drawn[:, :60] == 100).all()
    blue, green, red = drawn[70, 130]
    assert red > green > 100 > blue


def test_a_map_that_speaks_nowhere_leaves_the_face_as_it_is():
    face = np.arange(48 * 48, dtype=np.uint32).reshape(48, 48).astype(np.uint8)
    assert (np.ptp(draw_map(face, np.zeros((6, 6), np.float32)), axis=2) == 0).all()
