import pandas as pd
import pytest

from dashboard.charts.experiment import (
    MOST_COLOURED,
    accuracy_by_epoch,
    accuracy_by_value,
    accuracy_by_values,
)
from dashboard.charts.history import learning_curves
from dashboard.charts.style import FADED, REFERENCE

HISTORY = pd.DataFrame(
    {
        "epoch": [0, 1, 2, 3],
        "accuracy": [0.2, 0.4, 0.6, 0.7],
        "loss": [1.9, 1.5, 1.1, 0.9],
        "val_accuracy": [0.2, 0.5, 0.5, 0.4],
        "val_macro_f1": [0.1, 0.4, 0.4, 0.3],
        "val_loss": [1.8, 1.4, 1.3, 1.6],
        "learning_rate": [0.01, 0.01, 0.005, 0.001],
    }
)


def test_learning_curves_show_percent_over_epochs_from_one_and_mark_the_best():
    figure = learning_curves(HISTORY, "val_loss")
    lines = {(line.name, line.yaxis): line for line in figure.data}

    assert list(lines["validation accuracy", "y"].x) == [1, 2, 3, 4]
    assert list(lines["validation accuracy", "y"].y) == pytest.approx([20, 50, 50, 40])
    assert list(lines["validation macro F1", "y"].y) == pytest.approx([10, 40, 40, 30])
    assert list(lines["validation loss", "y2"].y) == pytest.approx([1.8, 1.4, 1.3, 1.6])
    assert list(lines["learning rate", "y3"].y) == pytest.approx([0.01, 0.01, 0.005, 0.001])
    assert {shape.x0 for shape in figure.layout.shapes} == {3}
    assert "best: epoch 3" in figure.layout.annotations[0].text


def test_training_is_dotted_validation_solid_and_the_rate_on_a_logarithmic_axis():
    figure = learning_curves(HISTORY, "val_loss")

    assert {(line.name.split()[0], line.line.dash) for line in figure.data} == {
        ("training", "dot"),
        ("validation", "solid"),
        ("learning", "solid"),
    }
    axis = figure.layout.yaxis3
    assert (axis.type, axis.ticktext) == ("log", ("0.001", "0.01"))


def test_learning_curves_are_the_same_as_long_as_no_epoch_comes():
    assert learning_curves(HISTORY, "val_loss") == learning_curves(HISTORY.copy(), "val_loss")


@pytest.mark.parametrize("columns", [["epoch"], ["epoch", "loss"], list(HISTORY)])
def test_what_a_history_lacks_is_not_drawn(columns):
    figure = learning_curves(HISTORY[columns][:1], "val_accuracy")

    assert len(figure.data) == len(columns) - 1
    assert len(figure.layout.annotations) == ("val_accuracy" in columns)


def histories(count: int) -> dict[str, pd.DataFrame]:
    return {f"run {number}": HISTORY for number in range(count)}


def test_each_run_of_an_experiment_has_a_line_of_its_own():
    figure = accuracy_by_epoch({**histories(3), "new": HISTORY[["epoch"]][:0]}, "seed")

    assert [line.name for line in figure.data] == ["run 2", "run 1", "run 0"]
    assert list(figure.data[0].y) == pytest.approx([20, 50, 50, 40])
    assert len({(line.line.color, line.line.dash) for line in figure.data}) == 3
    assert figure.layout.legend.title.text == "seed"


def test_a_run_of_one_epoch_is_a_point():
    figure = accuracy_by_epoch({"long": HISTORY, "short": HISTORY[:1]}, "epochs")

    assert [(line.name, line.mode) for line in figure.data] == [
        ("short", "markers"),
        ("long", "lines"),
    ]
    assert (figure.layout.xaxis.tick0, figure.layout.xaxis.dtick) == (1, 1)


def test_the_chosen_run_stands_out():
    opacities = {
        line.name: line.opacity
        for line in accuracy_by_epoch(histories(3), "seed", chosen="run 1").data
    }

    assert opacities == {"run 0": FADED, "run 1": 1, "run 2": FADED}


def test_of_many_runs_only_the_best_and_the_chosen_are_in_colour():
    figure = accuracy_by_epoch(histories(MOST_COLOURED + 1), "seed", chosen="run 7")

    coloured = {line.name for line in figure.data if line.line.color != REFERENCE}
    assert coloured == {line.name for line in figure.data if line.showlegend}
    assert coloured == {"run 0", "run 7"}


def test_accuracy_over_a_field_goes_through_the_means_of_its_runs():
    line, points = accuracy_by_value("rate", [0.1, 0.1, 0.2], [0.5, 0.7, 0.4]).data

    assert (list(line.x), list(line.y)) == ([0.1, 0.2], pytest.approx([60, 40]))
    assert list(points.y) == pytest.approx([50, 70, 40])


@pytest.mark.parametrize(
    ("values", "kind"), [([0.001, 0.1], "log"), ([0.01, 0.02], None), ([0, 0.1], None)]
)
def test_a_field_over_decades_has_a_logarithmic_axis(values, kind):
    axis = accuracy_by_value("rate", values, [0.5, 0.6]).layout.xaxis

    assert (axis.type, axis.ticktext) == (kind, tuple(f"{value:g}" for value in values))


def test_accuracy_over_two_fields_is_a_heat_map_of_means_with_gaps_named():
    pairs = [(0.1, 32), (0.1, 32), (0.2, 32), (0.1, 64)]
    figure = accuracy_by_values(("rate", "batch"), pairs, [0.5, 0.7, 0.4, 0.3])

    numbers = [text.replace("</span>", "").rpartition(">")[2] for text in figure.data[1].text]
    assert numbers == ["60.0", "40.0", "30.0", "–"]
    assert figure.layout.xaxis.ticktext == ("0.1", "0.2")
    assert figure.layout.yaxis.ticktext == ("32", "64")
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("rate", "batch")
