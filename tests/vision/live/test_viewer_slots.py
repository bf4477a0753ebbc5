import pytest

from pipeline.vision.live import processor as processor_module
from pipeline.vision.live.viewer_slots import ViewerSlots
from tests.vision.conftest import feed_until, plain, run_threads, textured, until, workers
from tests.vision.live.conftest import (
    HIDDEN,
    has_face,
    has_problem_drawn,
    is_blurred,
    is_well,
    process_a_minute_later,
    stall,
)


class Viewer:
    pass


def test_each_viewer_gets_one_slot_up_to_the_limit():
    slots, (first, second, third) = ViewerSlots(2), [Viewer() for _ in range(3)]
    assert all(slots.acquire(first) for _ in range(5)) and not slots.full
    assert slots.acquire(second) and slots.full
    assert not slots.acquire(third)
    assert slots.acquire(first), "a viewer keeps its slot when all are in use"
    equal = ViewerSlots(1), [], []
    assert equal[0].acquire(equal[1]) and not equal[0].acquire(equal[2]), "equal viewers are two"


def test_a_released_slot_is_free_for_another_viewer():
    slots, first, second = ViewerSlots(1), Viewer(), Viewer()
    slots.acquire(first)
    slots.release(second)
    assert slots.full and slots.has_slot(first) and not slots.has_slot(second)
    slots.release(first)
    assert not slots.full
    assert slots.acquire(second) and not slots.acquire(first)


def test_many_threads_never_acquire_more_slots_than_there_are():
    slots, inside, counts = ViewerSlots(3), set(), []

    def come_and_go() -> None:
        viewer = Viewer()
        for _ in range(200):
            if slots.acquire(viewer):
                inside.add(id(viewer))
                counts.append(len(inside))
                inside.discard(id(viewer))
                slots.release(viewer)

    run_threads(*[come_and_go] * 12)
    assert 1 <= max(counts) <= 3
    assert not slots.full


@pytest.fixture
def one_slot() -> ViewerSlots:
    return ViewerSlots(1)


@pytest.fixture
def two_viewers(new_processor, stub, one_slot):
    """Two processors with one slot, which the first has."""
    pair = [new_processor(stub, slots=one_slot) for _ in range(2)]
    assert feed_until(pair[0], has_face)
    return pair


def test_a_processor_without_a_slot_says_so_and_starts_when_one_is_free(two_viewers, one_slot):
    first, second = two_viewers
    for _ in range(3):
        frame = second.process(plain())
    assert "All 1 viewer slots are in use" in second.snapshot().problem
    assert has_problem_drawn(frame)
    assert not second.snapshot().running and len(workers()) == 1
    second.set_settings(HIDDEN)
    assert is_blurred(second.process(textured()))
    second.stop()
    assert one_slot.full, "stopping a processor without a slot frees none"

    assert feed_until(first, is_well)
    first.stop()
    assert not one_slot.full
    assert feed_until(second, is_well)
    assert one_slot.has_slot(second)


def test_a_processor_uses_one_slot_however_often_it_starts(new_processor, stub):
    slots = ViewerSlots(2)
    processor = new_processor(stub, slots=slots)
    for _ in range(3):
        assert feed_until(processor, has_face)
        assert slots.has_slot(processor) and not slots.full
        processor.stop()
        assert not slots.has_slot(processor)


def test_the_slot_is_released_when_the_worker_ends_itself(
    new_processor, stub, one_slot, monkeypatch
):
    monkeypatch.setattr(processor_module, "_IDLE_S", 0.1)
    new_processor(stub, slots=one_slot).process(plain())
    assert one_slot.full
    assert until(lambda: not workers())
    assert until(lambda: not one_slot.full)


def test_a_worker_that_is_replaced_leaves_its_slot_to_the_next(
    two_viewers, one_slot, detector, clock
):
    first, second = two_viewers
    gate = stall(first, detector)
    detector.resume()
    process_a_minute_later(first, clock)
    second.process(plain())
    assert "viewer slots are in use" in second.snapshot().problem
    gate.set()
    assert until(lambda: len(workers()) == 1)
    assert one_slot.has_slot(first)
    assert feed_until(first, is_well)
