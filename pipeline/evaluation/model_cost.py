"""The cost of a model: parameters, file size, and latency on this machine."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import TypeVar

import numpy as np
import openvino as ov

from pipeline.runs import Run, Speed
from pipeline.vision.recognizer import Recognizer

THREADS = min(2, os.cpu_count() or 1)
"""Processor threads that the latency is measured with; live video needs the others."""

_WARM_UP = 10
_MAX_FACES = 200
_MAX_SECONDS = 1.0

Number = TypeVar("Number", int, float)


@dataclass(frozen=True)
class ModelCost:
    """The cost of a model or an ensemble; None where it is unknown.

    Args:
        parameters: number of parameters.
        size_mb: the exported weights, in megabytes.
        ms: median latency of one face, in milliseconds, as measured on this machine.
    """

    parameters: int | None
    size_mb: float | None
    ms: float | None

    def __str__(self) -> str:
        """Return the known parts as text, such as `2.3 ms a face, 4.1 MB, 1.20 M parameters`."""
        parts = [
            f"{self.ms:.1f} ms a face" if self.ms is not None else "",
            f"{self.size_mb:.1f} MB" if self.size_mb is not None else "",
            f"{self.parameters / 1e6:.2f} M parameters" if self.parameters is not None else "",
        ]
        return ", ".join(filter(None, parts))


def model_cost(model: Run) -> ModelCost:
    """Return the cost of a model; its latency if it was measured."""
    weights, speed = model.openvino_path.with_suffix(".bin"), model.speed()
    size_mb = weights.stat().st_size / 1e6 or None if weights.is_file() else None
    return ModelCost(model.status().parameters, size_mb, speed.ms if speed else None)


def total_cost(costs: Sequence[ModelCost]) -> ModelCost:
    """Return the cost of an ensemble whose models run one after the other."""
    return ModelCost(
        _sum(cost.parameters for cost in costs),
        _sum(cost.size_mb for cost in costs),
        _sum(cost.ms for cost in costs),
    )


def _sum(values: Iterable[Number | None]) -> Number | None:
    known = list(values)
    return None if None in known else sum(value for value in known if value is not None)


def measure_speed(model: Run) -> Speed:
    """Recognize single faces for about a second, store how long one takes, and return it.

    It measures the exported model in the CPU's default precision, one face at a time; int8,
    which the Live page uses where it exists, is faster and a little less accurate.

    Raises:
        UserError: the exported model is missing or damaged.
    """
    recognizer = Recognizer.load(model, "default", THREADS)
    faces = np.random.default_rng(0).integers(0, 256, (_MAX_FACES, 1, 48, 48), dtype=np.uint8)
    for face in faces[:_WARM_UP]:
        recognizer.predict(face)
    latencies_ms: list[float] = []
    while len(latencies_ms) < _MAX_FACES and sum(latencies_ms) < 1000 * _MAX_SECONDS:
        start = perf_counter()
        recognizer.predict(faces[len(latencies_ms)])
        latencies_ms.append(1000 * (perf_counter() - start))
    speed = Speed(
        ms=float(np.median(latencies_ms)),
        p95_ms=float(np.quantile(latencies_ms, 0.95)),
        threads=THREADS,
        precision="default",
        processor=str(ov.Core().get_property("CPU", "FULL_DEVICE_NAME")).strip(),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    model.write_speed(speed)
    return speed
