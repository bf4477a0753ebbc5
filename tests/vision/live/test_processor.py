"""The live processor: output, settings, start and stop."""

import itertools
from dataclasses import replace

import av
import numpy as np
import pytest

from pipeline.labels import EMOTIONS
from pipeline.vision.boxes import Box
from pipeline.vision.detectors import DETECTORS
from pipeline.vision.live import processor as processor_module
from pipeline.vision.live.snapshot import Snapshot
from pipeline.vision.live.timeline import to_csv
from tests.vision.conftest import (
    FAST,
    StubRecognizer,
    feed_until,
    make_detector,
    plain,
    probabilities,
    run_threads,
    until,
    workers,
)
from tests.vision.live.conftest import (
    LEFT,
    RIGHT,
    has_face,
    keeps_track_until,
    show_second_face_only,
    stall,
)


def test_a_face_is_drawn_and_in_the_snapshot(new_processor, recognizer):
    processor = new_processor(recognizer)
    assert processor.snapshot() == Snapshot()
    assert processor.last_frame() is None and workers() == set()
    assert feed_until(processor, has_face)
    snapshot = processor.snapshot()
    (face,) = snapshot.faces
    expected = recognizer.predict(face.face_gray[np.newaxis])[0]
    np.testing.assert_allclose(face.probabilities, expected, atol=1e-5)
    assert (face.track_id, face.box) == (1, Box(100, 100, 60, 100))
    assert face.confidence == pytest.approx(recognizer.calibrated(expected).max(), abs=1e-4)
    assert snapshot.running and snapshot.problem is None
    assert (processor.process(plain()) != 90).any()
    assert set(recognizer.batches) == {1}


def test_stages_are_timed_and_dropped_frames_counted(processor, detector):
    gate = detector.hang()
    processor.process(plain())
    assert until(lambda: detector.hanging)
    for _ in range(10):
        processor.recv(av.VideoFrame.from_ndarray(plain(), format="bgr24"))
    assert processor.snapshot().dropped == 9, "the first of the ten replaces none"
    assert set(processor.snapshot().stages) == {"convert", "draw"}
    detector.resume()
    gate.set()
    assert until(lambda: "detect" in processor.snapshot().stages)
    stages = processor.snapshot().stages
    assert set(stages) == {"convert", "draw", "detect", "recognize", "frame to faces"}
    assert all(0 <= time.p50_ms <= time.p95_ms for time in stages.values())
    assert stages["frame to faces"].p95_ms >= stages["detect"].p95_ms


def test_rates_in_and_out_differ_where_frames_fail(processor, detector, monkeypatch):
    clock = itertools.count(1000.0, 0.02)  # it is read twice a frame, so 25 frames a second
    monkeypatch.setattr(processor_module, "monotonic", lambda: next(clock))
    monkeypatch.setattr(processor_module, "_HUNG_S", float("inf"))
    gate = detector.hang()
    for _ in range(30):
        processor.process(plain())
    rates = processor.snapshot()
    assert rates.frames_in_per_s == pytest.approx(25, rel=0.01)
    assert rates.frames_out_per_s == pytest.approx(25, rel=0.01)
    monkeypatch.setattr(processor_module, "draw_result", lambda *_: 1 / 0)
    clock = itertools.count(2000.0, 0.1)  # once a frame that fails
    for _ in range(30):
        processor.process(plain())
    rates = processor.snapshot()
    assert rates.frames_in_per_s == pytest.approx(10, rel=0.1)
    assert rates.frames_out_per_s == 0
    monkeypatch.undo()
    gate.set()


def test_recognitions_that_fail_are_not_counted(processor, detector):
    detector.fails_in = "detect"
    assert feed_until(processor, lambda snapshot: snapshot.problem and len(detector.finished) > 3)
    assert processor.snapshot().recognitions_per_s == 0
    detector.fails_in = None
    assert feed_until(processor, lambda snapshot: snapshot.recognitions_per_s > 0)


def test_the_last_frame_is_a_copy_of_the_newest_as_drawn(processor):
    assert feed_until(processor, has_face)
    processor.set_settings(replace(FAST, mirror=True, bars=True))
    for gray in (80, 90):
        returned = processor.process(np.full((480, 640, 3), gray, np.uint8)).copy()
    last = processor.last_frame()
    np.testing.assert_array_equal(last, returned)
    assert (last != 90).any()
    last[:] = 0
    np.testing.assert_array_equal(processor.last_frame(), returned)


def test_settings_reach_the_running_worker_and_faces_keep_their_track_ids(
    processor, stub, detector, monkeypatch
):
    other = make_detector(RIGHT._replace(y=230))
    monkeypatch.setitem(DETECTORS, "other", other)
    processor.set_settings(replace(FAST, smoothing_s=1e6))
    show_second_face_only(processor, detector)
    working = workers()

    stub.output = probabilities(sad=0.9)
    frames = len(detector.finished)
    assert keeps_track_until(processor, lambda _: len(detector.finished) > frames + 3)
    assert processor.snapshot().faces[0].label == "happy"
    processor.set_settings(FAST)
    assert keeps_track_until(processor, lambda face: face.label == "sad")
    np.testing.assert_array_equal(processor.snapshot().faces[0].probabilities, stub.output)

    detector.boxes = [RIGHT._replace(width=0)]
    assert keeps_track_until(processor, lambda face: face.box.width == 60)
    processor.set_settings(replace(FAST, smallest_face=120))
    assert keeps_track_until(processor, lambda face: face.box.width == 120)

    processor.set_settings(replace(FAST, detector="other"))
    assert keeps_track_until(processor, lambda face: face.box.y == 230)
    frames = len(detector.started)
    processor.set_settings(replace(FAST, detector="other", bars=True))
    assert keeps_track_until(processor, lambda _: len(other.started) > 5)
    assert len(detector.started) == frames and len(other.smallest_faces) == 1

    assert processor.snapshot().faces[0].activation_map is None
    processor.set_settings(replace(FAST, activation_map=True))
    assert keeps_track_until(processor, lambda face: face.activation_map is not None)
    assert workers() == working


def test_another_model_keeps_the_track_ids_and_resets_the_predictions(processor, detector):
    processor.set_settings(replace(FAST, smoothing_s=1e6))
    show_second_face_only(processor, detector)
    working, other = workers(), StubRecognizer(sad=0.7)
    processor.set_recognizer(other)
    assert keeps_track_until(processor, lambda face: face.label == "sad")
    np.testing.assert_array_equal(processor.snapshot().faces[0].probabilities, other.output)
    assert workers() == working

    class Same(StubRecognizer):
        def same_model(self, other):
            return True

    processor.set_recognizer(Same(happy=0.7))
    frames = len(detector.finished)
    assert keeps_track_until(processor, lambda _: len(detector.finished) > frames + 3)
    assert processor.snapshot().faces[0].label == "sad", "the same model again resets nothing"


def test_model_and_settings_set_from_two_threads_both_hold(processor):
    models = [StubRecognizer(sad=0.5 + i / 1000) for i in range(300)]
    settings = [replace(FAST, smallest_face=60 + i) for i in range(300)]
    run_threads(
        lambda: [processor.set_recognizer(model) for model in models],
        lambda: [processor.set_settings(each) for each in settings],
    )
    assert feed_until(processor, has_face)
    (face,) = processor.snapshot().faces
    assert face.box.width == 359
    np.testing.assert_array_equal(face.probabilities, models[-1].output)


def test_a_mirrored_video_leaves_the_models_input_and_the_boxes_as_filmed(processor, detector):
    detector.boxes = [LEFT]
    processor.set_settings(replace(FAST, mirror=True))
    frame = np.tile(np.arange(640, dtype=np.uint8)[:, np.newaxis], (480, 1, 3))
    assert feed_until(processor, has_face, frame.copy)
    (face,) = processor.snapshot().faces
    assert face.box == LEFT
    np.testing.assert_array_equal(detector.started[-1], frame[..., 0])
    assert (np.diff(face.face_gray[0].astype(int)) > 0).all(), "brighter to the right, as filmed"
    returned = processor.process(frame.copy())
    np.testing.assert_array_equal(returned[300:], frame[300:, ::-1])


def assert_stopped(processor) -> None:
    assert until(lambda: not workers())
    assert until(lambda: processor.snapshot() == Snapshot())
    assert processor.last_frame() is None
    assert processor.timeline.recent() == []


def test_stop_ends_the_worker_drops_its_results_and_a_frame_starts_it_again(processor):
    processor.stop()
    assert processor.snapshot() == Snapshot(), "stop may come before a frame"
    assert feed_until(processor, lambda _: processor.timeline.recent())
    processor.stop()
    processor.stop()
    assert_stopped(processor)
    assert feed_until(processor, has_face)


def test_a_worker_ends_itself_without_frames(processor, monkeypatch):
    monkeypatch.setattr(processor_module, "_IDLE_S", 0.2)
    assert feed_until(processor, has_face)
    assert_stopped(processor)
    assert feed_until(processor, has_face)


def test_a_result_that_comes_after_stop_is_dropped(processor, detector):
    assert feed_until(processor, has_face)
    processor.timeline.start_recording()
    gate = stall(processor, detector)
    rows = processor.timeline.rows
    processor.stop()
    gate.set()
    assert_stopped(processor)
    assert len(detector.finished) == len(detector.started)
    assert processor.timeline.rows == rows


def test_a_worker_that_hangs_at_stop_does_not_disturb_the_next_one(processor, detector):
    detector.boxes, gate = [LEFT], detector.hang()
    processor.process(plain())
    assert until(lambda: detector.hanging)
    processor.stop()
    detector.boxes = [RIGHT]
    detector.resume()
    assert feed_until(processor, has_face)
    gate.set()
    assert until(lambda: len(workers()) == 1)
    assert [face.box for face in processor.snapshot().faces] == [RIGHT]
    assert len(set(detector.created_in)) == 2


def test_a_recording_ends_at_a_stop_and_stays_in_memory(processor, stub):
    processor.timeline.start_recording()
    assert feed_until(processor, lambda _: processor.timeline.rows > 2)
    (face, *_) = processor.timeline.recent()
    assert (face.track_id, face.label, face.face_gray) == (1, "happy", None)
    np.testing.assert_array_equal(face.probabilities, stub.output)
    assert face.probabilities.shape == (len(EMOTIONS),)
    processor.stop()
    rows = processor.timeline.rows
    assert not processor.timeline.recording
    assert feed_until(processor, has_face)
    recorded = processor.timeline.recorded()
    assert len(recorded) == rows
    times = [each.time_s for each in recorded]
    assert times == sorted(times)
    table = to_csv(recorded).splitlines()
    assert len(table) == 1 + len(recorded)
    assert table[1].startswith("0.000,1,happy,")


def test_many_threads_may_call_it_at_the_same_time(processor):
    def call(offset: int) -> None:
        for i in range(30):
            processor.recv(av.VideoFrame.from_ndarray(plain(), format="bgr24"))
            processor.snapshot()
            processor.last_frame()
            processor.set_settings(replace(FAST, bars=bool(i % 2), smallest_face=60 + offset))
            processor.timeline.recent()

    run_threads(*(lambda offset=offset: call(offset) for offset in range(4)))
    assert processor.snapshot().problem is None
    assert len(workers()) == 1


def test_no_thread_is_left_by_stops_among_frames(processor):
    def call() -> None:
        for _ in range(20):
            processor.process(plain())
            processor.stop()

    run_threads(*[call] * 4)
    processor.stop()
    assert_stopped(processor)
