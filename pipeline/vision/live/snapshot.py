"""Snapshot of a live video for the Live page, and the meters of its rates and stage times."""

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pipeline.vision.face_prediction import FacePrediction

_RATE_WINDOW_S = 2.0
_DURATIONS_PER_STAGE = 150


class Percentiles(NamedTuple):
    """Median and 95th percentile of a stage's durations, in milliseconds."""

    p50_ms: float
    p95_ms: float


@dataclass(frozen=True)
class Snapshot:
    """The state of a live video at one moment.

    Attributes:
        faces: the faces on screen, by track id.
        running: whether the worker is alive.
        frames_in_per_s: frames received.
        frames_out_per_s: frames sent back.
        recognitions_per_s: how often each face was recognized, on average over the faces.
        stages: durations of `convert` and `draw`, which the video waits for, of `detect` and
            `recognize`, which it does not wait for, and of `frame to faces`: from receiving a
            frame to knowing its faces.
        dropped: frames that were shown with the faces of an earlier one.
        problem: why recognition fails at present.
        loading: whether the detector or the model is loading.
        notice: that another detector takes the place of the chosen one, and why.
    """

    faces: tuple[FacePrediction, ...] = ()
    running: bool = False
    frames_in_per_s: float = 0.0
    frames_out_per_s: float = 0.0
    recognitions_per_s: float = 0.0
    stages: dict[str, Percentiles] = field(default_factory=dict)
    dropped: int = 0
    problem: str | None = None
    loading: bool = False
    notice: str | None = None


class RateMeter:
    """Events per second over the last two seconds."""

    def __init__(self) -> None:
        self._events: deque[tuple[float, float]] = deque(maxlen=1000)

    def tick(self, now_s: float, count: float = 1.0) -> None:
        """Count an event, or a part of one."""
        self._events.append((now_s, count))

    def per_s(self, now_s: float) -> float:
        """Return the rate; it falls to 0 when no more events come."""
        recent = [event for event in self._events if now_s - event[0] <= _RATE_WINDOW_S]
        if len(recent) < 2:
            return 0.0
        (first_s, _), (last_s, _) = recent[0], recent[-1]
        counted = sum(count for _, count in recent[1:])
        return counted / max(last_s - first_s, now_s - last_s, 1e-3)


class StageTimer:
    """The last 150 durations of each stage."""

    def __init__(self) -> None:
        self._ms: dict[str, deque[float]] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Add a duration."""
        durations = self._ms.setdefault(stage, deque(maxlen=_DURATIONS_PER_STAGE))
        durations.append(1000 * seconds)

    def percentiles(self) -> dict[str, Percentiles]:
        """Return the percentiles of each stage that has run."""
        return {
            stage: Percentiles(*map(float, np.percentile(ms, (50, 95))))
            for stage, ms in self._ms.items()
        }
