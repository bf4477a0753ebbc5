"""How fast a training is, without what happens once: the first step compiles the network."""

import time
from collections import deque
from collections.abc import Callable
from statistics import mean

_STEPS = 200
_EPOCHS = 5


class Pace:
    """The speed of the last steps and the length of the last epochs.

    Args:
        steps: steps an epoch.
        clock: gives seconds.
    """

    def __init__(self, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._all_steps, self._clock = steps, clock
        self._steps, self._epochs = deque[float](maxlen=_STEPS), deque[float](maxlen=_EPOCHS)
        self._begun = self._stepped = 0.0
        self._in_epoch = 0
        self._once = 0.0

    def begin_epoch(self) -> None:
        """Note that an epoch begins."""
        self._begun, self._in_epoch = self._clock(), 0

    def step(self) -> None:
        """Note the end of a step; an epoch's first one waits for other things, too."""
        now = self._clock()
        if self._in_epoch:
            self._steps.append(now - self._stepped)
        elif not self._epochs:
            self._once = now - self._begun
        self._stepped = now
        self._in_epoch += 1

    def end_epoch(self) -> float:
        """Note that an epoch has ended, its validation included; return its seconds."""
        seconds = self._clock() - self._begun
        first = not self._epochs and bool(self._steps)
        self._epochs.append(seconds - self._once + mean(self._steps) if first else seconds)
        return seconds

    @property
    def steps_per_s(self) -> float | None:
        """Steps a second, None before the second step."""
        return 1 / max(mean(self._steps), 1e-9) if self._steps else None

    def seconds_for(self, epochs: float) -> float | None:
        """Return how long so many epochs will take, None before the second step."""
        if self._epochs:
            return epochs * mean(self._epochs)
        return epochs * self._all_steps * mean(self._steps) if self._steps else None
