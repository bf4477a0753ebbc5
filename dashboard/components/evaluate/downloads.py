"""An evaluation to take along: figures, predictions, and a page for those without the dashboard."""

import json
from functools import partial

import pandas as pd
import streamlit as st

from dashboard.components.evaluate.judged import Judged
from dashboard.report import report_html
from pipeline.evaluation.predictions import Predictions
from pipeline.labels import EMOTIONS


def show_downloads(judged: Judged) -> None:
    """Offer the report, the figures and the predictions; each is made when it is asked for."""
    name = f"{judged.model.name}-{judged.target.dataset}-{judged.target.split}"
    with st.popover("Download", icon=":material/download:"):
        for label, file, mime, make in (
            ("Report, HTML", f"{name}.html", "text/html", _report),
            ("Figures, JSON", f"{name}.json", "application/json", _figures),
            ("Predictions, CSV", f"{name}.csv", "text/csv", _predictions),
        ):
            st.download_button(
                label, partial(make, judged), file, mime, on_click="ignore",
                icon=":material/download:", width="stretch", key=f"evaluate.download.{file}",
            )  # fmt: skip


def _report(judged: Judged) -> str:
    return report_html(judged.model, judged.predictions, judged.dataset)


def _figures(judged: Judged) -> str:
    figures = {**judged.metrics.summary(), "accuracy_interval": judged.interval}
    return json.dumps({**figures, "without_twins": judged.target.without_twins}, indent=2)


def _predictions(judged: Judged) -> str:
    return predictions_table(judged.predictions).to_csv(index=False)


def predictions_table(predictions: Predictions) -> pd.DataFrame:
    """Return a row for each face: id, label, prediction and the seven probabilities."""
    names = pd.Series(EMOTIONS)
    return pd.DataFrame(
        {
            "id": predictions.ids,
            "label": names.to_numpy()[predictions.y_true],
            "predicted": names.to_numpy()[predictions.predicted],
            **dict(zip(EMOTIONS, predictions.probabilities.T, strict=True)),
        }
    )
