"""Several models on the same faces: who can be compared, and the table of their figures."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.components.model_picker import Target
from pipeline.errors import UserError
from pipeline.evaluation.metrics import Metrics
from pipeline.runs import Run

_FIGURES = {
    "accuracy": ("%.1f %%", "Share of faces whose likeliest emotion is the label"),
    "macro F1": ("%.3f", "Mean F1 of the emotions"),
    "balanced": ("%.1f %%", "Balanced accuracy: mean recall of the emotions"),
    "weighted F1": ("%.3f", "Mean F1 of the emotions, weighted by their faces"),
    "top-2": ("%.1f %%", "Share of faces whose label is one of the two likeliest emotions"),
    "AUC": ("%.3f", "Mean area under the ROC curves of the emotions"),
    "AUC micro": ("%.3f", "Area under the ROC curve of all face-emotion pairs"),
    "log loss": ("%.3f", "Mean negative logarithm of the label's probability; less is better"),
    "ECE": ("%.1f %%", "Expected calibration error in 15 bins; less is better"),
}
_SMALLER_IS_BETTER = ("log loss", "ECE")
_BEST = "background-color: rgba(66, 126, 185, 0.28)"


@dataclass
class Comparison:
    """Models on the same faces, and those that were passed over.

    Args:
        metrics: model → its figures, in the order chosen.
        intervals: model → the 95 % interval of its accuracy.
        missing: models without readable predictions.
        problems: one sentence for each model whose predictions cannot be used.
    """

    metrics: dict[str, Metrics] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)
    missing: list[Run] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def compare(models: Sequence[Run], target: Target) -> Comparison:
    """Gather the figures of models on a split; faces must be the same as the first model's."""
    result = Comparison()
    faces: NDArray[np.str_] | None = None
    for model in models:
        folder = model.evaluation_path(target.fingerprint, target.split)
        try:
            predictions = resources.stored_predictions(model, folder)
            metrics, interval = resources.metrics(model, folder)
        except UserError as error:
            result.missing.append(model)
            if (folder / "predictions.npz").exists():
                result.problems.append(str(error))
            continue
        if faces is None:
            faces = predictions.ids
        if np.array_equal(faces, predictions.ids):
            result.metrics[model.name] = metrics
            result.intervals[model.name] = interval
        else:
            result.problems.append(
                f"'{model.name}' was evaluated on other faces of {target.split} than "
                f"'{next(iter(result.metrics))}' and is passed over."
            )
    return result


def comparison_table(comparison: Comparison, models: Sequence[Run]) -> pd.DataFrame:
    """Return a row for each compared model; shares in percent, sizes in megabytes."""
    by_name = {model.name: model for model in models}
    rows = []
    for name, metrics in comparison.metrics.items():
        low, high = comparison.intervals[name]
        rows.append(
            {
                "model": name,
                "accuracy": 100 * metrics.accuracy,
                "95 % interval": f"{100 * low:.1f} – {100 * high:.1f}",
                "macro F1": metrics.macro_f1,
                "balanced": 100 * metrics.balanced_accuracy,
                "weighted F1": metrics.weighted_f1,
                "top-2": 100 * metrics.top2_accuracy,
                "AUC": metrics.auc_macro,
                "AUC micro": metrics.auc_micro,
                "log loss": metrics.log_loss,
                "ECE": 100 * metrics.ece,
                **_cost(by_name[name]),
            }
        )
    return pd.DataFrame(rows)


def best_models(table: pd.DataFrame) -> dict[str, list[int]]:
    """Return figure → the rows that are best in it, where there is more than one to choose from."""
    best = {}
    for name in _FIGURES:
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
            **{n: number(format=form, help=words) for n, (form, words) in _FIGURES.items()},
            "parameters": number(format="compact"),
            "size": number("model.bin", format="%.1f MB"),
            "best_in": st.column_config.MultiselectColumn(
                "best in", options=list(_FIGURES), color="#6196C9"
            ),
        },
        alt="The figures of each model",
    )


def _cost(model: Run) -> dict[str, float | None]:
    weights = model.openvino_path.with_suffix(".bin")
    return {
        "parameters": model.status().parameters,
        "size": weights.stat().st_size / 1e6 if weights.exists() else None,
    }
