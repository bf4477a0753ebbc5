"""How the runs of an experiment compare: over epochs, and over the fields that vary."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.charts.style import (
    FADED,
    REFERENCE,
    SERIES,
    WHITE_TEXT_FROM,
    blue_cells,
    finish,
    series_style,
)

MOST_COLOURED = 12
"""More lines than this are grey but for those that matter."""

_ACCURACY = "validation accuracy, %"
_BEST = "best validation accuracy, %"
_LOGARITHMIC_FROM = 30
_MOST_TICKS = 10
_FAINTEST = 0.1


def accuracy_by_epoch(
    histories: Mapping[str, pd.DataFrame], legend: str, chosen: str | None = None
) -> go.Figure:
    """Draw the validation accuracy over epochs, one line a run.

    Args:
        histories: run → its history, the best first; those without an epoch are left out.
        legend: what the names of the runs tell.
        chosen: the run to make stand out.
    """
    measured = {name: each for name, each in histories.items() if "val_accuracy" in each}
    many = len(measured) > MOST_COLOURED
    coloured = [name for name in measured if name == chosen] if many else list(measured)
    coloured += [name for name in list(measured)[:1] if name not in coloured]
    styles = series_style(coloured)
    figure = go.Figure()
    for name, each in reversed(measured.items()):  # the best lies on top
        figure.add_scatter(
            x=each["epoch"] + 1,
            y=100 * each["val_accuracy"],
            name=name,
            mode="lines" if each["val_accuracy"].count() > 1 else "markers",  # no line of one point
            line={"width": 2.5 if name in (chosen, coloured[0]) else 1.5}
            | styles.get(name, {"color": REFERENCE}),
            opacity=1.0 if chosen in (None, name) or name not in coloured else FADED,
            showlegend=name in coloured,
            hovertemplate="%{y:.1f} %, epoch %{x}",
        )
    finish(figure, "epoch", _ACCURACY)
    longest = max(map(len, measured.values()), default=1)
    figure.update_xaxes(tick0=1, dtick=math.ceil(longest / _MOST_TICKS) or 1)
    figure.update_layout(legend={"title": legend, "traceorder": "reversed"}, uirevision="kept")
    return figure


def accuracy_by_value(name: str, values: Sequence[float], accuracies: Sequence[float]) -> go.Figure:
    """Draw the best accuracy over a field: a point a run, and a line through their means.

    Args:
        name: the field's.
        values: of each run.
        accuracies: of each run, 0 to 1.
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
        hovertemplate="%{x}: %{y:.1f} %",
    )
    finish(figure, name, _BEST, legend=len(runs) > len(means))
    wide = runs["value"].min() * _LOGARITHMIC_FROM <= runs["value"].max()
    if runs["value"].min() > 0 and wide:
        figure.update_xaxes(type="log")
    figure.update_xaxes(tickvals=list(means.index), ticktext=_texts(means.index))
    return figure


def accuracy_by_values(
    names: tuple[str, str], values: Sequence[tuple[float, float]], accuracies: Sequence[float]
) -> go.Figure:
    """Draw the best accuracy over two fields as a heat map of means.

    Args:
        names: of the fields, along x and along y.
        values: of each run.
        accuracies: of each run, 0 to 1.
    """
    runs = pd.DataFrame(values, columns=["x", "y"]).assign(accuracy=100 * np.asarray(accuracies))
    means = runs.pivot_table(index="y", columns="x", values="accuracy", aggfunc="mean")
    span = max(1e-9, runs["accuracy"].max() - runs["accuracy"].min())
    strength = _FAINTEST + (1 - _FAINTEST) * (means - runs["accuracy"].min()) / span
    columns, rows = range(means.shape[1]), range(means.shape[0])
    figure = go.Figure(blue_cells(strength))
    figures, blues = means.to_numpy(), strength.to_numpy()
    cells = [(row, column) for row in rows for column in columns]
    figure.add_scatter(
        x=[column for _, column in cells],
        y=[row for row, _ in cells],
        mode="text",
        text=[_words(figures[cell], blues[cell]) for cell in cells],
        hoverinfo="skip",
    )
    finish(figure, *names, legend=False)
    figure.update_xaxes(showgrid=False, tickvals=list(columns), ticktext=_texts(means.columns))
    figure.update_yaxes(showgrid=False, tickvals=list(rows), ticktext=_texts(means.index))
    return figure


def _texts(values: pd.Index) -> list[str]:
    return [f"{value:g}" for value in values]


def _words(accuracy: float, strength: float) -> str:
    if np.isnan(accuracy):
        return "–"
    # `currentColor` is the page's own text colour, on light and dark.
    colour = "white" if strength > WHITE_TEXT_FROM else "currentColor"
    return f'<span style="color: {colour}">{accuracy:.1f}</span>'
