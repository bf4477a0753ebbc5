from itertools import combinations

import numpy as np
import pytest
import sklearn.metrics as sk
from scipy.stats import binomtest

from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.evaluation.comparison import (
    check_same_faces,
    disagreement,
    ensemble,
    holm,
    mcnemar,
    paired_differences,
    paired_interval,
    pareto_frontier,
    seed_groups,
    seed_statistics,
)
from pipeline.evaluation.metrics import METRIC_NAMES, compute_metrics
from pipeline.evaluation.predictions import Predictions
from pipeline.runs import Exclusion, RunConfig
from tests.evaluation.makers import FINGERPRINT, make_predictions, random_predictions

LABELS = np.random.default_rng(9).integers(0, 7, 400)


def predict(model: str, skill=1.0, seed=0, labels=LABELS, **names) -> Predictions:
    """Predictions of a model of some skill for the same faces."""
    noise = np.random.default_rng(seed).normal(size=(len(labels), 7))
    powers = np.exp(noise + skill * np.eye(7)[labels])
    return make_predictions(labels, powers / powers.sum(1, keepdims=True), model=model, **names)


WEAK, GOOD, BEST = (predict(f"m{i}", skill=float(i), seed=i) for i in range(3))


def test_the_p_value_is_that_of_the_exact_binomial_test():
    for first, second in ((0, 1), (1, 1), (3, 0), (5, 11), (40, 20), (171, 153), (7, 5)):
        expected = binomtest(first, first + second).pvalue
        assert mcnemar(first, second) == pytest.approx(expected, rel=1e-9), (first, second)
        assert mcnemar(first, second) == mcnemar(second, first)
    assert mcnemar(0, 0) == 1.0


def test_the_interval_holds_the_difference_mirrors_and_repeats():
    for first, second, n in (
        *((0, 0, 1), (1, 0, 1), (3, 0, 3), (2, 5, 9), (90, 70, 400), (0, 9, 9)),
    ):
        low, high = paired_interval(first, second, n)
        assert -1 <= low <= (first - second) / n <= high <= 1 and low < high
        assert paired_interval(first, second, n) == (low, high)
        mirrored = paired_interval(second, first, n)
        assert (-mirrored[1], -mirrored[0]) == pytest.approx((low, high), abs=1.5 / n)


def test_the_interval_is_that_of_resampled_pairs():
    for first, second in ((GOOD, WEAK), (BEST, WEAK), (GOOD, GOOD)):
        gain = first.correct.astype(int) - second.correct
        n = len(gain)
        resampled = np.random.default_rng(5).integers(0, n, (5000, n))
        expected = np.quantile(gain[resampled].mean(axis=1), (0.025, 0.975))
        interval = paired_interval(int((gain > 0).sum()), int((gain < 0).sum()), n)
        assert interval == pytest.approx(expected, abs=0.01), (first.model, second.model)


def test_every_pair_of_models_is_compared_in_order():
    pairs = paired_differences([WEAK, GOOD, BEST])

    assert [(p.first, p.second) for p in pairs] == [("m0", "m1"), ("m0", "m2"), ("m1", "m2")]
    for pair, (first, second) in zip(pairs, combinations([WEAK, GOOD, BEST], 2), strict=True):
        assert pair.only_first == (first.correct & ~second.correct).sum()
        assert pair.only_second == (~first.correct & second.correct).sum()
        assert (pair.n, pair.difference) == (
            len(LABELS),
            pytest.approx(first.correct.mean() - second.correct.mean()),
        )
        assert pair.p_value == mcnemar(pair.only_first, pair.only_second)
        assert pair.interval == paired_interval(pair.only_first, pair.only_second, pair.n)
    assert [pair.adjusted_p for pair in pairs] == holm([pair.p_value for pair in pairs])


def test_a_swapped_pair_has_the_opposite_difference():
    ((one,), (other,)) = paired_differences([WEAK, GOOD]), paired_differences([GOOD, WEAK])
    assert (one.only_first, one.only_second) == (other.only_second, other.only_first)
    assert one.difference == -other.difference < 0
    assert one.p_value == one.adjusted_p == other.p_value

    (same,) = paired_differences([GOOD, GOOD])
    assert (same.difference, same.p_value) == (0, 1)
    assert same.interval == pytest.approx((-0.0069, 0.0069), abs=1e-4)  # of 400 faces
    assert paired_differences([GOOD]) == paired_differences([]) == []


def step_down(p_values: list[float], level: float) -> set[int]:
    """Return which hypotheses Holm's procedure rejects at a level."""
    rejected: set[int] = set()
    for i in sorted(range(len(p_values)), key=p_values.__getitem__):
        if p_values[i] > level / (len(p_values) - len(rejected)):
            break
        rejected.add(i)
    return rejected


def test_adjusted_p_values_reject_what_the_step_down_procedure_rejects():
    for p_values in (
        [0.01],
        [0.01, 0.04, 0.03],
        [0.04, 0.04, 0.04],
        [1.0, 0.0, 0.5],
        [0.3, 0.02, 0.02, 0.9, 0.6],
    ):
        adjusted = holm(p_values)
        for level in np.linspace(0.0007, 0.9987, 200):
            rejected = {i for i, p in enumerate(adjusted) if p <= level}
            assert rejected == step_down(p_values, level), (p_values, level)
        assert all(p <= raised <= 1 for p, raised in zip(p_values, adjusted, strict=True))
    assert holm([]) == []


def test_an_ensemble_predicts_the_mean_of_the_probabilities():
    mean = ensemble([WEAK, GOOD, BEST])
    expected = np.mean([p.probabilities.astype(np.float64) for p in (WEAK, GOOD, BEST)], axis=0)
    assert mean.model == "mean of 3"
    np.testing.assert_array_equal(mean.ids, WEAK.ids)
    np.testing.assert_allclose(mean.probabilities, expected, atol=1e-7)
    accuracy = sk.accuracy_score(LABELS, expected.argmax(axis=1))
    assert compute_metrics(mean).accuracy == pytest.approx(accuracy)
    np.testing.assert_array_equal(ensemble([GOOD]).probabilities, GOOD.probabilities)


def test_models_evaluated_on_other_faces_are_refused_by_name():
    different = {
        "ids": predict("other", ids=np.array([f"g{i}" for i in range(400)])),
        "order": predict("other", ids=GOOD.ids[::-1].copy()),
        "labels": predict("other", labels=(LABELS + (np.arange(400) == 7)) % 7),
        "number": predict("other", labels=LABELS[:-1]),
        "fingerprint": predict("other", fingerprint=FINGERPRINT[:12] + 52 * "d"),
        "split": predict("other", split="train"),
    }
    for other in different.values():
        with pytest.raises(UserError, match="'other' was evaluated on other faces than 'm1'"):
            check_same_faces(GOOD, other)
    for function in (paired_differences, ensemble):
        with pytest.raises(UserError, match="'other' was evaluated on other faces than 'm1'"):
            function([GOOD, BEST, different["order"]])
    check_same_faces(GOOD, predict("other", dataset="renamed"))


def test_the_pareto_frontier_has_what_nothing_dominates_the_cheapest_first():
    for seed in range(20):
        costs, scores = (
            {f"m{i}": float(v) for i, v in enumerate(values)}
            for values in np.random.default_rng(seed).integers(0, 6, (2, 8))
        )
        points = {(costs[name], scores[name]) for name in costs}
        best = {
            (cost, score)
            for cost, score in points
            if not any(c <= cost and s >= score and (c, s) != (cost, score) for c, s in points)
        }
        names = pareto_frontier(costs, scores)
        assert {(costs[name], scores[name]) for name in names} == best, seed
        assert [costs[name] for name in names] == sorted(costs[name] for name in names)
    assert pareto_frontier({}, {}) == []
    for costs, scores in (
        ({"a": 2, "b": 1}, {"a": 0.5, "b": 0.9}),
        ({"a": 1, "b": 1}, {"a": 0.5, "b": 0.9}),
        ({"a": 2, "b": 1}, {"a": 0.5, "b": 0.5}),
    ):
        assert pareto_frontier(costs, scores) == ["b"], (costs, scores)


def test_disagreements_hold_the_faces_asked_for_by_descending_confidence():
    parts = []
    for first_correct, second_correct in ((a, b) for a in (True, False) for b in (True, False)):
        faces = disagreement(GOOD, BEST, first_correct=first_correct, second_correct=second_correct)
        assert len(faces) > 5
        assert (GOOD.correct[faces] == first_correct).all()
        assert (BEST.correct[faces] == second_correct).all()
        confidence = GOOD.confidence[faces] + BEST.confidence[faces]
        assert (np.diff(confidence) <= 0).all()
        parts.append(faces)
    assert sorted(np.concatenate(parts)) == list(range(len(LABELS)))

    certain = make_predictions(np.zeros(9), np.eye(7)[np.arange(9) % 2])
    faces = disagreement(certain, certain, first_correct=False, second_correct=False)
    assert faces.tolist() == [1, 3, 5, 7], "equal ones keep their order"


def config(seed=0, fingerprint="f" * 64, exclusion=None, **fields) -> RunConfig:
    train = TrainConfig.model_validate({"dataset": "faces", "seed": seed, **fields})
    return RunConfig(train=train, dataset_fingerprint=fingerprint, exclusion=exclusion)


def exclusion(name: str, fingerprint: str) -> Exclusion:
    return Exclusion(name=name, faces=3, fingerprint=fingerprint)


def test_runs_that_differ_only_in_the_seed_are_a_group():
    few, same, other = (
        exclusion(n, f * 64) for n, f in (("few", "a"), ("some", "a"), ("few", "b"))
    )
    groups = {
        "seed": config(1),
        "renamed data set": config(2, dataset="renamed"),
    }
    assert seed_groups({"a": config(), **groups}) == [["a", *groups]]
    for different in (
        config(1, epochs=9),
        config(1, model={"widths": (8,)}),
        config(1, augmentation={"rotation": 3.0}),
        config(1, fingerprint="e" * 64),
        config(1, exclusion=few),
    ):
        assert seed_groups({"a": config(), "b": different}) == []
    lists = {
        "one": config(exclude="few", exclusion=few),
        "same": config(1, exclude="some", exclusion=same),
        "other": config(2, exclude="few", exclusion=other),
    }
    assert seed_groups(lists) == [["one", "same"]]
    several = {f"{e}-{s}": config(s, epochs=e) for e, s in ((3, 0), (3, 1), (5, 0), (5, 1), (3, 2))}
    assert seed_groups(several) == [["3-0", "3-1", "3-2"], ["5-0", "5-1"]]
    assert seed_groups({}) == []


def test_a_bundled_model_and_the_run_it_was_made_from_count_as_one_seed():
    assert seed_groups({"bundled": config(), "run": config()}) == []
    configs = {"bundled": config(), "run": config(), "other": config(1)}
    assert seed_groups(configs) == [["bundled", "other"]]


def test_seed_statistics_are_mean_and_sample_deviation_of_the_metrics_that_all_have():
    metrics = [compute_metrics(random_predictions(seed=i, skill=float(i))) for i in range(3)]
    found = seed_statistics(metrics)
    assert tuple(found) == METRIC_NAMES
    for name, pair in found.items():
        values = [getattr(each, name) for each in metrics]
        assert pair == pytest.approx((np.mean(values), np.std(values, ddof=1)))

    without_auc = [compute_metrics(random_predictions(n)) for n in (200, 1)]
    assert set(METRIC_NAMES) - set(seed_statistics(without_auc)) == {"auc_macro"}
