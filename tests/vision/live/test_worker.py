import os
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from pipeline.vision.boxes import Box
from pipeline.vision.live.settings import LiveSettings
from pipeline.vision.live.worker import FrameResult, Worker, WorkerConfig, describe
from tests.vision.conftest import FAST, StubRecognizer, until, workers

LEFT, RIGHT = Box(100, 100, 100, 100), Box(400, 100, 100, 100)


class Watched:
    """A worker, its config and what it published."""

    def __init__(self, config: WorkerConfig | None, idle_s: float = 60.0) -> None:
        self.config = config
        self.results: list[FrameResult] = []
        self.idle: list[Worker] = []
        self.worker = Worker(
            self.get_config, lambda _, result: self.results.append(result), self.idle.append, idle_s
        )

    def get_config(self) -> WorkerConfig:
        if self.config is None:
            raise LookupError("no config")
        return self.config

    def set(self, **settings) -> None:
        self.config = self.config._replace(settings=replace(FAST, **settings))

    def process(self, height: int = 480, width: int = 640) -> FrameResult:
        """Submit a frame and return what is published."""
        before = len(self.results)
        self.worker.submit(np.full((height, width), 90, np.uint8), time.monotonic())
        assert until(lambda: len(self.results) > before)
        return self.results[-1]


@pytest.fixture
def watch(detector, stub):
    """Start workers; all must be gone in the end."""
    detector.boxes = [LEFT]
    started: list[Watched] = []

    def start(recognizer=stub, settings=FAST, **options) -> Watched:
        started.append(Watched(WorkerConfig(recognizer, settings), **options))
        return started[-1]

    yield start
    detector.release()
    for watched in started:
        watched.worker.stop()
    assert until(lambda: not workers())


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_recognition_yields_to_the_video(watch):
    watch().process()
    (thread,) = workers()
    own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    assert until(lambda: os.getpriority(os.PRIO_PROCESS, thread.native_id) == min(19, own + 5))


def test_a_result_holds_time_size_faces_and_stages_of_its_frame(watch):
    watched = watch()
    before = time.monotonic()
    first, second = watched.process(), watched.process()
    assert before <= first.frame_s <= second.frame_s <= time.monotonic()
    assert first.faces == ()
    assert first.boxes == second.boxes == (LEFT,)
    assert [face.box for face in second.faces] == [LEFT]
    assert second.faces[0].time_s == second.frame_s
    assert set(second.stage_s) == {"detect", "recognize", "frame to faces"}
    assert second.stage_s["frame to faces"] >= second.stage_s["detect"]
    assert first.size == second.size == (480, 640)
    assert first.problem is second.problem is None


def test_only_the_newest_frame_is_processed(watch, detector):
    gate, watched = detector.hang(), watch()
    watched.worker.submit(np.full((480, 640), 1, np.uint8), 0.0)
    assert until(lambda: detector.hanging)
    dropped = [
        watched.worker.submit(np.full((480, 640), gray, np.uint8), 0.0) for gray in (2, 3, 4)
    ]
    assert dropped == [False, True, True]
    detector.resume()
    gate.set()
    assert until(lambda: len(watched.results) == 2)
    assert [int(frame[0, 0]) for frame in detector.started] == [1, 4]


def test_a_worker_ends_when_it_is_stopped_or_for_lack_of_frames_which_it_reports(watch, detector):
    stopped, idle = watch(), watch(idle_s=0.05)
    stopped.process()
    stopped.worker.stop()
    assert until(lambda: not stopped.worker.alive)
    stopped.worker.submit(np.zeros((480, 640), np.uint8), 0.0)
    assert stopped.idle == []
    assert until(lambda: not idle.worker.alive)
    assert idle.idle == [idle.worker]
    assert len(detector.started) == 1


def test_it_knows_how_long_it_has_been_busy_with_one_frame(watch, detector):
    gate, watched = detector.hang(), watch()
    assert watched.worker.busy_s(time.monotonic()) == 0
    watched.worker.submit(np.zeros((480, 640), np.uint8), 0.0)
    assert until(lambda: detector.hanging)
    assert until(lambda: watched.worker.busy_s(time.monotonic()) > 0.05)
    gate.set()
    assert until(lambda: watched.results)
    assert watched.worker.busy_s(time.monotonic()) == 0


def test_it_processes_no_more_frames_a_second_than_set(watch):
    watched = watch(settings=LiveSettings(recognitions_per_s=20))
    started = time.monotonic()
    frame = np.zeros((480, 640), np.uint8)

    def step() -> bool:
        watched.worker.submit(frame, time.monotonic())
        return len(watched.results) >= 8

    assert until(step)
    assert time.monotonic() - started > 6 / 20


def test_a_detector_is_created_in_the_workers_thread_and_again_only_if_its_setting_changes(
    watch, detector
):
    watched = watch()
    watched.process()
    watched.set(bars=True)
    watched.process()
    assert detector.smallest_faces == [60]
    assert detector.created_in == [thread.ident for thread in workers()]
    assert threading.get_ident() not in detector.created_in
    watched.set(smallest_face=90)
    watched.process()
    assert detector.smallest_faces == [60, 90]


def test_a_frame_of_another_shape_gets_a_detector_for_it_and_new_tracks(watch, detector):
    watched = watch()
    watched.process()
    watched.process()
    result = watched.process(240, 240)
    assert result.size == (240, 240)
    assert result.faces == (), "boxes of another shape do not locate faces"
    assert detector.smallest_faces == [60, 30]
    assert len(watched.process(240, 240).faces) == 1


def test_a_fault_of_the_detector_is_a_problem_and_is_retried_and_tracks_keep_their_ids(
    watch, detector
):
    for place in ("__init__", "detect"):
        detector.smallest_faces.clear()
        detector.fails_in = place
        watched = watch()
        result = watched.process()
        assert "the cascade is" in result.problem
        assert (result.faces, result.boxes) == ((), ())
        detector.fails_in, detector.boxes = None, [LEFT, RIGHT]
        assert watched.process().problem is None
        assert [face.track_id for face in watched.process().faces] == [1, 2]
        assert len(detector.smallest_faces) == 2, "a new one, since the old one may be broken"

        detector.fails_in = "detect"
        assert watched.process().problem
        detector.fails_in, detector.boxes = None, [RIGHT]
        assert 2 in {face.track_id for face in watched.process().faces}


def test_a_detector_that_cannot_be_created_is_not_replaced_by_the_old_one(watch, detector):
    watched = watch()
    watched.process()
    detector.fails_in = "__init__"
    watched.set(smallest_face=90)
    assert watched.process().problem
    assert watched.process().problem
    detector.fails_in = None
    assert watched.process().problem is None
    assert detector.smallest_faces[-1] == 90


def test_a_model_or_a_config_that_fails_is_a_problem_and_another_goes_on(watch, stub):
    class Failing(StubRecognizer):
        def predict(self, faces):
            raise MemoryError("no room for tensors")

    watched = watch(Failing(sad=0.9))
    assert "no room for tensors" in watched.process().problem
    watched.config = None
    assert "no config" in watched.process().problem
    watched.config = WorkerConfig(stub, FAST)
    assert watched.process().problem is None
    assert watched.process().faces[0].label == "happy"


def test_each_worker_has_an_infer_request_of_its_own(watch):
    shared: list[StubRecognizer] = []

    class Sharing(StubRecognizer):
        def share(self):
            shared.append(StubRecognizer(sad=0.9))
            return shared[-1]

        def predict(self, faces):
            raise AssertionError("the one that all share must not be used")

    watched = watch(Sharing())
    watched.process()
    assert watched.process().faces[0].label == "sad"
    assert shared


def test_a_problem_is_one_sentence():
    for error, sentence in (
        (ValueError("no pixels"), "Recognition fails: ValueError: no pixels."),
        (ValueError("no pixels."), "Recognition fails: ValueError: no pixels."),
        (TimeoutError(), "Recognition fails: TimeoutError."),
        (RuntimeError("broken\n"), "Recognition fails: RuntimeError: broken."),
    ):
        assert describe(error) == sentence
