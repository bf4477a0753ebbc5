import pandas as pd
import pytest

from pipeline.report.charts.experiment import (
    MAX_COLORED,
    accuracy_by_epoch,
    accuracy_by_field,
    accuracy_heat_map,
)
from pipeline.report.charts.learning_curves import learning_curves
from pipeline.report.charts.style import FADED, REFERENCE

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


def test_learning_curves_are_over_epochs_from_1_with_the_best_marked():
    figure = learning_curves(HISTORY, "val_loss")
    lines = {(line.name, line.yaxis): line for line in figure.data}

    assert list(lines["validation accuracy", "y"].x) == [1, 2, 3, 4]
    assert list(lines["validation accuracy", "y"].y) == [0.2, 0.5, 0.5, 0.4]
    assert list(lines["validation macro F1", "y"].y) == [0.1, 0.4, 0.4, 0.3]
    assert list(lines["validation loss", "y2"].y) == pytest.approx([1.8, 1.4, 1.3, 1.6])
    assert list(lines["learning rate", "y3"].y) == pytest.approx([0.01, 0.01, 0.005, 0.001])
    assert {shape.x0 for shape in figure.layout.shapes} == {3}
    assert "best: epoch 3" in figure.layout.annotations[0].text
    assert {(line.name.split()[0], line.line.dash) for line in figure.data} == {
        ("training", "dot"),
        ("validation", "solid"),
        ("learning", "solid"),
    }
    axis = figure.layout.yaxis3
    assert (axis.type, axis.ticktext) == ("log", ("0.001", "0.01"))
    assert figure == learning_curves(HISTORY.copy(), "val_loss"), "unchanged between epochs"


def test_columns_that_a_history_lacks_are_not_drawn():
    for columns in (["epoch"], ["epoch", "loss"], list(HISTORY)):
        figure = learning_curves(HISTORY[columns][:1], "val_accuracy")
        assert len(figure.data) == len(columns) - 1
        assert len(figure.layout.annotations) == ("val_accuracy" in columns)


def histories(count: int) -> dict[str, pd.DataFrame]:
    return {f"run {number}": HISTORY for number in range(count)}


def test_each_run_of_an_experiment_has_a_line_and_the_chosen_one_is_highlighted():
    runs = {**histories(3), "new": HISTORY[["epoch"]][:0]}
    figure = accuracy_by_epoch(runs, "seed", chosen="run 1")

    assert [line.name for line in figure.data] == ["run 2", "run 1", "run 0"]
    assert list(figure.data[0].y) == pytest.approx([20, 50, 50, 40])
    assert len({(line.line.color, line.line.dash) for line in figure.data}) == 3
    assert figure.layout.legend.title.text == "seed"
    assert [line.opacity for line in figure.data] == [FADED, 1, FADED]


def test_a_run_of_one_epoch_is_a_point():
    figure = accuracy_by_epoch({"long": HISTORY, "short": HISTORY[:1]}, "epochs")

    modes = [(line.name, line.mode) for line in figure.data]
    assert modes == [("short", "markers"), ("long", "lines")]
    assert (figure.layout.xaxis.tick0, figure.layout.xaxis.dtick) == (1, 1)


def test_of_many_runs_only_the_best_and_the_chosen_are_colored():
    figure = accuracy_by_epoch(histories(MAX_COLORED + 1), "seed", chosen="run 7")

    colored = {line.name for line in figure.data if line.line.color != REFERENCE}
    assert colored == {line.name for line in figure.data if line.showlegend}
    assert colored == {"run 0", "run 7"}


def test_accuracy_over_a_field_goes_through_the_means_of_its_runs():
    line, points = accuracy_by_field("rate", [0.1, 0.1, 0.2], [0.5, 0.7, 0.4]).data

    assert (list(line.x), list(line.y)) == ([0.1, 0.2], pytest.approx([60, 40]))
    assert list(points.y) == pytest.approx([50, 70, 40])
    for values, kind in (([0.001, 0.1], "log"), ([0.01, 0.02], None), ([0, 0.1], None)):
        axis = accuracy_by_field("rate", values, [0.5, 0.6]).layout.xaxis
        assert (axis.type, axis.ticktext) == (kind, tuple(f"{value:g}" for value in values))


def test_accuracy_over_two_fields_is_a_heat_map_of_means_with_gaps_marked():
    pairs = [(0.1, 32), (0.1, 32), (0.2, 32), (0.1, 64)]
    figure = accuracy_heat_map(("rate", "batch"), pairs, [0.5, 0.7, 0.4, 0.3])

    numbers = [text.replace("</span>", "").rpartition(">")[2] for text in figure.data[1].text]
    assert numbers == ["60.0", "40.0", "30.0", "–"]
    assert figure.layout.xaxis.ticktext == ("0.1", "0.2")
    assert figure.layout.yaxis.ticktext == ("32", "64")
    assert (figure.layout.xaxis.title.text, figure.layout.yaxis.title.text) == ("rate", "batch")
