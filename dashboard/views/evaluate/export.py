"""Export of an evaluation: HTML report, metrics as JSON, predictions as CSV."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import resources
from pipeline.labels import EMOTIONS
from pipeline.report.evaluation import Evaluation
from pipeline.report.html_report import report_html
from pipeline.storage import csv_text


def show_export(evaluation: Evaluation) -> None:
    """Offer report, metrics and predictions; each is made when its button is clicked."""
    subset = evaluation.subset
    name = f"{evaluation.model.name}-{subset.dataset}-{subset.split}"
    with st.popover("Export", icon=":material/download:"):
        for label, file, mime, make in (
            ("Report (HTML)", f"{name}.html", "text/html", _report_html),
            ("Metrics (JSON)", f"{name}.json", "application/json", metrics_json),
            ("Predictions (CSV)", f"{name}.csv", "text/csv", predictions_csv),
        ):
            st.download_button(
                label,
                partial(make, evaluation),
                file,
                mime,
                on_click="ignore",
                icon=":material/download:",
                width="stretch",
                key=f"evaluate.download.{file}",
            )


def _report_html(evaluation: Evaluation) -> str:
    # The report shows metrics with and without duplicates side by side.
    whole = replace(evaluation.subset, without_duplicates=False)
    return report_html(resources.evaluation(evaluation.model, whole))


def metrics_json(evaluation: Evaluation) -> str:
    """Return the metrics, and whether train duplicates are left out."""
    metrics = {**evaluation.metrics.summary(), "accuracy_interval": evaluation.interval}
    without_duplicates = evaluation.subset.without_duplicates
    return json.dumps({**metrics, "twins_left_out": without_duplicates}, indent=2)


def predictions_csv(evaluation: Evaluation) -> str:
    """Return a row for each face: id, label, prediction and the seven probabilities."""
    predictions, names = evaluation.predictions, np.array(EMOTIONS)
    table = pd.DataFrame(
        {
            "id": predictions.ids,
            "label": names[predictions.y_true],
            "predicted": names[predictions.predicted],
            **dict(zip(EMOTIONS, predictions.probabilities.T, strict=True)),
        }
    )
    return csv_text(table)
