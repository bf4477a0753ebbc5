import math

import pytest

from pipeline.training.course import best_epoch, ends_early, learning_rate
from pipeline.training.options import build_config


def history(*figures: float, monitor: str = "val_accuracy") -> list[dict[str, float]]:
    return [{"epoch": epoch, monitor: figure} for epoch, figure in enumerate(figures)]


def config(**fields: str):
    return build_config({}, {"dataset": "d", "learning_rate": "0.8", **fields})


@pytest.mark.parametrize(
    ("monitor", "figures", "best"),
    [
        ("val_accuracy", (0.2, 0.5, 0.5, 0.4), 1),
        ("val_loss", (2.0, 1.5, 1.5, 1.9), 1),
        ("val_loss", (math.nan, 2.0, math.inf), 1),
        ("val_accuracy", (math.nan,), 0),
    ],
)
def test_the_best_epoch_is_the_first_of_the_best_and_never_one_without_a_number(
    monitor, figures, best
):
    assert best_epoch(history(*figures, monitor=monitor), monitor) == best


@pytest.mark.parametrize(
    ("figures", "falls"),
    [
        ((), 0),
        ((0.1, 0.2, 0.3), 0),
        ((0.1, 0.1), 0),
        ((0.1, 0.1, 0.1), 1),
        ((0.1, 0.1, 0.1, 0.1), 1),
        ((0.1, 0.1, 0.1, 0.1, 0.1), 2),
        ((0.1, 0.1, 0.1, 0.2, 0.1, 0.1), 2),
        ((0.1, 0.10005, 0.1001), 1),
    ],
)
def test_a_plateau_of_two_epochs_halves_the_rate_and_goes_on_counting(figures, falls):
    plateau = config(plateau_patience="2", plateau_factor="0.5")

    assert learning_rate(plateau, history(*figures)) == pytest.approx(0.8 * 0.5**falls)


def test_the_head_has_its_own_rate_and_its_epochs_count_for_no_plateau():
    fields = {"architecture": "vgg16", "head_epochs": "3", "head_learning_rate": "0.1"}
    two_phases = config(**fields, plateau_patience="1")

    rates = [learning_rate(two_phases, history(*[0.1] * epochs)) for epochs in range(6)]

    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.8, 0.8, 0.4])


def test_early_stopping_waits_for_its_own_figure_and_counts_from_an_extension_on():
    two = config(early_stopping_patience="2")
    worse = history(0.3, 0.2, 0.2)

    assert not ends_early(two, worse[:2]) and ends_early(two, worse)
    assert not ends_early(two, worse, extended_at=1)
    assert not ends_early(config(early_stopping_patience="0"), worse)
    losses = history(1.0, 1.1, 1.2, monitor="val_loss")
    assert ends_early(
        config(early_stopping_patience="2", early_stopping_monitor="val_loss"), losses
    )
