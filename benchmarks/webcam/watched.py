"""What was seen of a page with a numbered film as its webcam."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from webcam.clip import FRAMES

LONGEST_MS = 10_000

# Of a shown picture: its number in the film if it could be read, when, and how many were shown.
Note = tuple[int | None, float, int]


@dataclass(frozen=True)
class Watched:
    """What was seen.

    Args:
        seconds: for how long.
        new: pictures that came back and had not been shown before.
        latencies_ms: from the camera's preview to the picture that came back.
        recognitions_per_s: what the page said, each second.
        others: processor cores that the rest of the machine took.
    """

    seconds: float
    new: int
    latencies_ms: tuple[float, ...]
    recognitions_per_s: tuple[float, ...]
    others: float

    @property
    def new_per_s(self) -> float:
        """New pictures a second."""
        return self.new / self.seconds

    @property
    def recognised_per_s(self) -> float:
        """Recognitions a second, on average; NaN for a page that does not tell."""
        rates = self.recognitions_per_s
        return sum(rates) / len(rates) if rates else np.nan

    def latency_ms(self, percent: float) -> float:
        """Return a percentile."""
        return float(np.percentile(self.latencies_ms, percent)) if self.latencies_ms else np.inf


def together(parts: Sequence[Watched]) -> Watched:
    """Join what was seen at several times."""
    return Watched(
        sum(part.seconds for part in parts),
        sum(part.new for part in parts),
        tuple(ms for part in parts for ms in part.latencies_ms),
        tuple(rate for part in parts for rate in part.recognitions_per_s),
        float(np.mean([part.others for part in parts])),
    )


def compared(sent: Sequence[Note], returned: Sequence[Note]) -> tuple[int, tuple[float, ...]]:
    """Return how many new pictures came back, and how long each one that was seen took.

    A busy page misses pictures that a viewer sees: the browser's count tells how many.
    """
    notes = [(ms, False, number, count) for number, ms, count in sent]
    notes += [(ms, True, number, count) for number, ms, count in returned]
    shown_at: dict[int, float] = {}
    before: tuple[int, int] | None = None
    new, latencies_ms = 0, []
    for ms, is_returned, number, count in sorted(notes, key=itemgetter(0, 1)):
        if number is None:
            continue
        if not is_returned:
            if ms - shown_at.get(number, -np.inf) > LONGEST_MS:
                shown_at[number] = ms
            continue
        later = (number - before[0]) % FRAMES if before else 0
        if before and later:
            new += min(later, count - before[1])
            if ms - shown_at.get(number, -np.inf) < LONGEST_MS:
                latencies_ms.append(ms - shown_at[number])
        before = number, count
    return new, tuple(latencies_ms)
