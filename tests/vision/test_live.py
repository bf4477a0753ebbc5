import threading
import time
from dataclasses import FrozenInstanceError

import av
import numpy as np
import pytest

from pipeline.labels import EMOTIONS
from pipeline.vision import live
from pipeline.vision.faces import Box
from pipeline.vision.live import LiveProcessor
from pipeline.vision.snapshot import LiveSettings


class FakeDetector:
    """Finds one face; fails, hangs or slows down on request."""

    fails = False
    delay_s = 0.0
    made_in: list[int] = []

    def __init__(self, smallest: int) -> None:
        self.smallest = smallest
        FakeDetector.made_in.append(threading.get_ident())

    def detect(self, gray: np.ndarray) -> list[Box]:
        time.sleep(FakeDetector.delay_s)
        if FakeDetector.fails:
            raise RuntimeError("the cascade is gone")
        return [Box(100, 100, self.smallest, self.smallest)]


@pytest.fixture
def detector(monkeypatch):
    monkeypatch.setattr(FakeDetector, "fails", False)
    monkeypatch.setattr(FakeDetector, "delay_s", 0.0)
    monkeypatch.setattr(FakeDetector, "made_in", [])
    return FakeDetector


@pytest.fixture
def processor(recognizer, detector):
    processor = LiveProcessor(recognizer, LiveSettings(recognitions_per_s=100), detector)
    yield processor
    processor.stop()
    assert until(lambda: not workers())


def frame() -> np.ndarray:
    return np.full((480, 640, 3), 90, np.uint8)


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "live"]


def until(happens, within_s: float = 3.0) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if happens():
            return True
        time.sleep(0.005)
    return bool(happens())


def feed_until(processor: LiveProcessor, happens) -> bool:
    def step() -> bool:
        processor.process(frame())
        return happens(processor.snapshot())

    return until(step)


def test_a_face_is_drawn_and_told_of(processor, recognizer):
    assert feed_until(processor, lambda snapshot: snapshot.faces)
    (face,) = processor.snapshot().faces
    expected = recognizer.predict(face.picture[np.newaxis])[0]
    np.testing.assert_allclose(face.probabilities, expected, atol=1e-4)
    assert (face.number, face.emotion) == (1, EMOTIONS[int(expected.argmax())])
    assert face.picture.shape == (48, 48)
    assert (processor.process(frame()) != 90).any()
    assert set(recognizer.batches) == {1}


def test_rates_times_and_drops_are_counted(recognizer, detector):
    processor = LiveProcessor(recognizer, LiveSettings(recognitions_per_s=10), detector)
    end = time.monotonic() + 1.2
    while time.monotonic() < end:
        processor.process(frame())
        time.sleep(0.02)
    snapshot = processor.snapshot()
    processor.stop()
    assert 20 < snapshot.frames_per_s < 60
    assert 6 < snapshot.recognitions_per_s <= 11
    assert snapshot.dropped > 10
    assert set(snapshot.stage_ms) == {"detect", "recognise", "draw"}


def test_the_video_does_not_wait_for_a_slow_detector(processor, detector):
    detector.delay_s = 0.3
    processor.process(frame())
    took = []
    for _ in range(30):
        picture, started = frame(), time.perf_counter()
        processor.process(picture)
        took.append(time.perf_counter() - started)
    assert np.median(took) < 0.01


def test_a_failing_detector_is_told_of_and_drawn_while_the_video_goes_on(processor, detector):
    detector.fails = True
    assert feed_until(processor, lambda snapshot: snapshot.problem)
    assert "the cascade is gone" in processor.snapshot().problem
    assert processor.snapshot().faces == ()
    picture = processor.process(frame())
    assert picture.shape == (480, 640, 3)
    assert (picture[460:] != 90).any()
    detector.fails = False
    assert feed_until(processor, lambda snapshot: snapshot.faces and not snapshot.problem)


def test_a_frame_that_cannot_be_used_is_told_of_and_comes_back(processor):
    odd = np.zeros((10, 10), np.float64)
    assert processor.process(odd) is odd
    assert processor.snapshot().problem
    assert feed_until(processor, lambda snapshot: snapshot.faces and not snapshot.problem)


def test_stop_frees_the_worker_at_once_and_a_frame_starts_it_again(processor):
    processor.process(frame())
    assert until(workers)
    processor.stop()
    assert until(lambda: not workers(), 1.0)
    assert processor.snapshot() == type(processor.snapshot())()
    assert feed_until(processor, lambda snapshot: snapshot.faces)


def test_a_hanging_worker_does_not_disturb_the_next_one(processor, detector):
    detector.delay_s = 0.5
    processor.process(frame())
    assert until(lambda: len(detector.made_in) == 1)
    processor.stop()
    detector.delay_s = 0.0
    assert feed_until(processor, lambda snapshot: snapshot.faces)
    assert len(set(detector.made_in)) == 2


def test_the_worker_ends_itself_without_frames(processor, monkeypatch):
    monkeypatch.setattr(live, "_IDLE_S", 0.1)
    processor.process(frame())
    assert until(workers)
    assert until(lambda: not workers(), 1.0)
    assert not processor.snapshot().running


def test_settings_reach_the_worker(processor):
    assert feed_until(processor, lambda snapshot: snapshot.faces)
    processor.configure(LiveSettings(smallest_face=120, recognitions_per_s=100))
    assert feed_until(processor, lambda s: s.faces and s.faces[0].box.width == 120)


@pytest.mark.parametrize(("size", "smallest"), [((480, 640), 60), ((960, 540), 67), ((60, 80), 24)])
def test_the_smallest_face_goes_by_the_size_of_the_video(processor, size, smallest):
    def sees_it() -> bool:
        processor.process(np.full((*size, 3), 90, np.uint8))
        faces = processor.snapshot().faces
        return bool(faces) and faces[0].box.width == smallest

    assert until(sees_it)


def test_a_video_that_changes_its_size_goes_on(processor):
    assert feed_until(processor, lambda snapshot: snapshot.faces)

    def follows() -> bool:
        processor.process(np.full((240, 320, 3), 90, np.uint8))
        snapshot = processor.snapshot()
        return bool(snapshot.faces) and snapshot.faces[0].box.width == 30

    assert until(follows)


def test_a_snapshot_cannot_be_changed(processor):
    with pytest.raises(FrozenInstanceError):
        processor.snapshot().problem = "none"


def test_recv_returns_a_frame_with_the_faces_drawn(processor):
    assert feed_until(processor, lambda snapshot: snapshot.faces)
    returned = processor.recv(av.VideoFrame.from_ndarray(frame(), format="bgr24"))
    assert (returned.to_ndarray(format="bgr24") != 90).any()


def test_recv_never_raises(processor):
    class Broken:
        def to_ndarray(self, format):
            raise ValueError("no pixels")

    broken = Broken()
    assert processor.recv(broken) is broken
    assert "no pixels" in processor.snapshot().problem


def test_many_threads_may_call_it_at_once(processor):
    def call() -> None:
        for _ in range(30):
            processor.process(frame())
            processor.snapshot()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert processor.snapshot().problem is None
    assert len(workers()) == 1
