"""How often something happens, and how long it takes."""

from collections import deque
from typing import NamedTuple

import numpy as np

_SPAN_S = 2.0
_KEPT = 150


class Rate:
    """Events a second over the last two seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=1000)

    def tick(self, now_s: float) -> None:
        """Count an event."""
        self._times.append(now_s)

    def per_s(self, now_s: float) -> float:
        """Return the rate; it falls to 0 when nothing happens any more."""
        recent = [time for time in self._times if now_s - time <= _SPAN_S]
        if len(recent) < 2:
            return 0.0
        return (len(recent) - 1) / max(recent[-1] - recent[0], now_s - recent[-1], 1e-3)


class Spread(NamedTuple):
    """What half of the durations, and 95 of 100, stay below, in milliseconds."""

    p50_ms: float
    p95_ms: float


class Durations:
    """What each stage took the last 150 times."""

    def __init__(self) -> None:
        self._ms: dict[str, deque[float]] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Take in how long a stage took this time."""
        self._ms.setdefault(stage, deque(maxlen=_KEPT)).append(1000 * seconds)

    def spreads(self) -> dict[str, Spread]:
        """Return the spread of each stage."""
        return {
            stage: Spread(*map(float, np.percentile(ms, (50, 95))))
            for stage, ms in self._ms.items()
        }
