"""Learning curves of a run, with its best epoch marked."""

import math

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.charts.style import AVERAGE, REFERENCE, SERIES, finish

_PANELS = {"accuracy": "accuracy, %", "loss": "loss"}
_TRAINING = {"color": REFERENCE, "width": 2, "dash": "dot"}
_VALIDATION = {"color": SERIES[0], "width": 2.5}
_MACRO_F1 = {"color": AVERAGE, "width": 2, "dash": "dash"}
_BEST = {"color": SERIES[1], "width": 1.5, "dash": "dash"}


def best_epoch(history: pd.DataFrame, monitor: str) -> int | None:
    """Return the epoch, counted from 0, at which the monitored figure was best.

    Args:
        history: a run's history, one row a finished epoch.
        monitor: a column; the smallest value is best of a loss, else the largest.

    Returns:
        The epoch, or None if there is no such figure yet.
    """
    figures = history[monitor].dropna() if monitor in history else pd.Series(dtype=float)
    if figures.empty:
        return None
    ranked = figures.sort_values(ascending=monitor.endswith("loss"), kind="stable")
    return int(history["epoch"].loc[ranked.index[0]])


def learning_curves(history: pd.DataFrame, monitor: str) -> go.Figure:
    """Draw accuracy above loss, training and validation, over epochs counted from 1 as people do.

    Args:
        history: a run's history: `epoch` from 0, `accuracy` and `loss`, the same with `val_`, and
            `val_macro_f1` where there is one.
        monitor: the column the best epoch is chosen by; a line marks that epoch.
    """
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    epochs = history["epoch"] + 1
    for row, name in enumerate(_PANELS, start=1):
        lines = {name: ("training", _TRAINING), f"val_{name}": ("validation", _VALIDATION)}
        if name == "accuracy":
            lines["val_macro_f1"] = ("validation macro F1", _MACRO_F1)
        for column, (label, line) in lines.items():
            if column in history:
                scale = 100 if name == "accuracy" else 1
                _add_line(figure, row, epochs, history[column] * scale, label, line)
    finish(figure, "", "", height=440)
    for row, title in enumerate(_PANELS.values(), start=1):
        figure.update_yaxes(title_text=title, row=row, col=1)
    figure.update_xaxes(tick0=1, dtick=max(1, math.ceil(len(epochs) / 10)))
    figure.update_xaxes(title_text="epoch", row=2, col=1)
    figure.update_layout(hovermode="x unified")
    best = best_epoch(history, monitor)
    if best is not None:
        figure.add_vline(x=best + 1, line=_BEST)
        figure.add_annotation(
            x=best + 1,
            y=0,
            yref="y domain",
            yanchor="bottom",
            xanchor="left" if best < epochs.max() / 2 else "right",
            text=f" best: epoch {best + 1} ",
            showarrow=False,
        )
    return figure


def _add_line(
    figure: go.Figure,
    row: int,
    epochs: pd.Series,
    values: pd.Series,
    label: str,
    line: dict[str, object],
) -> None:
    figure.add_scatter(
        x=epochs,
        y=values,
        name=label,
        legendgroup=label,
        showlegend=row == 1,
        mode="lines+markers" if len(values) < 60 else "lines",
        line=line,
        marker={"size": 5},
        hovertemplate="%{y:.1f} %" if row == 1 else "%{y:.3f}",
        row=row,
        col=1,
    )
