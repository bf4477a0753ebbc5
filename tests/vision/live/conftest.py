"""Boxes, settings and steps for tests of the live processor, and a clock to advance."""

import threading
from dataclasses import replace
from time import monotonic

import numpy as np
import pytest

from pipeline.vision.boxes import Box
from pipeline.vision.live import processor as processor_module
from pipeline.vision.live.processor import LiveProcessor
from pipeline.vision.live.snapshot import Snapshot
from tests.vision.conftest import FAST, feed_until, plain, textured

LEFT, RIGHT = Box(100, 100, 100, 100), Box(400, 200, 100, 100)
HIDDEN = replace(FAST, hide_faces=True, bars=True, activation_map=True)
PATIENCE_S, LOADING_PATIENCE_S = 60.0, 600.0


def has_face(snapshot: Snapshot) -> bool:
    return bool(snapshot.faces)


def is_well(snapshot: Snapshot) -> bool:
    return bool(snapshot.faces) and not snapshot.problem


def is_blurred(frame: np.ndarray) -> bool:
    """Return whether nearly all pixels of a textured frame have changed."""
    return (frame != textured(*frame.shape[:2])).mean() > 0.9


def has_problem_drawn(frame: np.ndarray) -> bool:
    """Return whether text is drawn along the lower edge of a plain frame."""
    return bool((frame[460:] != 90).any())


def show_second_face_only(processor: LiveProcessor, detector) -> None:
    """Show one face, whose track id 2 becomes another one if the tracks start again."""
    detector.boxes = [LEFT, RIGHT]
    assert feed_until(processor, lambda snapshot: len(snapshot.faces) == 2)
    detector.boxes = [RIGHT]
    assert feed_until(processor, lambda snapshot: [f.track_id for f in snapshot.faces] == [2])


def keeps_track_until(processor: LiveProcessor, condition) -> bool:
    """Feed frames until the face meets a condition; it must keep its track id."""

    def step(snapshot: Snapshot) -> bool:
        assert [face.track_id for face in snapshot.faces] == [2]
        return condition(snapshot.faces[0])

    return feed_until(processor, step)


def stall(processor: LiveProcessor, detector) -> threading.Event:
    """Let the worker hang in its next frame, until the event is set."""
    gate, hanging = detector.hang(), len(detector.hanging)
    assert feed_until(processor, lambda _: len(detector.hanging) == hanging + 1)
    return gate


@pytest.fixture
def clock(monkeypatch):
    """The processor's clock, which a test can advance."""

    class Clock:
        ahead_s = 0.0

        def __call__(self) -> float:
            return monotonic() + self.ahead_s

    clock = Clock()
    monkeypatch.setattr(processor_module, "monotonic", clock)
    return clock


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Do not take the worker of a slow machine for a hung one, unless the clock is advanced."""
    monkeypatch.setattr(processor_module, "_HUNG_S", PATIENCE_S)
    monkeypatch.setattr(processor_module, "_HUNG_LOADING_S", LOADING_PATIENCE_S)


def process_a_minute_later(processor: LiveProcessor, clock, minutes: int = 1) -> np.ndarray:
    """Process a frame when the worker has hung for longer than it may."""
    clock.ahead_s = 60 * minutes + 1
    frame = processor.process(plain())
    clock.ahead_s = 0.0
    return frame
