"""The video continues when recognition fails or hangs, or a frame is invalid."""

import threading
from dataclasses import replace
from itertools import product

import av
import cv2
import numpy as np
import pytest

from pipeline.vision.boxes import Box
from pipeline.vision.detectors import DETECTORS, Detector
from pipeline.vision.live import processor as processor_module
from tests.vision.conftest import FAST, feed_until, plain, textured, until, workers
from tests.vision.live.conftest import (
    HIDDEN,
    LEFT,
    RIGHT,
    has_face,
    has_problem_drawn,
    is_blurred,
    is_well,
    process_a_minute_later,
    stall,
)

FORMATS = ("bgr24", "rgb24", "gray", "yuv420p", "yuvj422p", "yuv444p", "nv12", "rgba")


def test_the_video_does_not_wait_for_recognition(processor, detector):
    gate = detector.hang()
    processor.process(plain())
    assert until(lambda: detector.hanging)
    for _ in range(30):
        processor.process(plain())
        processor.snapshot()
        processor.set_settings(FAST)
    assert len(detector.hanging) == 1
    gate.set()


def test_a_fault_is_in_the_snapshot_and_drawn_and_recognition_recovers(processor, detector):
    for place in ("__init__", "detect"):
        detector.fails_in = place
        processor.set_settings(replace(FAST, smallest_face=60 + len(place)))  # a new detector
        assert feed_until(processor, lambda snapshot: snapshot.problem), place
        assert "the cascade is" in processor.snapshot().problem
        assert processor.snapshot().faces == ()
        frame = processor.process(plain())
        assert has_problem_drawn(frame) and (frame[:380] == 90).all()
        detector.fails_in = None
        assert feed_until(processor, is_well), place
    assert len(workers()) == 1


def test_a_hung_worker_is_replaced_and_its_late_result_dropped(processor, detector, clock):
    def shows_right_only(snapshot) -> bool:
        return is_well(snapshot) and [face.box for face in snapshot.faces] == [RIGHT]

    detector.boxes = [LEFT]
    assert feed_until(processor, has_face)
    gate = stall(processor, detector)
    (old,) = workers()
    detector.boxes, newer = [RIGHT], detector.hang()
    assert has_problem_drawn(process_a_minute_later(processor, clock))
    assert until(lambda: len(detector.hanging) == 2)
    assert processor.snapshot().faces == () and "hung" in processor.snapshot().problem
    detector.resume()
    newer.set()
    assert feed_until(processor, shows_right_only)
    assert old.is_alive()
    gate.set()
    assert until(lambda: not old.is_alive())
    assert shows_right_only(processor.snapshot())
    assert feed_until(processor, lambda _: processor.timeline.recent())
    assert {face.box for face in processor.timeline.recent()} == {RIGHT}  # of the last minute
    assert len(workers()) == 1


def make_slow(name: str, place: str) -> type[Detector]:
    """Return a detector of ours whose `__init__` or `detect` waits for `gate`."""

    class Slow(DETECTORS[name]):
        gate, waiting = threading.Event(), []

    def wait_first(self, given):
        Slow.waiting.append(self)
        Slow.gate.wait(60)
        return getattr(DETECTORS[name], place)(self, given)

    setattr(Slow, place, wait_first)
    return Slow


def test_a_detector_that_takes_a_minute_to_create_does_not_count_as_hung(
    new_processor, recognizer, face_frame, monkeypatch, clock
):
    slow = make_slow("auto", "__init__")
    monkeypatch.setitem(DETECTORS, "slow", slow)
    processor = new_processor(recognizer, replace(FAST, detector="slow"))
    processor.process(face_frame.copy())
    assert until(lambda: slow.waiting)
    process_a_minute_later(processor, clock)
    assert processor.snapshot().loading and processor.snapshot().problem is None
    slow.gate.set()
    assert feed_until(processor, is_well, face_frame.copy)
    assert len(slow.waiting) == 1 and not processor.snapshot().loading


@pytest.mark.parametrize("place", ["__init__", "detect"])
def test_a_detector_that_hangs_twice_is_replaced_by_haar_until_the_next_start(
    new_processor, recognizer, face_frame, detector, monkeypatch, clock, place
):
    hanging = make_slow("auto", place)
    monkeypatch.setitem(DETECTORS, "hanging", hanging)
    processor = new_processor(recognizer, replace(FAST, detector="hanging"))
    for workers_started in (1, 2):
        processor.process(face_frame.copy())
        assert until(lambda n=workers_started: len(hanging.waiting) == n)
        assert processor.snapshot().notice is None
        process_a_minute_later(processor, clock, minutes=10)
    assert "hanging hung twice, so haar is used" in processor.snapshot().notice
    assert feed_until(processor, is_well, face_frame.copy)
    assert len(hanging.waiting) == 2 and detector.started
    hanging.gate.set()
    processor.stop()
    assert processor.snapshot().notice is None
    assert until(lambda: not workers())  # the last one may still be at a frame
    before = len(detector.started)
    assert feed_until(processor, is_well, face_frame.copy)
    assert len(detector.started) == before, "another START tries the chosen detector again"


def test_after_three_hung_workers_no_more_are_started_and_that_is_a_problem(
    processor, detector, clock
):
    detector.hang()
    processor.process(plain())
    for hanging in (1, 2, 3):
        assert until(lambda hanging=hanging: len(detector.hanging) == hanging)
        assert "hangs repeatedly" not in (processor.snapshot().problem or "")
        process_a_minute_later(processor, clock)
    for _ in range(20):
        assert has_problem_drawn(processor.process(plain()))
    assert "hangs repeatedly" in processor.snapshot().problem
    assert not processor.snapshot().running
    assert len(workers()) == len(detector.started) == 3
    detector.resume()
    detector.release()
    assert feed_until(processor, is_well)
    assert len(detector.smallest_faces) == 4


def test_start_and_stop_do_not_pile_up_hung_workers(processor, detector):
    detector.hang()
    for started in range(1, 4):
        processor.process(plain())
        assert until(lambda started=started: len(detector.started) == started)
        processor.stop()
    for _ in range(3):
        processor.process(plain())
        processor.stop()
    assert len(workers()) == 3


def video_frame(width: int, height: int, kind: str) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, kind)
    for plane in frame.planes:
        plane.update(np.random.default_rng(2).bytes(plane.buffer_size))
    return frame


@pytest.mark.parametrize(
    "size", [(1, 1), (17, 31), (480, 270), (641, 479), (4000, 40), (40, 4000)], ids=str
)
def test_frames_of_every_size_and_format_come_back_at_their_size(processor, detector, size):
    width, height = size
    detector.boxes = [Box(-3, -3, 25, 25), Box(width - 20, height - 20, 30, 30)]

    def receive(kind: str = "yuv420p") -> bool:
        returned = processor.recv(video_frame(*size, kind))
        assert (returned.width, returned.height) == size
        assert returned.to_ndarray(format="bgr24").shape == (height, width, 3)
        return has_face(processor.snapshot())

    for settings in (replace(FAST, mirror=True, bars=True, activation_map=True), HIDDEN):
        processor.set_settings(settings)
        for kind in FORMATS:
            receive(kind)
        assert until(receive)
        receive()
        assert processor.snapshot().problem is None


def luma(frame: av.VideoFrame) -> np.ndarray:
    """Return the brightness of each pixel as the encoder gets it."""
    plane = frame.reformat(format="yuv420p").planes[0]
    return np.frombuffer(plane, np.uint8).reshape(frame.height, -1)[:, : frame.width].astype(int)


def test_a_frame_without_faces_comes_back_as_it_came(processor, detector):
    detector.boxes = []
    sizes = ((640, 480), (641, 479), (1, 1), (17, 31), (426, 242), (480, 640))
    for mirror, kind, size in product((False, True), FORMATS, sizes):
        processor.set_settings(replace(FAST, mirror=mirror))
        frame, step = video_frame(*size, kind), -1 if mirror else 1
        sent = frame.to_ndarray(format="bgr24")[:, ::step].copy()
        np.testing.assert_array_equal(processor.process(sent.copy())[:, ::step], sent)
        expected = luma(av.VideoFrame.from_ndarray(sent, format="bgr24"))
        assert np.abs(luma(processor.recv(frame)) - expected).max() <= 2, (mirror, kind, size)


def test_the_colors_of_a_frame_without_faces_come_back_as_they_came(processor, detector):
    detector.boxes = []
    colors = np.random.default_rng(3).integers(0, 256, (3, 4, 3), np.uint8)
    for size in ((640, 480), (426, 240), (480, 270), (641, 479)):
        sent = cv2.resize(colors, size, interpolation=cv2.INTER_LINEAR)
        returned = processor.recv(av.VideoFrame.from_ndarray(sent, format="bgr24"))
        difference = returned.to_ndarray(format="bgr24").astype(int) - sent
        assert np.abs(difference).mean() < 2 and np.abs(difference).max() <= 8, size


def test_faces_are_drawn_on_frames_of_every_format(processor):
    assert feed_until(processor, has_face)
    for kind in FORMATS:
        frame = av.VideoFrame.from_ndarray(plain(), format="bgr24").reformat(format=kind)
        before = frame.to_ndarray(format="bgr24").copy()
        returned = processor.recv(frame).to_ndarray(format="bgr24")
        changed = (np.abs(returned.astype(int) - before) > 40).any(axis=2)
        assert changed.sum() > 500, kind
        assert returned[400, 500] == pytest.approx(before[400, 500], abs=3), kind


def test_an_array_that_is_not_a_frame_does_not_raise(processor, detector):
    assert feed_until(processor, has_face)
    for odd in (
        np.zeros((10, 10), np.float64),
        np.zeros((10, 10, 2), np.uint8),
        np.zeros((0, 0, 3), np.uint8),
        np.broadcast_to(np.uint8(90), (480, 640, 3)),  # read-only
    ):
        gate = stall(processor, detector)
        for hidden in (True, False):
            processor.set_settings(replace(FAST, hide_faces=hidden))
            returned = processor.process(odd)
            assert returned.shape == odd.shape
            assert (returned is odd) == (not hidden)
            assert processor.snapshot().problem
        detector.resume()
        gate.set()
        assert feed_until(processor, is_well)


def leave_faces_in_memory(n: int) -> None:
    """Leave bright images in the memory that is given out next."""
    for frame in [av.VideoFrame.from_ndarray(plain() + 100, format="bgr24") for _ in range(n)]:
        del frame


def test_a_frame_that_cannot_be_decoded_comes_back_or_is_black_if_faces_are_hidden(processor):
    broken = av.VideoFrame(640, 480, "rgb4")  # which the converter does not read
    assert processor.recv(broken) is broken
    assert "not supported" in processor.snapshot().problem
    assert feed_until(processor, is_well)
    processor.set_settings(HIDDEN)
    for _ in range(5):
        leave_faces_in_memory(3)
        returned = processor.recv(broken)
        assert (returned.width, returned.height) == (640, 480)
        assert not returned.to_ndarray(format="bgr24").any(), "not even what lay in its memory"


def test_a_frame_that_cannot_be_drawn_comes_back_or_is_black_if_faces_are_hidden(
    processor, detector, monkeypatch
):
    monkeypatch.setattr(processor_module, "draw_result", lambda *_: 1 / 0)
    detector.hang()
    for hidden in (True, False):
        processor.set_settings(replace(FAST, hide_faces=hidden))
        frame = av.VideoFrame.from_ndarray(textured(), format="bgr24")
        returned = processor.recv(frame)
        if hidden:
            assert not returned.to_ndarray(format="bgr24").any()
        else:
            assert np.abs(luma(returned) - luma(frame)).max() <= 2
        assert "ZeroDivisionError" in processor.snapshot().problem


def test_a_hidden_video_is_blurred_as_a_whole_until_faces_are_located(processor, detector):
    detector.boxes, gate = [LEFT], detector.hang()
    processor.set_settings(HIDDEN)
    for _ in range(5):
        assert is_blurred(processor.process(textured()))
    assert is_blurred(processor.last_frame())
    detector.resume()
    gate.set()

    def rest_is_shown() -> bool:
        frame = processor.process(textured())
        assert (frame[100:200, 100:200] != textured()[100:200, 100:200]).mean() > 0.9
        return (frame[350:] == textured()[350:]).all() and has_face(processor.snapshot())

    assert until(rest_is_shown)


def test_a_hidden_face_is_blurred_before_its_track_is_confirmed(processor, detector):
    detector.boxes = [LEFT]
    processor.set_settings(HIDDEN)
    processor.process(textured())
    assert until(lambda: "detect" in processor.snapshot().stages)
    assert processor.snapshot().faces == ()
    frame = processor.process(textured())
    assert (frame[100:200, 100:200] != textured()[100:200, 100:200]).mean() > 0.9
