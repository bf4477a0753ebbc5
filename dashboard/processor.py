"""How busy this machine's processor is."""

import time

import psutil

_LEAST_S = 0.5


class ProcessorLoad:
    """Tells the share of the processor that was in use since the last look.

    `psutil.cpu_percent` keeps the last look by thread, and each run of a page is a thread of its
    own. Looks in quick succession give the same share, since few ticks say nothing.
    """

    def __init__(self) -> None:
        self._share = psutil.getloadavg()[0] / (psutil.cpu_count() or 1)
        self._looked, self._busy, self._all = time.monotonic(), *_ticks()

    def share(self) -> float:
        """Return the share in use, 0 to 1; at the very first, that of the last minute."""
        now = time.monotonic()
        if now - self._looked >= _LEAST_S:
            busy, all_ = _ticks()
            self._share = (busy - self._busy) / max(all_ - self._all, 1e-9)
            self._looked, self._busy, self._all = now, busy, all_
        return min(1.0, max(0.0, self._share))


def _ticks() -> tuple[float, float]:
    """Return the processor's busy seconds and all its seconds since the machine started."""
    times = psutil.cpu_times()
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total - times.idle - getattr(times, "iowait", 0.0), total
