"""An evaluation to take along: figures, predictions, and a page for those without the dashboard."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import resources
from dashboard.components.evaluate.judged import Judged
from dashboard.report import report_html
from pipeline.labels import EMOTIONS


def show_downloads(judged: Judged) -> None:
    """Offer the report, the figures and the predictions; each is made when it is asked for."""
    name = f"{judged.model.name}-{judged.target.dataset}-{judged.target.split}"
    with st.popover("Download", icon=":material/download:"):
        for label, file, mime, make in (
            ("Report, HTML", f"{name}.html", "text/html", _report_html),
            ("Figures, JSON", f"{name}.json", "application/json", figures_json),
            ("Predictions, CSV", f"{name}.csv", "text/csv", predictions_csv),
        ):
            st.download_button(
                label, partial(make, judged), file, mime, on_click="ignore",
                icon=":material/download:", width="stretch", key=f"evaluate.download.{file}",
            )  # fmt: skip


def _report_html(judged: Judged) -> str:
    whole = replace(judged.target, without_twins=False)  # the report has both side by side
    return report_html(judged.model, resources.judged(judged.model, whole), judged.dataset)


def figures_json(judged: Judged) -> str:
    """Return the figures of the faces shown, and whether twins of training faces are left out."""
    figures = {**judged.metrics.summary(), "accuracy_interval": judged.interval}
    return json.dumps({**figures, "twins_left_out": judged.target.without_twins}, indent=2)


def predictions_csv(judged: Judged) -> str:
    """Return a row for each face: id, label, prediction and the seven probabilities."""
    predictions, names = judged.predictions, np.array(EMOTIONS)
    table = pd.DataFrame(
        {
            "id": predictions.ids,
            "label": names[predictions.y_true],
            "predicted": names[predictions.predicted],
            **dict(zip(EMOTIONS, predictions.probabilities.T, strict=True)),
        }
    )
    return table.to_csv(index=False)
