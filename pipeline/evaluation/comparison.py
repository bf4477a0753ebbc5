"""Comparison of models on the same faces: paired tests, ensembles, Pareto frontier, seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.evaluation.metrics import METRIC_NAMES, Metrics
from pipeline.evaluation.predictions import Predictions
from pipeline.runs import RunConfig

_Z = 1.96  # of a normal distribution's 95%


@dataclass(frozen=True)
class PairedDifference:
    """Difference in accuracy of two models on the same faces: first minus second.

    Args:
        first: name of the first model.
        second: name of the second model.
        only_first: number of faces that only the first classifies correctly.
        only_second: number of faces that only the second classifies correctly.
        n: number of faces.
        interval: 95% interval of the difference, see `paired_interval`.
        p_value: of McNemar's exact test for equal accuracy.
        adjusted_p: the same, adjusted by Holm's method for all pairs compared.
    """

    first: str
    second: str
    only_first: int
    only_second: int
    n: int
    interval: tuple[float, float]
    p_value: float
    adjusted_p: float

    @property
    def difference(self) -> float:
        """Accuracy of the first minus accuracy of the second, -1 to 1."""
        return (self.only_first - self.only_second) / self.n


def check_same_faces(first: Predictions, other: Predictions) -> None:
    """Check that two models were evaluated on the same faces with the same labels.

    Raises:
        UserError: they were not.
    """
    same = (first.fingerprint, first.split) == (other.fingerprint, other.split)
    if not (
        same and np.array_equal(first.ids, other.ids) and np.array_equal(first.y_true, other.y_true)
    ):
        raise UserError(
            f"'{other.model}' was evaluated on other faces than '{first.model}' "
            f"({len(other):,} of {other.dataset}, {other.split}; {len(first):,} of "
            f"{first.dataset}, {first.split}): the two cannot be compared."
        )


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the p-value of McNemar's exact test, from the discordant faces.

    McNemar 1947, "Note on the sampling error of the difference between correlated proportions".
    """
    from scipy.special import bdtr  # binomial distribution; `binomtest` is many times slower

    fewer, discordant = min(only_first, only_second), only_first + only_second
    return min(1.0, float(2 * bdtr(fewer, discordant, 0.5)))


def paired_interval(only_first: int, only_second: int, n: int) -> tuple[float, float]:
    """Return the 95% interval of a difference in accuracy on the same faces.

    One discordant face is added to either side, so that models which never differ have an interval,
    too. Bonett & Price 2012, "Adjusted Wald Confidence Interval for a Difference of Binomial
    Proportions Based on Paired Data".
    """
    first, second = (only_first + 1) / (n + 2), (only_second + 1) / (n + 2)
    difference = first - second
    margin = _Z * math.sqrt((first + second - difference**2) / (n + 2))
    return max(-1.0, difference - margin), min(1.0, difference + margin)


def paired_differences(models: Sequence[Predictions]) -> list[PairedDifference]:
    """Compare every pair of models, in their order.

    Raises:
        UserError: they were evaluated on different faces.
    """
    for other in models[1:]:
        check_same_faces(models[0], other)
    pairs = []
    for first, second in combinations(models, 2):
        only_first = int((first.correct & ~second.correct).sum())
        only_second = int((second.correct & ~first.correct).sum())
        n, p = len(first), mcnemar(only_first, only_second)
        interval = paired_interval(only_first, only_second, n)
        names = first.model, second.model
        pairs.append(PairedDifference(*names, only_first, only_second, n, interval, p, p))
    adjusted = holm([pair.p_value for pair in pairs])
    return [replace(pair, adjusted_p=p) for pair, p in zip(pairs, adjusted, strict=True)]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for multiple testing.

    Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in adjusted]


def ensemble(models: Sequence[Predictions]) -> Predictions:
    """Return the mean of the models' probabilities, as the predictions of one model.

    Raises:
        UserError: they were evaluated on different faces.
    """
    for other in models[1:]:
        check_same_faces(models[0], other)
    mean = np.mean([each.probabilities for each in models], axis=0, dtype=np.float64)
    return replace(
        models[0], model=f"mean of {len(models)}", probabilities=np.asarray(mean, np.float32)
    )


def pareto_frontier(costs: Mapping[str, float], scores: Mapping[str, float]) -> list[str]:
    """Return the names that are not dominated in cost and score, the cheapest first.

    Args:
        costs: name → cost; lower is better.
        scores: name → score, for the same names; higher is better.
    """
    best, names = -np.inf, []
    for name in sorted(costs, key=lambda name: (costs[name], -scores[name])):
        if scores[name] > best:
            best = scores[name]
            names.append(name)
    return names


def disagreement(
    first: Predictions, second: Predictions, *, first_correct: bool, second_correct: bool
) -> NDArray[np.intp]:
    """Return the positions of the faces that the two models get right or wrong as given.

    Args:
        first: predictions of one model.
        second: predictions of another model for the same faces.
        first_correct: whether the first model must be correct.
        second_correct: whether the second model must be correct.

    Returns:
        intp (m,), by descending sum of the two confidences.
    """
    mask = (first.correct == first_correct) & (second.correct == second_correct)
    faces = np.flatnonzero(mask)
    confidence = first.confidence[faces] + second.confidence[faces]
    return faces[np.argsort(-confidence, kind="stable")]


def seed_groups(configs: Mapping[str, RunConfig]) -> list[list[str]]:
    """Return the groups of two or more runs whose configurations differ only in the seed.

    Of runs with the same seed, such as a bundled model and the run it is a copy of, a group holds
    the first.

    Args:
        configs: run → its configuration.
    """
    groups: dict[str, dict[int, str]] = {}
    for name, config in configs.items():
        if config.train:
            group = groups.setdefault(_without_seed(config, config.train), {})
            group.setdefault(config.seed, name)
    return [list(names.values()) for names in groups.values() if len(names) > 1]


def seed_statistics(models: Sequence[Metrics]) -> dict[str, tuple[float, float]]:
    """Return metric → mean and standard deviation (n - 1) over two or more runs.

    A metric that is missing in one of them is left out.
    """
    statistics = {}
    for name in METRIC_NAMES:
        values = [getattr(metrics, name) for metrics in models]
        if None not in values:
            statistics[name] = float(np.mean(values)), float(np.std(values, ddof=1))
    return statistics


def _without_seed(config: RunConfig, train: TrainConfig) -> str:
    exclusion = config.exclusion.fingerprint if config.exclusion else ""
    train = train.model_copy(update={"seed": 0, "dataset": "", "exclude": ()})
    extended = config.extended_from_epoch
    return f"{config.dataset_fingerprint} {exclusion} {extended} {train.model_dump_json()}"
