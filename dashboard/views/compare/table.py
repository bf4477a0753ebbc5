"""The table of all metrics of the models, with the best values marked."""

from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.views.compare.comparison import Comparison
from pipeline.evaluation.calibration import N_BINS
from pipeline.evaluation.metrics import Metrics
from pipeline.evaluation.model_cost import ModelCost
from pipeline.report.units import interval

COLUMNS = {
    "accuracy": ("{:.1f}%", "Share of faces whose label is the top emotion."),
    "macro F1": ("{:.3f}", "Mean F1 of the emotions."),
    "balanced": ("{:.1f}%", "Balanced accuracy: mean recall of the emotions."),
    "weighted F1": ("{:.3f}", "Mean F1 of the emotions, weighted by their faces."),
    "top-2": ("{:.1f}%", "Share of faces whose label is among the top two emotions."),
    "AUC": ("{:.3f}", "Mean area under the ROC curves of the emotions."),
    "AUC micro": ("{:.3f}", "Area under the ROC curve of all face-emotion pairs."),
    "log loss": ("{:.3f}", "Mean negative logarithm of the label's probability; lower is better."),
    "ECE": (
        "{:.1f}%",
        "Expected calibration error: how far, on average, confidence and accuracy lie apart, in "
        f"{N_BINS} bins; lower is better.",
    ),
    "parameters": ("{:,.0f}", "Number of parameters; lower is better."),
    "size": ("{:.1f} MB", "Size of model.bin; lower is better."),
    "time": (
        "{:.2f} ms",
        "Median latency of one face on at most two threads of this machine; lower is better.",
    ),
}
"""Column → format and help."""

_OPTIONAL = ("balanced", "weighted F1", "top-2", "AUC micro")
_LOWER_IS_BETTER = ("log loss", "ECE", "parameters", "size", "time")
_BEST = "background-color: rgba(66, 126, 185, 0.28)"


def comparison_table(comparison: Comparison) -> pd.DataFrame:
    """Return a row for each model; shares in percent, sizes in megabytes."""
    rows = []
    for model in comparison.models:
        evaluated = comparison.metrics[model.name]
        values = _values(evaluated.metrics, comparison.costs[model.name])
        accuracy = {"accuracy": values.pop("accuracy")}
        ends = {"95% CI": interval(evaluated.interval)}
        rows.append({"model": comparison.labels[model.name], **accuracy, **ends, **values})
    return pd.DataFrame(rows)


def _values(metrics: Metrics, cost: ModelCost) -> dict[str, float | None]:
    return {
        "accuracy": 100 * metrics.accuracy,
        "macro F1": metrics.macro_f1,
        "balanced": 100 * metrics.balanced_accuracy,
        "weighted F1": metrics.weighted_f1,
        "top-2": 100 * metrics.top2_accuracy,
        "AUC": metrics.auc_macro,
        "AUC micro": metrics.auc_micro,
        "log loss": metrics.log_loss,
        "ECE": 100 * metrics.ece,
        "parameters": cost.parameters,
        "size": cost.size_mb,
        "time": cost.ms,
    }


def best_models(table: pd.DataFrame) -> dict[str, list[int]]:
    """Return column → the rows with the best value, where two rows or more have one."""
    best = {}
    for name in (each for each in COLUMNS if each in table):
        values = table[name].astype(float)
        if values.notna().sum() > 1:
            top = values.min() if name in _LOWER_IS_BETTER else values.max()
            best[name] = [int(row) for row in np.flatnonzero(values == top)]
    return best


def show_table(table: pd.DataFrame) -> None:
    """Show the table, the best values tinted and starred; a menu adds hidden columns."""
    added = _pick_columns()
    table = table.drop(columns=[name for name in _OPTIONAL if name not in added])
    styled = table.style.format(
        {name: form for name, (form, _) in COLUMNS.items() if name in table}, na_rep="–"
    )
    for name, rows in best_models(table).items():
        best = pd.IndexSlice[rows, [name]]
        starred = partial(_starred, COLUMNS[name][0])
        styled = styled.format(starred, subset=best).map(lambda _: _BEST, subset=best)
    number = st.column_config.NumberColumn
    st.dataframe(
        styled,
        hide_index=True,
        column_config={
            "model": st.column_config.TextColumn(pinned=True),
            **{name: number(help=text) for name, (_, text) in COLUMNS.items()},
        },
        placeholder="–",
        alt="The metrics of each model",
    )


def _starred(form: str, value: float) -> str:
    return f"★ {form.format(value)}"


def _pick_columns() -> list[str]:
    """Let the user add columns to the table."""
    with st.popover("Columns", icon=":material/view_column:"):
        return st.pills(
            "More columns",
            _OPTIONAL,
            selection_mode="multi",
            key="compare_columns",
            bind="query-params",
        )
