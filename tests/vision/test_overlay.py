import numpy as np
import pytest

from pipeline.labels import COLOURS, EMOTIONS
from pipeline.vision.faces import Box
from pipeline.vision.overlay import draw_face, draw_faces, draw_map, draw_problem
from tests.vision.conftest import plain, shares, shown_face

MIDDLE = Box(200, 150, 120, 120)
SIZES = [(1, 1), (31, 17), (20, 20), (48, 48), (40, 4000), (4000, 40), (2160, 3840)]
AT_EDGES = [
    pytest.param(Box(200, 0, 100, 100), id="at the upper edge"),
    pytest.param(Box(540, 200, 100, 100), id="at the right edge"),
    pytest.param(Box(0, 200, 100, 100), id="at the left edge"),
    pytest.param(Box(300, 380, 100, 100), id="at the lower edge"),
    pytest.param(Box(600, 200, 100, 100), id="over the right edge"),
    pytest.param(Box(-50, -50, 100, 100), id="over the left upper corner"),
    pytest.param(Box(620, 460, 100, 100), id="over the right lower corner"),
    pytest.param(Box(0, 0, 640, 480), id="as large as the picture"),
    pytest.param(Box(-200, -200, 2000, 2000), id="larger than the picture"),
]


def bgr(emotion: str) -> list[int]:
    return list(bytes.fromhex(COLOURS[emotion][1:]))[::-1]


def of_colour(picture: np.ndarray, emotion: str) -> np.ndarray:
    return (picture == bgr(emotion)).all(axis=2)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_face_gets_a_box_and_a_plate_in_its_emotions_colour(emotion):
    picture = plain()
    draw_face(picture, MIDDLE, 1, emotion, 0.83)
    assert picture[200, 200].tolist() == bgr(emotion)
    assert picture[200, 320].tolist() == bgr(emotion)
    plate = picture[128:148, 202:300]
    assert of_colour(plate, emotion).mean() > 0.4
    assert (np.abs(plate.astype(int) - bgr(emotion)).max(axis=2) > 80).mean() > 0.05


def test_an_uncertain_face_is_drawn_in_no_emotions_colour_and_said_to_be_so():
    picture = plain()
    draw_face(picture, MIDDLE, 1, None, 0.31)
    assert all(of_colour(picture, emotion).sum() < 20 for emotion in EMOTIONS)
    box, plate = picture[200, 200], picture[128:148, 202:300]
    assert (box != 90).all()
    assert (plate == box).all(axis=2).mean() > 0.4
    assert (plate.max(axis=2) < 60).mean() > 0.05, "its plate has letters"
    inks = [(picture[y].min(axis=1) < 60).nonzero()[0] for y in range(128, 148)]
    assert max(ink.max() for ink in inks if ink.size) > 270, "a whole word"


def test_an_uncertain_faces_confidence_is_not_told():
    low, high = plain(), plain()
    draw_face(low, MIDDLE, 1, None, 0.2)
    draw_face(high, MIDDLE, 1, None, 0.9)
    np.testing.assert_array_equal(low, high)


def test_the_middle_of_a_face_is_not_drawn_on():
    picture = plain()
    draw_faces(picture, [shown_face(box=MIDDLE)], bars=True, maps=True)
    assert (picture[160:260, 210:310] == 90).all()


@pytest.mark.parametrize("box", AT_EDGES)
def test_the_plate_stays_in_the_picture(box):
    picture = plain()
    draw_face(picture, box, 1, "surprise", 1.0)
    assert of_colour(picture, "surprise").sum() > 1500


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("box", [Box(0, 0, 24, 24), Box(-9, -9, 5000, 5000), Box(5000, 5000, 9, 9)])
def test_any_size_of_picture_can_be_drawn_on(size, box):
    picture = plain(*size)
    activation = np.ones((6, 6), np.float32)
    faces = [shown_face(box=box, activation=activation), shown_face(2, box=box, emotion=None)]
    draw_faces(picture, faces, bars=True, maps=True)
    draw_problem(picture, "Recognition fails")
    assert picture.shape == (*size, 3)


def bars_of(picture: np.ndarray, emotion: str) -> np.ndarray:
    """Bool (h, w): its bar; the face must be uncertain, and the edges of letters are no bar."""
    mask = of_colour(picture, emotion)
    return mask & (mask.sum(axis=0) >= 4)


def bar_lengths(picture: np.ndarray) -> dict[str, int]:
    masks = {emotion: bars_of(picture, emotion) for emotion in EMOTIONS}
    return {emotion: int(mask.sum(axis=1).max()) for emotion, mask in masks.items()}


def with_bars(box: Box, probabilities: np.ndarray) -> np.ndarray:
    picture = plain()
    face = shown_face(box=box, emotion=None, probabilities=probabilities)
    draw_faces(picture, [face], bars=True)
    return picture


def test_bars_are_as_long_as_the_probabilities_say_and_in_the_labels_order():
    probabilities = np.float32([0.02, 0.08, 0.12, 0.4, 0.06, 0.22, 0.1])
    picture = with_bars(MIDDLE, probabilities)
    lengths = bar_lengths(picture)
    unit = sum(lengths.values()) - len(EMOTIONS)  # each has a pixel more
    assert unit > 40
    for emotion, share in zip(EMOTIONS, probabilities, strict=True):
        assert lengths[emotion] == pytest.approx(1 + unit * share, abs=1.5)
    middles = [np.median(bars_of(picture, emotion).nonzero()[0]) for emotion in EMOTIONS]
    assert (np.diff(middles) > 8).all()
    starts = {int(bars_of(picture, emotion).nonzero()[1].min()) for emotion in EMOTIONS}
    assert len(starts) == 1, "all bars start at one line"


def test_a_certain_emotions_bar_fills_the_plate_and_the_others_are_a_line():
    lengths = bar_lengths(with_bars(MIDDLE, shares(sad=1.0)))
    assert lengths.pop("sad") > 40
    assert set(lengths.values()) == {1}


def test_bars_are_drawn_only_when_asked_for():
    picture = plain()
    draw_faces(picture, [shown_face(emotion=None)])
    assert set(bar_lengths(picture).values()) == {0}


def test_bars_stand_beside_the_face_on_the_side_that_has_room():
    for box, columns in ((MIDDLE, slice(322, 640)), (Box(530, 150, 100, 100), slice(0, 528))):
        picture = with_bars(box, shares(happy=0.7))
        drawn = np.logical_or.reduce([bars_of(picture, emotion) for emotion in EMOTIONS])
        assert drawn[:, columns].sum() == drawn.sum() > 0


@pytest.mark.parametrize("box", AT_EDGES)
def test_bars_stay_in_the_picture(box):
    probabilities = np.float32([0.2, 0.1, 0.1, 0.2, 0.1, 0.1, 0.2])
    expected = bar_lengths(with_bars(MIDDLE, probabilities))
    assert bar_lengths(with_bars(box, probabilities)) == pytest.approx(expected, abs=1)


def test_a_map_is_laid_over_its_face_only_and_only_when_asked_for():
    activation = np.ones((6, 6), np.float32)
    face = shown_face(box=MIDDLE, activation=activation)
    without, laid = plain(), plain()
    draw_faces(without, [face])
    assert (without[160:260, 210:310] == 90).all()
    draw_faces(laid, [face], maps=True)
    inner = laid[160:260, 210:310].astype(int)
    assert (inner[..., 2] > inner[..., 0] + 50).all(), "warm"
    changed = (laid != without).any(axis=2)
    assert not changed[:150].any() and not changed[270:].any()
    assert not changed[:, :200].any() and not changed[:, 320:].any()


@pytest.mark.parametrize("box", AT_EDGES)
def test_a_map_is_laid_over_what_of_a_face_is_in_the_picture(box):
    picture = plain()
    draw_faces(picture, [shown_face(box=box, activation=np.ones((3, 3), np.float32))], maps=True)
    x, y = np.clip([box.x + box.width // 2, box.y + box.height // 2], 5, [630, 470])
    assert picture[y, x, 2] > picture[y, x, 0] + 50


def test_a_long_problem_is_written_in_lines_along_the_lower_edge():
    picture = plain()
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
