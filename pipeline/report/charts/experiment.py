"""Validation accuracy of an experiment's runs: over epochs, and over the fields that vary."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pipeline.report.charts.style import (
    FADED,
    REFERENCE,
    SERIES,
    blue_cells,
    colored_number,
    finish,
    in_two_lines,
    series_style,
)

MAX_COLORED = 12
"""With more lines, only the best and the selected run are colored."""

_ACCURACY = "validation accuracy, %"
_BEST = "best validation accuracy, %"
_LOG_AXIS_MIN_RATIO = 30
_MAX_TICKS = 10
_MIN_INTENSITY = 0.1


def accuracy_by_epoch(
    histories: Mapping[str, pd.DataFrame], legend: str, chosen: str | None = None
) -> go.Figure:
    """Draw the validation accuracy over epochs, one line per run.

    Args:
        histories: run → its history, the best first; those without an epoch are left out.
        legend: title of the legend, the fields that the runs' names show.
        chosen: the run to highlight.
    """
    drawn = {name: history for name, history in histories.items() if "val_accuracy" in history}
    many = len(drawn) > MAX_COLORED
    colored = [name for name in drawn if name == chosen] if many else list(drawn)
    colored += [name for name in list(drawn)[:1] if name not in colored]
    styles = series_style(colored)
    figure = go.Figure()
    for name, history in reversed(drawn.items()):  # the best one on top
        figure.add_scatter(
            x=history["epoch"] + 1,
            y=100 * history["val_accuracy"],
            name=in_two_lines(name),
            # a line needs two points
            mode="lines" if history["val_accuracy"].count() > 1 else "markers",
            line={"width": 2.5 if name in (chosen, colored[0]) else 1.5}
            | styles.get(name, {"color": REFERENCE}),
            opacity=1.0 if chosen in (None, name) or name not in colored else FADED,
            showlegend=name in colored,
            hovertemplate="%{y:.1f}%, epoch %{x}",
        )
    finish(figure, "epoch", _ACCURACY)
    longest = max(map(len, drawn.values()), default=1)
    figure.update_xaxes(tick0=1, dtick=math.ceil(longest / _MAX_TICKS) or 1)
    figure.update_layout(legend={"title": legend, "traceorder": "reversed"}, uirevision="keep")
    return figure


def accuracy_by_field(name: str, values: Sequence[float], accuracies: Sequence[float]) -> go.Figure:
    """Draw the best accuracy over a field: a point for each run, and a line through their means.

    Args:
        name: name of the field.
        values: its value in each run.
        accuracies: best accuracy of each run, 0 to 1.
    """
    runs = pd.DataFrame({"value": values, "accuracy": 100 * np.asarray(accuracies)})
    means = runs.groupby("value")["accuracy"].mean()
    figure = go.Figure()
    figure.add_scatter(x=means.index, y=means, name="mean", mode="lines", line={"color": SERIES[0]})
    figure.add_scatter(
        x=runs["value"],
        y=runs["accuracy"],
        name="run",
        mode="markers",
        marker={"color": SERIES[0], "size": 9},
        hovertemplate="%{x}: %{y:.1f}%",
    )
    finish(figure, name, _BEST, legend=len(runs) > len(means))
    needs_log_axis = runs["value"].min() * _LOG_AXIS_MIN_RATIO <= runs["value"].max()
    if runs["value"].min() > 0 and needs_log_axis:
        figure.update_xaxes(type="log")
    figure.update_xaxes(tickvals=list(means.index), ticktext=_texts(means.index))
    return figure


def accuracy_heat_map(
    names: tuple[str, str], values: Sequence[tuple[float, float]], accuracies: Sequence[float]
) -> go.Figure:
    """Draw the best accuracy over two fields as a heat map of means.

    Args:
        names: names of the fields along x and along y.
        values: their values in each run.
        accuracies: best accuracy of each run, 0 to 1.
    """
    runs = pd.DataFrame(values, columns=["x", "y"]).assign(accuracy=100 * np.asarray(accuracies))
    means = runs.pivot_table(index="y", columns="x", values="accuracy", aggfunc="mean")
    span = max(1e-9, runs["accuracy"].max() - runs["accuracy"].min())
    intensity = _MIN_INTENSITY + (1 - _MIN_INTENSITY) * (means - runs["accuracy"].min()) / span
    columns, rows = range(means.shape[1]), range(means.shape[0])
    figure = go.Figure(blue_cells(intensity))
    mean_accuracies, intensities = means.to_numpy(), intensity.to_numpy()
    cells = [(row, column) for row in rows for column in columns]
    figure.add_scatter(
        x=[column for _, column in cells],
        y=[row for row, _ in cells],
        mode="text",
        text=[_number(mean_accuracies[cell], intensities[cell]) for cell in cells],
        hoverinfo="skip",
    )
    finish(figure, *names, legend=False)
    figure.update_xaxes(showgrid=False, tickvals=list(columns), ticktext=_texts(means.columns))
    figure.update_yaxes(showgrid=False, tickvals=list(rows), ticktext=_texts(means.index))
    return figure


def _texts(values: pd.Index) -> list[str]:
    return [f"{value:g}" for value in values]


def _number(accuracy: float, intensity: float) -> str:
    return "–" if np.isnan(accuracy) else colored_number(f"{accuracy:.1f}", intensity)
