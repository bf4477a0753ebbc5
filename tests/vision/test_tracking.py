from collections.abc import Callable

import numpy as np
import pytest

from pipeline.labels import EMOTIONS
from pipeline.vision.boxes import Box
from pipeline.vision.confidence import UNCERTAIN
from pipeline.vision.tracking import Track, Tracker
from tests.vision.conftest import probabilities

LEFT = Box(0, 0, 100, 100)
RIGHT = Box(300, 0, 100, 100)
FACE = np.zeros((48, 48), np.uint8)
HAPPY, SAD = probabilities(happy=1.0), probabilities(sad=1.0)


def moved(box: Box, by: int) -> Box:
    return box._replace(x=box.x + by)


def track(*updates: tuple[float, list[Box]]) -> Tracker:
    """Return a tracker after boxes at some times, in seconds."""
    tracker = Tracker()
    for now, boxes in updates:
        tracker.update(boxes, now)
    return tracker


def confirmed_ids(tracker: Tracker) -> list[int]:
    return [track.track_id for track in tracker.confirmed()]


def test_a_track_is_confirmed_at_its_second_detection_and_only_then_gets_an_id():
    assert confirmed_ids(track((0.0, [LEFT]))) == []
    assert confirmed_ids(track((0.0, [LEFT]), (0.1, [LEFT]))) == [1]
    assert confirmed_ids(track((0.0, [RIGHT]), (0.6, [LEFT]), (0.7, [LEFT]))) == [1]


def test_a_track_gets_the_next_number_when_it_has_lasted_a_second():
    tracker = Tracker()
    numbers = []
    for now in np.arange(0.0, 2.55, 0.1):
        short = [RIGHT] if 0.2 < now < 1.15 else []
        late = [moved(RIGHT, 300)] if now > 0.95 else []
        tracker.update([LEFT, *short, *late], now)
        numbers.append([track.number for track in tracker.confirmed()])
    assert numbers[9] == [0, 0]
    assert numbers[10] == [1, 0], "a second"
    assert numbers[-1] == [1, 2], "the face of 0.8 s has no number, and leaves none out"
    assert max(map(len, numbers)) == 3


def test_a_track_lasts_half_a_second_without_a_detection_but_survives_a_pause_of_the_video():
    twice = (0.0, [LEFT]), (0.1, [LEFT])
    assert confirmed_ids(track(*twice, (0.5, []))) == [1]
    assert confirmed_ids(track(*twice, (0.7, []))) == []
    assert confirmed_ids(track(*twice, (3.0, [LEFT]))) == [1]


def test_an_id_is_never_used_again():
    twice = (0.0, [LEFT]), (0.1, [LEFT])
    assert confirmed_ids(track(*twice, (1.0, []), (1.1, [LEFT]), (1.2, [LEFT]))) == [2]
    tracker = track(*twice)
    tracker.reset()
    assert tracker.tracks == tracker.confirmed() == []
    for now in (0.2, 0.3):
        tracker.update([LEFT], now)
    assert confirmed_ids(tracker) == [2]


def test_ids_stay_with_their_faces_whatever_the_order():
    tracker = track((0.0, [LEFT, RIGHT]))
    first = tracker.update([LEFT, RIGHT], 0.1)
    second = tracker.update([moved(RIGHT, 20), moved(LEFT, 20)], 0.2)
    assert [track.track_id for track in first] == [1, 2]
    assert [track.track_id for track in second] == [2, 1]
    assert confirmed_ids(tracker) == [1, 2]


def test_a_track_gets_the_box_that_overlaps_most_and_none_far_away():
    near, nearer = track((0.0, [LEFT])).update([moved(LEFT, 40), moved(LEFT, 10)], 0.1)
    assert (near.hits, nearer.hits) == (1, 2)
    far = track((0.0, [LEFT]), (0.1, [LEFT]), (0.2, [RIGHT]))
    assert far.update([RIGHT], 0.3)[0].track_id == 2


def test_one_box_where_two_tracks_are_expected_is_the_track_detected_last():
    both = [LEFT, moved(LEFT, 60)]
    for last, between, track_id in ((LEFT, 35, 1), (moved(LEFT, 60), 25, 2)):
        tracker = track((0.0, both), (0.1, both), (0.2, [last]))
        assert tracker.update([moved(LEFT, between)], 0.3)[0].track_id == track_id


def follow(
    paths: list[Callable[[float], float]],
    rate: int,
    seconds: float,
    missed: Callable[[int, float], bool] = lambda face, now: False,
) -> list[set[int]]:
    """Return the ids of faces 100 pixels wide from their second detection on.

    Args:
        paths: the left edge of each face at a time in seconds.
        rate: frames per second.
        seconds: how long to follow them.
        missed: whether a face is not detected at a time.
    """
    tracker = Tracker()
    ids: list[list[int]] = [[] for _ in paths]
    for frame in range(int(seconds * rate)):
        now = frame / rate
        faces = [face for face in range(len(paths)) if not missed(face, now)]
        faces = faces if frame % 2 else faces[::-1]  # in any order
        boxes = [Box(round(paths[face](now)), 15 * face, 100, 100) for face in faces]
        for face, found in zip(faces, tracker.update(boxes, now), strict=True):
            ids[face].append(found.track_id)
    return [set(each[1:]) for each in ids]


CROSSING = [lambda t: 250 * t, lambda t: 500 - 250 * t]
MEETING = [lambda t: 200 - abs(200 - 200 * t), lambda t: 290 + abs(200 - 200 * t)]


def test_faces_that_cross_or_meet_keep_their_ids_also_while_one_is_hidden():
    def hidden(face: int, now: float) -> bool:
        return face == 0 and 0.85 <= now < 1.15

    for rate in (5, 15, 30):
        assert follow(CROSSING, rate, 2) == [{1}, {2}], rate
    for rate in (10, 15, 30):
        assert follow(CROSSING, rate, 2, hidden) == [{1}, {2}], rate
    assert follow(MEETING, 15, 2) == [{1}, {2}]


def test_a_fast_face_and_one_that_is_missed_for_a_moment_keep_their_id():
    assert follow([lambda t: 400 * t], 5, 3) == [{1}]
    assert follow([lambda t: 200 * t * t], 5, 3) == [{1}], "two widths a frame, as expected"
    assert follow([lambda t: 250 * t], 15, 2, lambda face, now: 0.8 <= now < 1.1) == [{1}]


def test_smoothing_depends_on_time_not_on_the_number_of_frames():
    seldom, often = Track(LEFT, 0.0), Track(LEFT, 0.0)
    for each in (seldom, often):
        each.update_probabilities(FACE, HAPPY, 0.0, 0.4)
    seldom.update_probabilities(FACE, SAD, 0.4, 0.4)
    for now in np.linspace(0.1, 0.4, 4):
        often.update_probabilities(FACE, SAD, now, 0.4)
    assert seldom.probabilities == pytest.approx(often.probabilities, abs=1e-6)
    assert seldom.probabilities[EMOTIONS.index("happy")] == pytest.approx(np.exp(-1), abs=1e-6)


def test_smoothed_probabilities_sum_to_1():
    smoothed = Track(LEFT, 0.0)
    for i, emotion in enumerate(EMOTIONS):
        smoothed.update_probabilities(FACE, probabilities(**{emotion: 0.7}), 0.05 * i, 0.4)
        assert smoothed.probabilities.sum() == pytest.approx(1.0, abs=1e-5)
        assert smoothed.probabilities.dtype == np.float32


def test_without_smoothing_only_the_last_frame_counts_also_when_it_is_switched_off():
    for before_s in (0.0, 9.0):
        last = Track(LEFT, 0.0)
        last.update_probabilities(FACE, HAPPY, 0.0, before_s)
        last.update_probabilities(FACE + 1, SAD, 0.1, 0.0)
        np.testing.assert_array_equal(last.probabilities, SAD)
        np.testing.assert_array_equal(last.face_gray, FACE + 1)


def test_after_a_reset_nothing_of_the_former_recognition_counts():
    reset = Track(LEFT, 0.0, track_id=7)
    reset.update_probabilities(FACE, HAPPY, 0.0, 9.0)
    reset.label, reset.activation_map = "happy", np.ones((6, 6), np.float32)
    reset.reset_recognition()
    assert (reset.label, reset.activation_map) == (UNCERTAIN, None)
    reset.update_probabilities(FACE, SAD, 0.01, 9.0)
    np.testing.assert_array_equal(reset.probabilities, SAD)
    assert reset.track_id == 7
