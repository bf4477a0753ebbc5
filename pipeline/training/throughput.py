"""Speed and time left of a training, without the one-off cost of the first step."""

import time
from collections import deque
from collections.abc import Callable
from statistics import mean

_STEPS = 200
_EPOCHS = 5


class ThroughputMeter:
    """Averages the speed of the last steps and the duration of the last epochs.

    Args:
        steps: steps per epoch.
        clock: returns seconds.
    """

    def __init__(self, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._steps_per_epoch, self._clock = steps, clock
        self._step_s, self._epoch_s = deque[float](maxlen=_STEPS), deque[float](maxlen=_EPOCHS)
        self._epoch_began = self._last_step = 0.0
        self._step = 0  # of the present epoch
        self._first_step_s = 0.0  # it compiles the network

    def begin_epoch(self) -> None:
        """Begin an epoch."""
        self._epoch_began, self._step = self._clock(), 0

    def step(self) -> None:
        """Count a step; an epoch's first one is not timed, it includes other work."""
        now = self._clock()
        if self._step:
            self._step_s.append(now - self._last_step)
        elif not self._epoch_s:
            self._first_step_s = now - self._epoch_began
        self._last_step = now
        self._step += 1

    def end_epoch(self) -> None:
        """End an epoch, after its validation."""
        seconds = self._clock() - self._epoch_began
        if not self._epoch_s and self._step_s:
            seconds += mean(self._step_s) - self._first_step_s
        self._epoch_s.append(seconds)

    @property
    def steps_per_s(self) -> float | None:
        """Steps per second, None before the second step."""
        return 1 / max(mean(self._step_s), 1e-9) if self._step_s else None

    def seconds_for(self, epochs: float) -> float | None:
        """Return how long so many epochs will take, None before the second step."""
        if self._epoch_s:
            return epochs * mean(self._epoch_s)
        return epochs * self._steps_per_epoch * mean(self._step_s) if self._step_s else None
