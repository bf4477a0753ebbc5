import threading
import time

import numpy as np
import pytest

from pipeline.vision.faces import Box
from pipeline.vision.snapshot import LiveSettings
from pipeline.vision.worker import Look, Plan, Worker, describe
from tests.vision.conftest import FAST, Saying, until, workers

LEFT = Box(100, 100, 100, 100)


class Watched:
    """A worker, what it published, and what it is to look with."""

    def __init__(self, plan: Plan, idle_s: float = 60.0) -> None:
        self.plan = plan
        self.looks: list[Look] = []
        self.ended: list[Worker] = []
        self.worker = Worker(self.ask, self.publish, self.end, idle_s)

    def ask(self) -> Plan:
        if self.plan is None:
            raise LookupError("no plan")
        return self.plan

    def publish(self, worker: Worker, look: Look) -> None:
        self.looks.append(look)

    def end(self, worker: Worker) -> None:
        self.ended.append(worker)

    def look(self, height: int = 480, width: int = 640) -> Look:
        """Let it look at a frame and return what it published."""
        before = len(self.looks)
        self.worker.offer(np.full((height, width), 90, np.uint8), time.monotonic())
        assert until(lambda: len(self.looks) > before)
        return self.looks[-1]


@pytest.fixture
def watch(detector):
    """Start workers; all must be gone in the end."""
    started: list[Watched] = []

    def start(plan: Plan, **options) -> Watched:
        started.append(Watched(plan, **options))
        return started[-1]

    yield start
    detector.release()
    for watched in started:
        watched.worker.end()
    assert until(lambda: not workers())


@pytest.fixture
def plan(detector, saying) -> Plan:
    detector.boxes = [LEFT]
    return Plan(saying, FAST, {"haar": detector})


def test_a_look_tells_of_its_frame(watch, plan):
    watched = watch(plan)
    before = time.monotonic()
    first, second = watched.look(), watched.look()
    assert before <= first.frame_s <= second.frame_s <= time.monotonic()
    assert first.faces == ()
    assert first.boxes == second.boxes == (LEFT,)
    assert [face.box for face in second.faces] == [LEFT]
    assert set(second.seconds) == {"detect", "recognise", "frame to faces"}
    assert second.seconds["frame to faces"] >= second.seconds["detect"]
    assert first.size == second.size == (480, 640)
    assert first.problem is second.problem is None


def test_only_the_newest_frame_is_looked_at(watch, plan, detector):
    gate = detector.hang()
    watched = watch(plan)
    watched.worker.offer(np.full((480, 640), 1, np.uint8), 0.0)
    assert until(detector.hanging)
    passed_over = [
        watched.worker.offer(np.full((480, 640), gray, np.uint8), 0.0) for gray in (2, 3, 4)
    ]
    assert passed_over == [False, True, True]
    detector.go_on()
    gate.set()
    assert until(lambda: len(watched.looks) == 2)
    assert [int(seen[0, 0]) for seen in detector.began] == [1, 4]


def test_a_worker_that_is_told_to_end_does_not_say_so_and_looks_no_more(watch, plan, detector):
    watched = watch(plan)
    watched.look()
    watched.worker.end()
    assert until(lambda: not watched.worker.alive)
    watched.worker.offer(np.zeros((480, 640), np.uint8), 0.0)
    assert watched.ended == []
    assert len(detector.began) == 1


def test_a_worker_ends_itself_without_frames_and_says_so(watch, plan):
    watched = watch(plan, idle_s=0.05)
    assert until(lambda: not watched.worker.alive)
    assert watched.ended == [watched.worker]


def test_it_tells_for_how_long_it_has_looked_at_one_frame(watch, plan, detector):
    gate = detector.hang()
    watched = watch(plan)
    assert watched.worker.looking_s(time.monotonic()) == 0
    watched.worker.offer(np.zeros((480, 640), np.uint8), 0.0)
    assert until(detector.hanging)
    assert until(lambda: watched.worker.looking_s(time.monotonic()) > 0.05)
    gate.set()
    assert until(lambda: watched.looks)
    assert watched.worker.looking_s(time.monotonic()) == 0


def test_it_looks_no_more_often_than_chosen(watch, plan):
    watched = watch(plan._replace(settings=LiveSettings(recognitions_per_s=20)))
    started = time.monotonic()
    frame = np.zeros((480, 640), np.uint8)

    def step() -> bool:
        watched.worker.offer(frame, time.monotonic())
        return len(watched.looks) >= 8

    assert until(step)
    assert time.monotonic() - started > 6 / 20


def test_one_thread_makes_and_uses_the_detector(watch, plan, detector):
    watched = watch(plan)
    watched.look()
    watched.look()
    assert detector.made == [60]
    assert detector.made_in == [thread.ident for thread in workers()]
    assert threading.get_ident() not in detector.made_in


def test_another_detector_is_made_only_when_the_plan_changes(watch, plan, detector):
    watched = watch(plan)
    watched.look()
    watched.plan = plan._replace(settings=LiveSettings(recognitions_per_s=200, bars=True))
    watched.look()
    assert detector.made == [60]
    watched.plan = plan._replace(settings=LiveSettings(recognitions_per_s=200, smallest_face=90))
    watched.look()
    assert detector.made == [60, 90]


def test_frames_of_another_size_are_looked_at_with_a_detector_for_it(watch, plan, detector):
    watched = watch(plan)
    watched.look()
    watched.look()
    look = watched.look(240, 320)
    assert look.size == (240, 320)
    assert look.faces == (), "boxes of another size say nothing of where faces are now"
    assert detector.made == [60, 30]
    assert len(watched.look(240, 320).faces) == 1


@pytest.mark.parametrize("fault", ["breaks", "fails"])
def test_a_fault_of_the_detector_is_told_and_tried_again(watch, plan, detector, fault):
    setattr(detector, fault, True)
    watched = watch(plan)
    look = watched.look()
    assert "the cascade is" in look.problem
    assert (look.faces, look.boxes) == ((), ())
    assert watched.worker.alive
    setattr(detector, fault, False)
    assert watched.look().problem is None
    assert len(watched.look().faces) == 1
    assert len(detector.made) == 2, "a new detector, since the old one may be what is broken"


def test_faces_keep_their_numbers_over_a_fault(watch, plan, detector):
    detector.boxes = [LEFT, Box(400, 100, 100, 100)]
    watched = watch(plan)
    watched.look()
    assert [face.number for face in watched.look().faces] == [1, 2]
    detector.fails = True
    assert watched.look().problem
    detector.fails, detector.boxes = False, detector.boxes[1:]
    assert 2 in {face.number for face in watched.look().faces}


def test_a_detector_that_cannot_be_made_leaves_the_old_one_no_say(watch, plan, detector):
    watched = watch(plan)
    watched.look()
    detector.breaks = True
    watched.plan = plan._replace(settings=LiveSettings(recognitions_per_s=200, smallest_face=90))
    assert watched.look().problem
    assert watched.look().problem
    detector.breaks = False
    assert watched.look().problem is None
    assert detector.made[-1] == 90


def test_a_model_that_fails_is_told_and_another_goes_on(watch, plan):
    class Failing(Saying):
        def predict(self, faces):
            raise MemoryError("no room for tensors")

    watched = watch(plan._replace(recognizer=Failing(sad=0.9)))
    assert "no room for tensors" in watched.look().problem
    watched.plan = plan
    watched.look()
    assert watched.look().faces[0].emotion == "happy"


def test_a_plan_that_cannot_be_had_is_told(watch, plan):
    watched = watch(None)
    assert "no plan" in watched.look().problem
    watched.plan = plan
    assert watched.look().problem is None


def test_each_worker_has_an_infer_request_of_its_own(watch, plan):
    shared: list[Saying] = []

    class Sharing(Saying):
        def share(self):
            shared.append(Saying(sad=0.9))
            return shared[-1]

        def predict(self, faces):
            raise AssertionError("the one that all share must not be used")

    watched = watch(plan._replace(recognizer=Sharing()))
    watched.look()
    assert watched.look().faces[0].emotion == "sad"
    assert shared


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("no pixels"), "Recognition fails: ValueError: no pixels."),
        (ValueError("no pixels."), "Recognition fails: ValueError: no pixels."),
        (TimeoutError(), "Recognition fails: TimeoutError."),
        (RuntimeError("broken\n"), "Recognition fails: RuntimeError: broken."),
    ],
)
def test_a_problem_is_said_in_one_sentence(error, said):
    assert describe(error) == said
