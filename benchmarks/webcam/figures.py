"""What was seen, beside what was promised of it."""

from collections.abc import Mapping

import numpy as np
from webcam.served import Taken
from webcam.watched import Watched

LEAST_SHARE, MOST_LATENCY, MOST_GROWTH_MB = 0.95, 1.1, 50


def print_table(seen: Mapping[str, Watched]) -> None:
    """Print what was seen of some pages."""
    head = "new frames/s", "p50", "p95", "recognitions/s", "others' cores"
    print(f"{'':18}" + "".join(f"{title:>16}" for title in head))
    for name, one in seen.items():
        cells = (
            f"{one.new_per_s:.1f}",
            f"{one.latency_ms(50):.0f} ms",
            f"{one.latency_ms(95):.0f} ms",
            f"{one.recognised_per_s:.1f}",
            f"{one.others:.2f}",
        )
        print(f"{name:18}" + "".join(f"{cell:>16}" for cell in cells))


def compare(what: str, ours: Watched, usual: Watched) -> list[bool]:
    """Tell whether one has about as many new frames as another, and as short a latency."""
    return [
        told(f"new frames, {what}", ours.new_per_s / usual.new_per_s, least=LEAST_SHARE),
        told(f"p95 latency, {what}", ours.latency_ms(95) / usual.latency_ms(95), most=MOST_LATENCY),
    ]


def grown(when: str, before: Taken, after: Taken) -> list[bool]:
    """Tell whether a process takes no more than before."""
    return [
        told(
            f"megabytes more after {when}", after.megabytes - before.megabytes, most=MOST_GROWTH_MB
        ),
        told(f"threads more after {when}", after.threads - before.threads, most=0),
        told(f"files more after {when}", after.files - before.files, most=0),
    ]


def told(what: str, value: float, least: float = -np.inf, most: float = np.inf) -> bool:
    """Print a figure, what was promised and whether it was kept; return that."""
    kept = least <= value <= most
    promise = f"at least {least:g}" if least > -np.inf else f"at most {most:g}"
    print(f"{what}: {value:.2f} (promised: {promise}): {'kept' if kept else 'MISSED'}", flush=True)
    return kept
