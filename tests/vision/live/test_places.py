import pytest

from pipeline.vision import live
from pipeline.vision.live import LiveProcessor
from pipeline.vision.places import Places
from tests.vision.conftest import FAST, feed_until, plain, textured, until, workers
from tests.vision.live.conftest import HIDDEN, a_minute_later, shows_a_face, stall


@pytest.fixture
def neighbours(saying, detector):
    """Two processors with one place, of which the first has it."""
    places = Places(1)
    pair = [LiveProcessor(saying, FAST, places, {"haar": detector}) for _ in range(2)]
    assert feed_until(pair[0], shows_a_face)
    yield places, *pair
    for processor in pair:
        processor.stop()
    assert until(lambda: not workers())
    assert not places.full


def test_a_processor_without_a_place_says_so_and_starts_when_there_is_one(neighbours):
    places, first, second = neighbours
    for _ in range(3):
        picture = second.process(plain())
    assert "All 1 places are taken" in second.snapshot().problem
    assert (picture[460:] != 90).any()
    assert not second.snapshot().running
    assert len(workers()) == 1
    assert feed_until(first, lambda snapshot: snapshot.faces and not snapshot.problem)
    first.stop()
    assert not places.full
    assert feed_until(second, lambda snapshot: snapshot.faces and not snapshot.problem)
    assert places.holds(second)


def test_a_processor_without_a_place_hides_the_whole_frame_if_faces_are_hidden(neighbours):
    *_, second = neighbours
    second.configure(HIDDEN)
    assert (second.process(textured()) != textured()).mean() > 0.9


def test_stopping_a_processor_without_a_place_frees_none(neighbours):
    places, _, second = neighbours
    second.process(plain())
    second.stop()
    assert places.full


def test_a_processor_takes_one_place_however_long_it_runs(saying, detector):
    places = Places(2)
    processor = LiveProcessor(saying, FAST, places, {"haar": detector})
    try:
        for _ in range(3):
            assert feed_until(processor, shows_a_face)
            assert places.holds(processor)
            assert not places.full
            processor.stop()
            assert not places.holds(processor)
    finally:
        processor.stop()
        assert until(lambda: not workers())


def test_the_place_is_free_when_the_worker_ends_itself(saying, detector, monkeypatch):
    monkeypatch.setattr(live, "_IDLE_S", 0.1)
    places = Places(1)
    processor = LiveProcessor(saying, FAST, places, {"haar": detector})
    processor.process(plain())
    assert places.full
    assert until(lambda: not workers())
    assert until(lambda: not places.full)


def test_a_worker_that_is_replaced_leaves_its_place_to_the_next(neighbours, detector, clock):
    places, first, second = neighbours
    gate = stall(first, detector)
    detector.go_on()
    a_minute_later(first, clock)
    second.process(plain())
    assert "places are taken" in second.snapshot().problem
    gate.set()
    assert until(lambda: len(workers()) == 1)
    assert places.holds(first)
    assert feed_until(first, lambda snapshot: snapshot.faces and not snapshot.problem)
