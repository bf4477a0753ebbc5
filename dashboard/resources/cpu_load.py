"""CPU utilization of this machine."""

import time

import psutil

_MIN_INTERVAL_S = 0.5


class CpuLoad:
    """Measures CPU utilization between calls, from whichever thread they come.

    `psutil.cpu_percent` measures between two calls of the same thread, and Streamlit runs each
    page in a thread of its own.
    """

    def __init__(self) -> None:
        self._utilization = psutil.getloadavg()[0] / (psutil.cpu_count() or 1)
        self._measured_at, self._busy, self._total = time.monotonic(), *_cpu_seconds()

    def utilization(self) -> float:
        """Return the utilization since the last measurement, 0 to 1.

        The first call returns the load average of the last minute. Calls less than 0.5 s apart
        return the same value, as so few clock ticks would be noise.
        """
        now = time.monotonic()
        if now - self._measured_at >= _MIN_INTERVAL_S:
            busy, total = _cpu_seconds()
            self._utilization = (busy - self._busy) / max(total - self._total, 1e-9)
            self._measured_at, self._busy, self._total = now, busy, total
        return min(1.0, max(0.0, self._utilization))


def _cpu_seconds() -> tuple[float, float]:
    """Return the CPU's busy seconds and all its seconds since the machine started."""
    times = psutil.cpu_times()
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total - times.idle - getattr(times, "iowait", 0.0), total
