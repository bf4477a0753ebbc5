import numpy as np
import pytest

from pipeline.labels import EMOTIONS
from pipeline.vision.faces import Box
from pipeline.vision.tracking import Track, Tracker, overlap

LEFT = Box(0, 0, 100, 100)
RIGHT = Box(300, 0, 100, 100)
PICTURE = np.zeros((48, 48), np.uint8)


def moved(box: Box, by: int) -> Box:
    return box._replace(x=box.x + by)


def sure_of(emotion: str, share: float = 1.0) -> np.ndarray:
    rest = (1 - share) / (len(EMOTIONS) - 1)
    return np.float32([share if name == emotion else rest for name in EMOTIONS])


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param(LEFT, LEFT, 1.0, id="the same"),
        pytest.param(LEFT, RIGHT, 0.0, id="apart"),
        pytest.param(LEFT, moved(LEFT, 100), 0.0, id="side by side"),
        pytest.param(LEFT, moved(LEFT, 50), 1 / 3, id="half"),
    ],
)
def test_overlap_is_intersection_over_union(a, b, expected):
    assert overlap(a, b) == pytest.approx(expected)


def test_a_face_shows_at_its_second_sighting():
    tracker = Tracker()
    tracker.update([LEFT], 0.0)
    assert tracker.shown() == []
    tracker.update([LEFT], 0.1)
    assert [track.number for track in tracker.shown()] == [1]


def test_a_face_seen_once_takes_no_number():
    tracker = Tracker()
    tracker.update([RIGHT], 0.0)
    for now in (0.6, 0.7):
        tracker.update([LEFT], now)
    assert [track.number for track in tracker.shown()] == [1]


def test_a_face_stays_for_half_a_second_and_then_goes():
    tracker = Tracker()
    for now in (0.0, 0.1):
        tracker.update([LEFT], now)
    tracker.update([], 0.5)
    assert len(tracker.shown()) == 1
    tracker.update([], 0.7)
    assert tracker.shown() == []


def test_numbers_stay_with_their_faces_whatever_the_order():
    tracker = Tracker()
    tracker.update([LEFT, RIGHT], 0.0)
    first = tracker.update([LEFT, RIGHT], 0.1)
    second = tracker.update([moved(RIGHT, 20), moved(LEFT, 20)], 0.2)
    assert [track.number for track in first] == [1, 2]
    assert [track.number for track in second] == [2, 1]


def test_one_track_takes_the_box_that_overlaps_most():
    tracker = Tracker()
    tracker.update([LEFT], 0.0)
    near, nearer = tracker.update([moved(LEFT, 40), moved(LEFT, 10)], 0.1)
    assert (near.sightings, nearer.sightings) == (1, 2)


def test_a_number_is_never_used_again():
    tracker = Tracker()
    for boxes, now in (([LEFT], 0.0), ([LEFT], 0.1), ([], 1.0), ([LEFT], 1.1), ([LEFT], 1.2)):
        tracker.update(boxes, now)
    assert [track.number for track in tracker.shown()] == [2]


def test_a_number_survives_a_pause_of_the_video():
    tracker = Tracker()
    for now in (0.0, 0.1, 3.0):
        tracker.update([LEFT], now)
    assert [track.number for track in tracker.shown()] == [1]


def test_smoothing_goes_by_time_not_by_pictures():
    seldom, often = Track(LEFT, 0.0), Track(LEFT, 0.0)
    for track in (seldom, often):
        track.observe(PICTURE, sure_of("happy"), 0.0, 0.4)
    seldom.observe(PICTURE, sure_of("sad"), 0.4, 0.4)
    for now in np.linspace(0.1, 0.4, 4):
        often.observe(PICTURE, sure_of("sad"), now, 0.4)
    assert seldom.probabilities == pytest.approx(often.probabilities, abs=1e-6)
    assert seldom.probabilities[EMOTIONS.index("happy")] == pytest.approx(np.exp(-1), abs=1e-6)


def test_without_smoothing_the_last_picture_counts():
    track = Track(LEFT, 0.0)
    track.observe(PICTURE, sure_of("happy"), 0.0, 0.0)
    track.observe(PICTURE, sure_of("sad"), 0.1, 0.0)
    assert track.emotion == "sad"
    assert track.probabilities.dtype == np.float32


def test_a_label_changes_only_when_another_clearly_leads():
    track = Track(LEFT, 0.0)
    track.observe(PICTURE, sure_of("happy", 0.5), 0.0, 0.0)
    barely = sure_of("happy", 0.44)
    barely[EMOTIONS.index("sad")] = 0.48
    track.observe(PICTURE, barely, 0.1, 0.0)
    assert track.emotion == "happy"
    track.observe(PICTURE, sure_of("sad", 0.6), 0.2, 0.0)
    assert track.emotion == "sad"
