"""Runs of one configuration: which they are, and how far their figures spread over the seeds."""

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.evaluation.metrics import FIGURES, Metrics
from pipeline.runs import RunConfig


def seed_groups(configs: Mapping[str, RunConfig]) -> list[list[str]]:
    """Return the groups of two and more runs that differ in nothing but their seed.

    Of those with the same seed, as a shipped model and the run that it was, the first is in it.

    Args:
        configs: run → its configuration.
    """
    groups: dict[str, dict[int, str]] = {}
    for name, config in configs.items():
        groups.setdefault(_without_seed(config), {}).setdefault(config.train.seed, name)
    return [list(names.values()) for names in groups.values() if len(names) > 1]


def over_seeds(judged: Sequence[Metrics]) -> dict[str, tuple[float, float]]:
    """Return figure → mean and standard deviation (n - 1) over two and more runs.

    A figure that one of them lacks is left out.
    """
    found = {}
    for name in FIGURES:
        values = [getattr(metrics, name) for metrics in judged]
        if None not in values:
            found[name] = float(np.mean(values)), float(np.std(values, ddof=1))
    return found


def _without_seed(config: RunConfig) -> str:
    left_out = config.exclusion.fingerprint if config.exclusion else ""
    train = config.train.model_copy(update={"seed": 0, "dataset": "", "exclude": None})
    return f"{config.dataset_fingerprint} {left_out} {config.extended_at} {train.model_dump_json()}"
