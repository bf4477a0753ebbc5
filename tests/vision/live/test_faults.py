import pytest

from pipeline.vision.snapshot import Snapshot
from tests.vision.conftest import FAST, feed_until, plain, until, workers
from tests.vision.live.conftest import LEFT, RIGHT, a_minute_later, shows_a_face, stall


def test_the_video_does_not_wait_for_recognition(processor, detector):
    gate = detector.hang()
    processor.process(plain())
    assert until(detector.hanging)
    for _ in range(30):
        processor.process(plain())
        processor.snapshot()
        processor.configure(FAST)
    assert detector.hanging() == 1
    gate.set()


@pytest.mark.parametrize("fault", ["breaks", "fails"])
def test_a_fault_is_told_and_drawn_while_the_video_goes_on_and_recovers(processor, detector, fault):
    setattr(detector, fault, True)
    assert feed_until(processor, lambda snapshot: snapshot.problem)
    snapshot = processor.snapshot()
    assert "the cascade is" in snapshot.problem
    assert snapshot.faces == ()
    picture = processor.process(plain())
    assert (picture[460:] != 90).any()
    assert (picture[:380] == 90).all()
    setattr(detector, fault, False)
    assert feed_until(processor, lambda snapshot: snapshot.faces and not snapshot.problem)
    assert len(workers()) == 1


def test_a_hung_worker_is_replaced_and_the_video_goes_on(processor, detector, clock):
    detector.boxes = [LEFT]
    assert feed_until(processor, shows_a_face)
    gate = stall(processor, detector)
    (old,) = workers()
    detector.boxes = [RIGHT]
    detector.go_on()
    assert (a_minute_later(processor, clock)[460:] != 90).any(), "it is said on the frame"

    def right_only(snapshot: Snapshot) -> bool:
        return [face.box for face in snapshot.faces] == [RIGHT] and not snapshot.problem

    assert feed_until(processor, right_only)
    assert old.is_alive()
    gate.set()
    assert until(lambda: not old.is_alive())
    assert right_only(processor.snapshot())
    assert len(workers()) == 1


def test_a_replaced_workers_late_result_is_not_shown(processor, detector, clock):
    detector.boxes = [LEFT]
    assert feed_until(processor, shows_a_face)
    gate = stall(processor, detector)
    (old,) = workers()
    newer = detector.hang()
    a_minute_later(processor, clock)
    assert until(lambda: detector.hanging() == 2)
    told, rows = processor.snapshot(), len(processor.timeline.recent())
    assert told.faces == ()
    assert "hung" in told.problem
    gate.set()
    assert until(lambda: not old.is_alive())
    processor.process(plain())
    assert processor.snapshot().faces == ()
    assert processor.snapshot().problem == told.problem
    assert len(processor.timeline.recent()) == rows
    newer.set()


def test_after_three_hung_workers_no_more_are_started_and_it_is_said(processor, detector, clock):
    detector.hang()
    processor.process(plain())
    for hanging in (1, 2, 3):
        assert until(lambda hanging=hanging: detector.hanging() == hanging)
        assert "again and again" not in (processor.snapshot().problem or "")
        a_minute_later(processor, clock)
    for _ in range(20):
        assert (processor.process(plain())[460:] != 90).any()
    assert "again and again" in processor.snapshot().problem
    assert not processor.snapshot().running
    assert len(workers()) == len(detector.began) == 3
    detector.go_on()
    detector.release()
    assert feed_until(processor, lambda snapshot: snapshot.faces and not snapshot.problem)
    assert len(detector.made) == 4


def test_starting_and_stopping_does_not_gather_hung_workers(processor, detector):
    detector.hang()
    for looks in range(1, 4):
        processor.process(plain())
        assert until(lambda looks=looks: len(detector.began) == looks)
        processor.stop()
    for _ in range(3):
        processor.process(plain())
        processor.stop()
    assert len(workers()) == 3
