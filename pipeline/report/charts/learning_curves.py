"""Learning curves of a run, with the best epoch marked."""

import math

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from pipeline.report.charts.style import REFERENCE, SERIES, finish
from pipeline.runs.history import best_row

_PANELS = {
    "accuracy, macro F1": {"accuracy": SERIES[0], "macro_f1": SERIES[5]},
    "loss": {"loss": SERIES[0]},
    "learning rate": {"learning_rate": SERIES[2]},
}
_HEIGHTS = (0.5, 0.3, 0.2)
_NAMES = {"accuracy": "accuracy", "macro_f1": "macro F1"}
_FORMATS = {"accuracy": ".1%", "learning_rate": ".2g"}
_TRAINING = {"dash": "dot", "width": 1.5}
_VALIDATION = {"dash": "solid", "width": 2.5}
_MARKED_UP_TO = 60


def learning_curves(history: pd.DataFrame, monitor: str) -> go.Figure:
    """Draw accuracy and macro F1, the loss, and the learning rate (logarithmic) over epochs from 1.

    Training is dotted, validation solid.

    Args:
        history: a run's history: `epoch` from 0, `accuracy`, `macro_f1` and `loss`, the same with
            `val_`, and `learning_rate`; columns may be missing.
        monitor: the column that the best epoch is chosen by; a line marks that epoch.
    """
    figure = make_subplots(
        rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.05, row_heights=_HEIGHTS
    )
    finish(figure, "", "", height=560)
    for row, (title, columns) in enumerate(_PANELS.items(), start=1):
        figure.update_yaxes(title={"text": title, "standoff": 14}, row=row, col=1)
        for column, color in columns.items():
            _add_lines(figure, row, history, column, color)
    figure.update_yaxes(type="log", **_ends(history), row=3, col=1)
    figure.update_xaxes(tick0=1, dtick=max(1, math.ceil(len(history) / 10)))
    figure.update_xaxes(title_text="epoch", row=3, col=1)
    figure.update_layout(hovermode="x unified", uirevision="keep")  # a zoom survives the next epoch
    _mark_best(figure, history, monitor)
    return figure


def _ends(history: pd.DataFrame) -> dict[str, list[float] | list[str]]:
    """Return the ticks of the learning rate's axis: its smallest and its largest value."""
    rates = history.get("learning_rate", pd.Series(dtype=float)).dropna()
    ends = sorted({float(rates.min()), float(rates.max())}) if len(rates) else []
    return {"tickvals": ends, "ticktext": [f"{rate:.2g}" for rate in ends]}


def _add_lines(figure: go.Figure, row: int, history: pd.DataFrame, column: str, color: str) -> None:
    """Draw a metric on the training faces and the same on the validation faces."""
    for name, line in ((column, _TRAINING), (f"val_{column}", _VALIDATION)):
        if name not in history:
            continue
        kind = "validation" if name.startswith("val_") else "training"
        label = f"{kind} {_NAMES.get(column, column)}"
        figure.add_scatter(
            x=history["epoch"] + 1,
            y=history[name],
            name="learning rate" if row == 3 else label,
            showlegend=row == 1,
            mode="lines+markers" if len(history) < _MARKED_UP_TO else "lines",
            line={"color": color, **(_VALIDATION if row == 3 else line)},
            marker={"size": 4},
            hovertemplate=f"%{{y:{_FORMATS.get(column, '.3f')}}}",
            row=row,
            col=1,
        )


def _mark_best(figure: go.Figure, history: pd.DataFrame, monitor: str) -> None:
    best = best_row(history, monitor)
    if best is None:
        return
    epoch = int(best["epoch"]) + 1
    figure.add_vline(x=epoch, line={"color": REFERENCE, "width": 1.5, "dash": "dash"})
    figure.add_annotation(
        x=epoch,
        y=0,
        yref="y domain",
        yanchor="bottom",
        xanchor="left" if epoch < len(history) / 2 else "right",
        text=f" best: epoch {epoch} ",
        showarrow=False,
    )
