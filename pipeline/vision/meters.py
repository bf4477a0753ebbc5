"""How often something happens, and how long it takes."""

from collections import deque

_SPAN_S = 2.0
_KEPT = 0.8


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


class Durations:
    """A running mean of what each stage takes, in milliseconds."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Take in how long a stage took this time."""
        ms = 1000 * seconds
        self.ms[stage] = _KEPT * self.ms.get(stage, ms) + (1 - _KEPT) * ms
