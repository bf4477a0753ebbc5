from collections.abc import Callable

import pytest

from pipeline.vision.boxes import Box
from pipeline.vision.tracking import Tracker

LEFT = Box(0, 0, 100, 100)
RIGHT = Box(300, 0, 100, 100)


def moved(box: Box, by: int) -> Box:
    return box._replace(x=box.x + by)


def follow(
    courses: list[Callable[[float], int]],
    rate: int,
    lasts_s: float,
    missed: Callable[[int, float], bool] = lambda face, at_s: False,
) -> list[list[int]]:
    """Return under which numbers faces 100 wide were seen, whose left edges follow courses."""
    tracker = Tracker()
    numbers: list[list[int]] = [[] for _ in courses]
    for look in range(int(lasts_s * rate)):
        at_s = look / rate
        seen = [face for face in range(len(courses)) if not missed(face, at_s)]
        seen = seen if look % 2 else seen[::-1]  # in whatever order
        boxes = [Box(round(courses[face](at_s)), 15 * face, 100, 100) for face in seen]
        for face, track in zip(seen, tracker.update(boxes, at_s), strict=True):
            numbers[face].append(track.number)
    return numbers


def shown(numbers: list[int]) -> set[int]:
    """Return what a face was called from its second sighting on."""
    return set(numbers[1:])


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


@pytest.mark.parametrize("rate", [5, 15, 30])
def test_faces_that_cross_keep_their_numbers(rate):
    courses = [lambda t: 250 * t, lambda t: 500 - 250 * t]
    first, second = follow(courses, rate, 2)
    assert shown(first) == {1} and shown(second) == {2}


@pytest.mark.parametrize("rate", [10, 15, 30])
def test_faces_that_cross_keep_their_numbers_while_one_is_hidden(rate):
    courses = [lambda t: 250 * t, lambda t: 500 - 250 * t]
    first, second = follow(courses, rate, 2, lambda face, t: face == 0 and 0.85 <= t < 1.15)
    assert shown(first) == {1} and shown(second) == {2}


def test_faces_that_meet_and_part_keep_their_numbers():
    courses = [lambda t: 200 - abs(200 - 200 * t), lambda t: 290 + abs(200 - 200 * t)]
    first, second = follow(courses, 15, 2)
    assert shown(first) == {1} and shown(second) == {2}


def test_a_fast_face_keeps_its_number_at_five_looks_a_second():
    (numbers,) = follow([lambda t: 400 * t], 5, 3)
    assert shown(numbers) == {1}


def test_a_moving_face_that_is_missed_for_a_moment_keeps_its_number():
    (numbers,) = follow([lambda t: 250 * t], 15, 2, lambda face, t: 0.8 <= t < 1.1)
    assert shown(numbers) == {1}


def test_a_face_that_was_away_for_a_second_is_a_new_one():
    tracker = Tracker()
    for look in range(45):
        at_s = look / 15
        tracker.update([] if 1 <= at_s < 2 else [LEFT], at_s)
        if 1.5 <= at_s < 2:
            assert tracker.shown() == []
    assert [track.number for track in tracker.shown()] == [2]


def test_a_face_far_from_where_one_was_is_another():
    tracker = Tracker()
    for now in (0.0, 0.1):
        tracker.update([LEFT], now)
    for now in (0.2, 0.3):
        (track,) = tracker.update([RIGHT], now)
    assert track.number == 2


def test_the_one_box_where_two_are_expected_is_the_face_seen_last():
    tracker = Tracker()
    near = moved(LEFT, 60)
    for now in (0.0, 0.1):
        tracker.update([LEFT, near], now)
    tracker.update([LEFT], 0.2)
    (track,) = tracker.update([moved(LEFT, 30)], 0.3)
    assert track.number == 1
