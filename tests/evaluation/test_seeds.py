import numpy as np
import pytest

from pipeline.evaluation.metrics import FIGURES, compute_metrics
from pipeline.evaluation.seeds import over_seeds, seed_groups
from pipeline.runs import Exclusion, RunConfig
from pipeline.training.config import TrainConfig
from tests.evaluation.makers import random_predictions


def config(seed=0, fingerprint="f" * 64, exclusion=None, **fields) -> RunConfig:
    train = TrainConfig.model_validate({"dataset": "faces", "seed": seed, **fields})
    return RunConfig(train=train, dataset_fingerprint=fingerprint, exclusion=exclusion)


def listed(name: str, fingerprint: str) -> Exclusion:
    return Exclusion(name=name, faces=3, fingerprint=fingerprint)


@pytest.mark.parametrize(
    "other",
    [config(1), config(1, dataset="renamed")],
    ids=["seed", "name of the data"],
)
def test_runs_that_differ_in_the_seed_alone_are_a_group(other):
    configs = {"a": config(), "b": config(epochs=9), "c": other}

    assert seed_groups(configs) == [["a", "c"]]


@pytest.mark.parametrize(
    "other",
    [
        config(1, epochs=9),
        config(1, model={"widths": (8,)}),
        config(1, augmentation={"rotation": 3.0}),
        config(1, fingerprint="e" * 64),
        config(1, exclusion=listed("few", "a" * 64)),
    ],
    ids=["epochs", "network", "augmentation", "data", "list"],
)
def test_runs_that_differ_in_more_than_the_seed_are_no_group(other):
    assert seed_groups({"a": config(), "b": other}) == []


def test_runs_without_the_same_faces_are_a_group_whatever_the_list_is_called():
    one = config(exclude="few", exclusion=listed("few", "a" * 64))
    same = config(1, exclude="some", exclusion=listed("some", "a" * 64))
    other = config(2, exclude="few", exclusion=listed("few", "b" * 64))

    assert seed_groups({"one": one, "same": same, "other": other}) == [["one", "same"]]


def test_a_shipped_model_and_the_run_that_it_was_count_as_one_seed():
    assert seed_groups({"shipped": config(), "run": config()}) == []
    configs = {"shipped": config(), "run": config(), "other": config(1)}
    assert seed_groups(configs) == [["shipped", "other"]]


def test_there_are_as_many_groups_as_configurations_with_several_seeds():
    configs = {f"{epochs}-{seed}": config(seed, epochs=epochs) for epochs in (3, 5) for seed in (
        (0, 1, 2) if epochs == 3 else (0, 1))}  # fmt: skip

    assert seed_groups(configs) == [["3-0", "3-1", "3-2"], ["5-0", "5-1"]]
    assert seed_groups({}) == []


def test_figures_over_seeds_are_mean_and_sample_deviation():
    metrics = [compute_metrics(random_predictions(seed=i, skill=float(i))) for i in range(3)]

    found = over_seeds(metrics)

    assert tuple(found) == FIGURES
    for name, pair in found.items():
        values = [getattr(each, name) for each in metrics]
        assert pair == pytest.approx((np.mean(values), np.std(values, ddof=1)))


def test_a_figure_that_one_run_lacks_is_left_out_over_seeds():
    metrics = [compute_metrics(random_predictions(n)) for n in (200, 1)]

    assert set(FIGURES) - set(over_seeds(metrics)) == {"auc_macro"}
