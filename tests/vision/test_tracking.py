import pytest

from pipeline.vision.faces import Box
from pipeline.vision.tracking import Tracker, overlap

LEFT = Box(0, 0, 100, 100)
RIGHT = Box(300, 0, 100, 100)


def moved(box: Box, by: int) -> Box:
    return box._replace(x=box.x + by)


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


def test_cleared_tracks_end_and_their_numbers_are_not_used_again():
    tracker = Tracker()
    for now in (0.0, 0.1):
        tracker.update([LEFT], now)
    tracker.clear()
    assert tracker.tracks == tracker.shown() == []
    for now in (0.2, 0.3):
        tracker.update([LEFT], now)
    assert [track.number for track in tracker.shown()] == [2]
