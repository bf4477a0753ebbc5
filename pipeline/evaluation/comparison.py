"""Models on the same faces: whether a difference is real, who dominates, what a mean would give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.evaluation.predictions import Predictions

_RESAMPLES = 10_000
_SEED = 0


@dataclass(frozen=True)
class PairedDifference:
    """The accuracy of one model less another's on the same faces.

    Args:
        first: a model's name.
        second: another's.
        only_first: faces that the first alone gets right.
        only_second: faces that the second alone gets right.
        n: all faces.
        interval: the 95 % bootstrap interval of the difference, faces drawn in pairs.
        p_value: of McNemar's exact test that both are right equally often.
        adjusted_p: the same, by Holm's method for as many pairs as were compared.
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
        """The first's accuracy less the second's, -1 to 1."""
        return (self.only_first - self.only_second) / self.n


def check_same_faces(first: Predictions, other: Predictions) -> None:
    """Make sure that two models were judged on the very same faces with the same labels.

    Raises:
        UserError: they were not.
    """
    same = (first.fingerprint, first.split) == (other.fingerprint, other.split)
    if not (
        same and np.array_equal(first.ids, other.ids) and np.array_equal(first.y_true, other.y_true)
    ):
        raise UserError(
            f"'{other.model}' was judged on other faces than '{first.model}' "
            f"({len(other):,} of {other.dataset}, {other.split}; {len(first):,} of "
            f"{first.dataset}, {first.split}): the two cannot be compared."
        )


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the p-value of McNemar's exact test, from the faces that just one model gets right.

    McNemar 1947, "Note on the sampling error of the difference between correlated proportions".
    """
    from scipy.special import bdtr  # the binomial distribution; binomtest is many times as slow

    fewer, discordant = min(only_first, only_second), only_first + only_second
    return min(1.0, float(2 * bdtr(fewer, discordant, 0.5)))


def paired_interval(only_first: int, only_second: int, n: int) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a difference in accuracy, the same at each call.

    Drawing faces with replacement makes the numbers of faces that one model alone gets right
    multinomial, so these are drawn.
    """
    shares = np.array([only_first, only_second, n - only_first - only_second]) / n
    drawn = np.random.default_rng(_SEED).multinomial(n, shares, _RESAMPLES)
    low, high = np.quantile((drawn[:, 0] - drawn[:, 1]) / n, (0.025, 0.975))
    return float(low), float(high)


def paired_differences(judged: Sequence[Predictions]) -> list[PairedDifference]:
    """Compare every pair of models, in their order.

    Raises:
        UserError: they were judged on different faces.
    """
    for other in judged[1:]:
        check_same_faces(judged[0], other)
    found = []
    for first, second in combinations(judged, 2):
        alone = int((first.right & ~second.right).sum()), int((second.right & ~first.right).sum())
        n, p = len(first), mcnemar(*alone)
        interval = paired_interval(*alone, n)
        found.append(PairedDifference(first.model, second.model, *alone, n, interval, p, p))
    adjusted = holm([each.p_value for each in found])
    return [replace(each, adjusted_p=p) for each, p in zip(found, adjusted, strict=True)]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that hold for all tests together.

    Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(raised, 1.0)
    return [float(value) for value in adjusted]


def ensemble(judged: Sequence[Predictions]) -> Predictions:
    """Return the mean of the models' probabilities, as the predictions of one model.

    Raises:
        UserError: they were judged on different faces.
    """
    for other in judged[1:]:
        check_same_faces(judged[0], other)
    mean = np.mean([each.probabilities for each in judged], axis=0, dtype=np.float64)
    return replace(
        judged[0],
        model=f"mean of {len(judged)}",
        probabilities=np.asarray(mean, np.float32),
    )


def frontier(costs: Mapping[str, float], merits: Mapping[str, float]) -> list[str]:
    """Return the names that no other beats in cost and merit at once, the cheapest first.

    Args:
        costs: name → what it costs; less is better.
        merits: name → what it is worth, of the same names; more is better.
    """
    best, found = -np.inf, []
    for name in sorted(costs, key=lambda name: (costs[name], -merits[name])):
        if merits[name] > best:
            best = merits[name]
            found.append(name)
    return found


def disagreement(
    first: Predictions, second: Predictions, *, first_right: bool, second_right: bool
) -> NDArray[np.intp]:
    """Return the positions of the faces that each model gets right or wrong, as wanted.

    Args:
        first: what one model said.
        second: what another said of the same faces.
        first_right: whether the first is to be right.
        second_right: whether the second is to be.

    Returns:
        intp (m,), those first on which the two are surest together.
    """
    chosen = (first.right == first_right) & (second.right == second_right)
    faces = np.flatnonzero(chosen)
    sure = first.confidence[faces] + second.confidence[faces]
    return faces[np.argsort(-sure, kind="stable")]
