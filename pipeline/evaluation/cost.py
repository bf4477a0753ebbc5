"""What a model costs: parameters, bytes, and time for a face on this machine."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

import numpy as np
import openvino as ov

from pipeline.runs import Run, Speed
from pipeline.vision.recognizer import Recognizer

THREADS = min(2, os.cpu_count() or 1)
"""Processor threads that a face is recognised with; the video needs others."""

_WARM_UP = 10
_MOST_FACES = 200
_MOST_SECONDS = 1.0


@dataclass(frozen=True)
class Cost:
    """What a model, or several together, cost; None where that is not known.

    Args:
        parameters: numbers learnt.
        size_mb: the exported weights, in megabytes.
        ms: the median time of one face, in milliseconds, as measured on this machine.
    """

    parameters: int | None
    size_mb: float | None
    ms: float | None


def cost_of(model: Run) -> Cost:
    """Return what is known of a model's cost."""
    weights, speed = model.openvino_path.with_suffix(".bin"), model.speed()
    size_mb = weights.stat().st_size / 1e6 or None if weights.is_file() else None
    return Cost(model.status().parameters, size_mb, speed.ms if speed else None)


def together(costs: Sequence[Cost]) -> Cost:
    """Return what models cost together, one after the other."""
    parameters = [cost.parameters for cost in costs if cost.parameters is not None]
    size_mb = [cost.size_mb for cost in costs if cost.size_mb is not None]
    ms = [cost.ms for cost in costs if cost.ms is not None]
    return Cost(
        sum(parameters) if len(parameters) == len(costs) else None,
        sum(size_mb) if len(size_mb) == len(costs) else None,
        sum(ms) if len(ms) == len(costs) else None,
    )


def measure_speed(model: Run) -> Speed:
    """Recognise single faces for about a second, store how long one takes, and return it.

    It measures the exported model in the processor's fastest arithmetic, one face at a time; int8,
    which the Live page takes where it was made, is quicker and a little less accurate.

    Raises:
        UserError: the exported model is missing or damaged.
    """
    recognizer = Recognizer.load(model, "default", THREADS)
    faces = np.random.default_rng(0).integers(0, 256, (_MOST_FACES, 1, 48, 48), dtype=np.uint8)
    for face in faces[:_WARM_UP]:
        recognizer.predict(face)
    taken_ms: list[float] = []
    while len(taken_ms) < _MOST_FACES and sum(taken_ms) < 1000 * _MOST_SECONDS:
        start = perf_counter()
        recognizer.predict(faces[len(taken_ms)])
        taken_ms.append(1000 * (perf_counter() - start))
    speed = Speed(
        ms=float(np.median(taken_ms)),
        p95_ms=float(np.quantile(taken_ms, 0.95)),
        threads=THREADS,
        precision="default",
        processor=str(ov.Core().get_property("CPU", "FULL_DEVICE_NAME")).strip(),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    model.write_speed(speed)
    return speed
