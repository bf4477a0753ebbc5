from itertools import combinations

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy.stats import binom, binomtest

from pipeline.errors import UserError
from pipeline.evaluation.comparison import (
    check_same_faces,
    disagreement,
    ensemble,
    frontier,
    holm,
    mcnemar,
    paired_differences,
    paired_interval,
)
from pipeline.evaluation.metrics import compute_metrics
from pipeline.evaluation.predictions import Predictions
from tests.evaluation.makers import FINGERPRINT, of_probabilities

LABELS = np.random.default_rng(9).integers(0, 7, 400)


def judged(model: str, skill=1.0, seed=0, labels=LABELS, **names) -> Predictions:
    """What a model of some skill said of the same faces."""
    noise = np.random.default_rng(seed).normal(size=(len(labels), 7))
    powers = np.exp(noise + skill * np.eye(7)[labels])
    return of_probabilities(labels, powers / powers.sum(1, keepdims=True), model=model, **names)


WEAK, GOOD, BEST = (judged(f"m{i}", skill=float(i), seed=i) for i in range(3))


@pytest.mark.parametrize("first", [*range(12), 40, 171])
@pytest.mark.parametrize("second", [0, 1, 5, 20, 153])
def test_the_p_value_is_that_of_the_exact_binomial_test(first, second):
    expected = min(1.0, 2 * binom.cdf(min(first, second), first + second, 0.5))

    assert mcnemar(first, second) == pytest.approx(expected)
    assert mcnemar(first, second) == mcnemar(second, first)
    if first + second:
        assert mcnemar(first, second) == pytest.approx(
            binomtest(first, first + second).pvalue, rel=1e-9
        )


def test_without_a_discordant_face_the_p_value_is_1():
    assert mcnemar(0, 0) == 1.0


@pytest.mark.parametrize(
    ("first", "second", "n"), [(0, 0, 1), (1, 0, 1), (3, 0, 3), (2, 5, 9), (90, 70, 400), (0, 9, 9)]
)
def test_the_interval_holds_the_difference_mirrors_and_repeats(first, second, n):
    low, high = paired_interval(first, second, n)

    assert -1 <= low <= (first - second) / n <= high <= 1
    assert paired_interval(first, second, n) == (low, high)
    mirrored = paired_interval(second, first, n)
    assert (-mirrored[1], -mirrored[0]) == pytest.approx((low, high), abs=1.5 / n)


@pytest.mark.parametrize(("first", "second"), [(GOOD, WEAK), (BEST, WEAK), (GOOD, GOOD)])
def test_the_interval_is_that_of_faces_drawn_again_in_pairs(first, second):
    gain = first.right.astype(int) - second.right
    n = len(gain)
    drawn = np.random.default_rng(5).integers(0, n, (5000, n))
    expected = np.quantile(gain[drawn].mean(axis=1), (0.025, 0.975))

    interval = paired_interval(int((gain > 0).sum()), int((gain < 0).sum()), n)

    assert interval == pytest.approx(expected, abs=0.01)


def test_three_models_are_three_pairs_in_order():
    pairs = paired_differences([WEAK, GOOD, BEST])

    assert [(p.first, p.second) for p in pairs] == [("m0", "m1"), ("m0", "m2"), ("m1", "m2")]
    for pair, (first, second) in zip(pairs, combinations([WEAK, GOOD, BEST], 2), strict=True):
        right, wrong = first.right, ~second.right
        assert (pair.only_first, pair.n) == ((right & wrong).sum(), len(LABELS))
        assert pair.only_second == (~right & ~wrong).sum()
        assert pair.difference == pytest.approx(first.right.mean() - second.right.mean())
        assert pair.p_value == mcnemar(pair.only_first, pair.only_second)
        assert pair.interval == paired_interval(pair.only_first, pair.only_second, pair.n)
    assert [pair.adjusted_p for pair in pairs] == holm([pair.p_value for pair in pairs])


def test_a_difference_is_the_opposite_the_other_way_round():
    (one,) = paired_differences([WEAK, GOOD])
    (other,) = paired_differences([GOOD, WEAK])

    assert (one.only_first, one.only_second) == (other.only_second, other.only_first)
    assert one.difference == -other.difference < 0
    assert one.p_value == one.adjusted_p == other.p_value


def test_a_model_and_itself_do_not_differ_and_one_alone_has_no_pair():
    (pair,) = paired_differences([GOOD, GOOD])

    assert (pair.difference, pair.interval, pair.p_value) == (0, (0, 0), 1)
    assert paired_differences([GOOD]) == paired_differences([]) == []


def step_down(p_values: list[float], level: float) -> set[int]:
    """Return which hypotheses Holm's procedure rejects at a level."""
    rejected: set[int] = set()
    for i in sorted(range(len(p_values)), key=p_values.__getitem__):
        if p_values[i] > level / (len(p_values) - len(rejected)):
            break
        rejected.add(i)
    return rejected


@pytest.mark.parametrize(
    "p_values",
    [[0.01], [0.01, 0.04, 0.03], [0.04, 0.04, 0.04], [1.0, 0.0, 0.5], [0.3, 0.02, 0.02, 0.9, 0.6]],
    ids=str,
)
def test_adjusted_p_values_reject_what_the_step_down_procedure_rejects(p_values):
    adjusted = holm(p_values)

    for level in np.linspace(0.0007, 0.9987, 200):
        rejected = {i for i, p in enumerate(adjusted) if p <= level}
        assert rejected == step_down(p_values, level), level
    assert all(p <= raised <= 1 for p, raised in zip(p_values, adjusted, strict=True))


def test_no_p_values_have_none_adjusted():
    assert holm([]) == []


def test_an_ensemble_is_the_mean_and_has_its_figures():
    together = ensemble([WEAK, GOOD, BEST])
    mean = np.mean([p.probabilities.astype(np.float64) for p in (WEAK, GOOD, BEST)], axis=0)
    metrics = compute_metrics(together)

    assert together.model == "mean of 3"
    np.testing.assert_array_equal(together.ids, WEAK.ids)
    np.testing.assert_allclose(together.probabilities, mean, atol=1e-7)
    mean /= mean.sum(axis=1, keepdims=True)
    assert metrics.accuracy == pytest.approx(sk.accuracy_score(LABELS, mean.argmax(axis=1)))
    assert metrics.log_loss == pytest.approx(sk.log_loss(LABELS, mean), abs=1e-6)
    expected = sk.roc_auc_score(LABELS, mean, multi_class="ovr")
    assert metrics.auc_macro == pytest.approx(expected, abs=1e-6)
    macro_f1 = sk.f1_score(LABELS, mean.argmax(axis=1), average="macro")
    assert metrics.macro_f1 == pytest.approx(macro_f1)


def test_an_ensemble_of_one_says_what_the_one_says():
    np.testing.assert_array_equal(ensemble([GOOD]).probabilities, GOOD.probabilities)


OTHERS = {
    "ids": judged("other", ids=np.array([f"g{i}" for i in range(400)])),
    "order": judged("other", ids=GOOD.ids[::-1].copy()),
    "labels": judged("other", labels=(LABELS + (np.arange(400) == 7)) % 7),
    "number": judged("other", labels=LABELS[:-1]),
    "fingerprint": judged("other", fingerprint=FINGERPRINT[:12] + 52 * "d"),
    "split": judged("other", split="train"),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
@pytest.mark.parametrize(
    "compare",
    [
        lambda other: check_same_faces(GOOD, other),
        lambda other: paired_differences([GOOD, BEST, other]),
        lambda other: ensemble([GOOD, BEST, other]),
    ],
    ids=["check", "pairs", "ensemble"],
)
def test_models_judged_on_other_faces_are_refused_by_name(compare, other):
    with pytest.raises(UserError, match="'other' was judged on other faces than 'm1'"):
        compare(other)


def test_models_judged_on_the_same_faces_are_not_refused():
    check_same_faces(GOOD, judged("other", dataset="renamed"))


def best(costs: dict[str, float], merits: dict[str, float]) -> set[tuple[float, float]]:
    """Return cost and merit of those that no other matches in one and beats in the other."""
    points = {(costs[name], merits[name]) for name in costs}
    return {
        (cost, merit)
        for cost, merit in points
        if not any(c <= cost and m >= merit and (c, m) != (cost, merit) for c, m in points)
    }


@pytest.mark.parametrize("seed", range(20))
def test_the_frontier_has_what_nothing_dominates_the_cheapest_first(seed):
    rng = np.random.default_rng(seed)
    costs, merits = (
        {f"m{i}": float(value) for i, value in enumerate(rng.integers(0, 6, 8))} for _ in range(2)
    )

    names = frontier(costs, merits)

    assert {(costs[name], merits[name]) for name in names} == best(costs, merits)
    assert [costs[name] for name in names] == sorted(costs[name] for name in names)


@pytest.mark.parametrize(
    ("costs", "merits", "expected"),
    [
        ({}, {}, []),
        ({"a": 1}, {"a": 0.5}, ["a"]),
        ({"a": 2, "b": 1}, {"a": 0.9, "b": 0.5}, ["b", "a"]),
        ({"a": 2, "b": 1}, {"a": 0.5, "b": 0.9}, ["b"]),
        ({"a": 1, "b": 1}, {"a": 0.5, "b": 0.9}, ["b"]),
        ({"a": 2, "b": 1}, {"a": 0.5, "b": 0.5}, ["b"]),
    ],
    ids=["none", "one", "both", "dominated", "equal cost", "equal merit"],
)
def test_the_frontier_of_few(costs, merits, expected):
    assert frontier(costs, merits) == expected


@pytest.mark.parametrize("first_right", [True, False])
@pytest.mark.parametrize("second_right", [True, False])
def test_disagreements_are_the_faces_asked_for_the_surest_first(first_right, second_right):
    faces = disagreement(GOOD, BEST, first_right=first_right, second_right=second_right)

    wanted = [
        i
        for i, label in enumerate(LABELS)
        if (GOOD.probabilities[i].argmax() == label) == first_right
        and (BEST.probabilities[i].argmax() == label) == second_right
    ]
    sure = GOOD.probabilities.max(axis=1) + BEST.probabilities.max(axis=1)
    assert sorted(faces) == wanted and len(wanted) > 5
    assert (np.diff(sure[faces]) <= 0).all()


def test_the_four_disagreements_part_the_faces():
    kinds = [(a, b) for a in (True, False) for b in (True, False)]
    parts = [disagreement(WEAK, GOOD, first_right=a, second_right=b) for a, b in kinds]

    assert sorted(np.concatenate(parts)) == list(range(len(LABELS)))


def test_disagreements_as_sure_stay_in_order():
    certain = of_probabilities(np.zeros(9), np.eye(7)[np.arange(9) % 2])

    faces = disagreement(certain, certain, first_right=False, second_right=False)

    assert faces.tolist() == [1, 3, 5, 7]
