"""What a viewer gets of a video whose frames are numbered: new frames per second and latency."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
from webcam.clip import FRAMES

MAX_LATENCY_MS = 10_000

# A displayed frame: its number in the clip if it could be read, the time in milliseconds, and the
# browser's count of displayed frames.
Display = tuple[int | None, float, int]


@dataclass(frozen=True)
class StreamMetrics:
    """Metrics of a video over some time.

    Args:
        seconds: how long it was watched.
        new_frames: returned frames that had not been displayed before.
        latencies_ms: from the camera's preview to the returned frame.
        recognitions_per_s: what the page showed, each second.
        other_cores: CPU cores that other processes of the machine used.
    """

    seconds: float
    new_frames: int
    latencies_ms: tuple[float, ...]
    recognitions_per_s: tuple[float, ...]
    other_cores: float

    @property
    def new_fps(self) -> float:
        """New frames per second."""
        return self.new_frames / self.seconds

    @property
    def mean_recognitions_per_s(self) -> float:
        """Recognitions per second, on average; NaN for a page that does not show them."""
        rates = self.recognitions_per_s
        return sum(rates) / len(rates) if rates else np.nan

    def latency_ms(self, percentile: float) -> float:
        """Return a percentile of the latency."""
        if not self.latencies_ms:
            return np.inf
        return float(np.percentile(self.latencies_ms, percentile))


def join(parts: Sequence[StreamMetrics]) -> StreamMetrics:
    """Join the metrics of several times."""
    return StreamMetrics(
        sum(part.seconds for part in parts),
        sum(part.new_frames for part in parts),
        tuple(ms for part in parts for ms in part.latencies_ms),
        tuple(rate for part in parts for rate in part.recognitions_per_s),
        float(np.mean([part.other_cores for part in parts])),
    )


def match_frames(
    sent: Sequence[Display], returned: Sequence[Display]
) -> tuple[int, tuple[float, ...]]:
    """Match the frames of the camera's preview with those of the returned video by their number.

    The probe on a busy page misses frames that the browser displays; the browser's count includes
    them.

    Returns:
        The number of new frames, and the latency in milliseconds of each that was matched.
    """
    displays = [(ms, False, number, count) for number, ms, count in sent]
    displays += [(ms, True, number, count) for number, ms, count in returned]
    sent_at: dict[int, float] = {}
    before: tuple[int, int] | None = None
    new, latencies_ms = 0, []
    for ms, is_returned, number, count in sorted(displays, key=itemgetter(0, 1)):
        if number is None:
            continue
        if not is_returned:
            if ms - sent_at.get(number, -np.inf) > MAX_LATENCY_MS:
                sent_at[number] = ms
            continue
        later = (number - before[0]) % FRAMES if before else 0
        if before and later:
            new += min(later, count - before[1])
            if ms - sent_at.get(number, -np.inf) < MAX_LATENCY_MS:
                latencies_ms.append(ms - sent_at[number])
        before = number, count
    return new, tuple(latencies_ms)


def print_table(pages: Mapping[str, StreamMetrics]) -> None:
    """Print the metrics of some pages."""
    columns = "new frames/s", "p50", "p95", "recognitions/s", "other cores"
    print(f"{'':18}" + "".join(f"{column:>16}" for column in columns))
    for name, page in pages.items():
        cells = (
            f"{page.new_fps:.1f}",
            f"{page.latency_ms(50):.0f} ms",
            f"{page.latency_ms(95):.0f} ms",
            f"{page.mean_recognitions_per_s:.1f}",
            f"{page.other_cores:.2f}",
        )
        print(f"{name:18}" + "".join(f"{cell:>16}" for cell in cells))
