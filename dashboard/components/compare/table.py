"""The table of all figures, the best of each marked."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.components.compare.compared import Compared
from pipeline.evaluation.cost import Cost
from pipeline.evaluation.metrics import Metrics

FIGURES = {
    "accuracy": ("%.1f %%", "Share of faces whose likeliest emotion is the label"),
    "macro F1": ("%.3f", "Mean F1 of the emotions"),
    "balanced": ("%.1f %%", "Balanced accuracy: mean recall of the emotions"),
    "weighted F1": ("%.3f", "Mean F1 of the emotions, weighted by their faces"),
    "top-2": ("%.1f %%", "Share of faces whose label is one of the two likeliest emotions"),
    "AUC": ("%.3f", "Mean area under the ROC curves of the emotions"),
    "AUC micro": ("%.3f", "Area under the ROC curve of all face-emotion pairs"),
    "log loss": ("%.3f", "Mean negative logarithm of the label's probability; less is better"),
    "ECE": ("%.1f %%", "Expected calibration error in 15 bins; less is better"),
    "parameters": ("compact", "Numbers learnt; less is better"),
    "size": ("%.1f MB", "model.bin; less is better"),
    "time": ("%.2f ms", "Median of one face on at most two threads, here; less is better"),
}
_SMALLER_IS_BETTER = ("log loss", "ECE", "parameters", "size", "time")
_BEST = "background-color: rgba(66, 126, 185, 0.28)"


def comparison_table(compared: Compared) -> pd.DataFrame:
    """Return a row for each compared model; shares in percent, sizes in megabytes."""
    costs, labels = compared.costs, compared.labels
    rows = []
    for model in compared.models:
        measured = compared.measured[model.name]
        low, high = measured.interval
        rows.append(
            {
                "model": labels[model.name],
                **_figures(measured.metrics, costs[model.name]),
                "95 % interval": f"{100 * low:.1f} – {100 * high:.1f}",
            }
        )
    table = pd.DataFrame(rows)
    table.insert(2, "95 % interval", table.pop("95 % interval"))
    return table


def _figures(metrics: Metrics, cost: Cost) -> dict[str, float | None]:
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
    """Return figure → the rows that are best in it, where there is more than one to choose from."""
    best = {}
    for name in FIGURES:
        values = table[name].astype(float)
        if values.notna().sum() > 1:
            top = values.min() if name in _SMALLER_IS_BETTER else values.max()
            best[name] = [int(row) for row in np.flatnonzero(values == top)]
    return best


def show_table(table: pd.DataFrame) -> None:
    """Show the table, the best of each figure tinted and named in a last column."""
    best = best_models(table)
    named = [[name for name, rows in best.items() if row in rows] for row in range(len(table))]
    tinted = table.assign(best_in=pd.Series(named, dtype=object)).style
    for name, rows in best.items():
        tinted = tinted.map(lambda _: _BEST, subset=pd.IndexSlice[rows, [name]])
    number = st.column_config.NumberColumn
    st.dataframe(
        tinted,
        hide_index=True,
        column_config={
            "model": st.column_config.TextColumn(pinned=True),
            **{n: number(format=form, help=words) for n, (form, words) in FIGURES.items()},
            "best_in": st.column_config.MultiselectColumn(
                "best in", options=list(FIGURES), color="#6196C9"
            ),
        },
        alt="The figures of each model",
    )
