import numpy as np

from pipeline.labels import EMOTIONS
from pipeline.vision import live
from pipeline.vision.snapshot import Snapshot
from pipeline.vision.timeline import to_csv
from tests.vision.conftest import feed_until, plain, until, workers
from tests.vision.live.conftest import LEFT, RIGHT, shows_a_face, stall


def test_stop_ends_the_worker_and_forgets_and_a_frame_starts_it_again(processor):
    assert feed_until(processor, shows_a_face)
    assert processor.timeline.recent()
    processor.stop()
    assert until(lambda: not workers())
    assert processor.snapshot() == Snapshot()
    assert processor.picture() is None
    assert processor.timeline.recent() == []
    assert feed_until(processor, shows_a_face)


def test_stop_may_come_before_a_frame_and_twice(processor):
    processor.stop()
    processor.process(plain())
    processor.stop()
    processor.stop()
    assert processor.snapshot() == Snapshot()


def test_a_look_that_comes_after_stop_is_neither_shown_nor_kept(processor, detector):
    assert feed_until(processor, shows_a_face)
    processor.timeline.start_recording()
    gate = stall(processor, detector)
    rows = processor.timeline.rows
    processor.stop()
    gate.set()
    assert until(lambda: not workers())
    assert len(detector.ended) == len(detector.began)
    assert processor.snapshot() == Snapshot()
    assert processor.timeline.recent() == []
    assert processor.timeline.rows == rows


def test_a_worker_that_hangs_at_stop_does_not_disturb_the_next_one(processor, detector):
    detector.boxes, gate = [LEFT], detector.hang()
    processor.process(plain())
    assert until(detector.hanging)
    processor.stop()
    detector.boxes = [RIGHT]
    detector.go_on()
    assert feed_until(processor, shows_a_face)
    gate.set()
    assert until(lambda: len(workers()) == 1)
    assert [face.box for face in processor.snapshot().faces] == [RIGHT]
    assert len(set(detector.made_in)) == 2


def test_a_worker_ends_itself_without_frames_and_what_it_saw_is_forgotten(processor, monkeypatch):
    monkeypatch.setattr(live, "_IDLE_S", 0.2)
    assert feed_until(processor, shows_a_face)
    assert until(lambda: not workers())
    assert until(lambda: processor.snapshot() == Snapshot())
    assert processor.picture() is None
    assert processor.timeline.recent() == []
    assert feed_until(processor, shows_a_face)


def test_a_recording_goes_on_over_a_stop(processor):
    processor.timeline.start_recording()
    assert feed_until(processor, lambda _: processor.timeline.rows > 2)
    processor.stop()
    rows = processor.timeline.rows
    assert processor.timeline.recording
    assert feed_until(processor, lambda _: processor.timeline.rows > rows)
    processor.timeline.stop_recording()
    recorded = processor.timeline.recorded()
    times = [seen.time_s for seen in recorded]
    assert times == sorted(times)
    table = to_csv(recorded).splitlines()
    assert len(table) == 1 + len(recorded)
    assert table[1].startswith("0.000,1,happy,")


def test_the_timeline_holds_what_was_shown_and_when_its_frame_came(processor, saying):
    assert feed_until(processor, lambda _: len(processor.timeline.recent()) > 3)
    processor.stop()
    assert feed_until(processor, shows_a_face)
    seen = processor.timeline.recent()[0]
    assert (seen.number, seen.label) == (1, "happy")
    np.testing.assert_array_equal(seen.probabilities, saying.says)
    assert seen.probabilities.shape == (len(EMOTIONS),)
