"""Boxes, settings and steps of the tests of the live processor, and a clock to put forward."""

import threading
from dataclasses import replace
from time import monotonic

import numpy as np
import pytest

from pipeline.vision import live
from pipeline.vision.faces import Box
from pipeline.vision.live import LiveProcessor
from pipeline.vision.snapshot import Snapshot
from tests.vision.conftest import FAST, feed_until, plain

LEFT, RIGHT = Box(100, 100, 100, 100), Box(400, 200, 100, 100)
HIDDEN = replace(FAST, hide_faces=True, bars=True, activation_map=True)
PATIENCE_S = 60.0


def shows_a_face(snapshot: Snapshot) -> bool:
    return bool(snapshot.faces)


def second_face_alone(processor: LiveProcessor, detector) -> None:
    """Make the processor show one face, of which the number, 2, tells if it was begun anew."""
    detector.boxes = [LEFT, RIGHT]
    assert feed_until(processor, lambda snapshot: len(snapshot.faces) == 2)
    detector.boxes = [RIGHT]
    assert feed_until(processor, lambda snapshot: [face.number for face in snapshot.faces] == [2])


def stall(processor: LiveProcessor, detector) -> threading.Event:
    """Let the worker hang in its next look, until the event is set."""
    gate, hanging = detector.hang(), detector.hanging()
    assert feed_until(processor, lambda _: detector.hanging() == hanging + 1)
    return gate


@pytest.fixture
def clock(monkeypatch):
    """The processor's clock, which may be put forward for a while."""

    class Clock:
        ahead_s = 0.0

        def __call__(self) -> float:
            return monotonic() + self.ahead_s

    clock = Clock()
    monkeypatch.setattr(live, "monotonic", clock)
    return clock


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Let nothing but a clock that is put forward make a slow machine's worker one that hangs."""
    monkeypatch.setattr(live, "_HUNG_S", PATIENCE_S)


def a_minute_later(processor: LiveProcessor, clock) -> np.ndarray:
    """Process a frame when the worker has hung for longer than it may."""
    clock.ahead_s = PATIENCE_S + 1
    picture = processor.process(plain())
    clock.ahead_s = 0.0
    return picture


def goes_on_as_second_face(processor: LiveProcessor, happens) -> bool:
    def step(snapshot: Snapshot) -> bool:
        assert [face.number for face in snapshot.faces] == [2]
        return happens(snapshot.faces[0])

    return feed_until(processor, step)
