"""An evaluation as one self-contained HTML page, readable without the dashboard."""

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from string import Template

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from plotly.offline import get_plotlyjs

from pipeline.data.dataset import FaceDataset, faces_name
from pipeline.evaluation.metrics import Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions
from pipeline.labels import EMOTIONS
from pipeline.report.evaluation import Evaluation, with_and_without_duplicates
from pipeline.report.evaluation_charts import EVALUATION_CHARTS
from pipeline.report.face_images import data_uri
from pipeline.report.units import accuracy_with_interval, percent, score
from pipeline.runs import model_names

_TEMPLATE = Path(__file__).with_name("report.html")
_MAX_FACES = 36
_FACE_PX = 144


def report_html(evaluation: Evaluation) -> str:
    """Return an HTML page with the metrics, charts and worst mistakes of an evaluation.

    It loads nothing from the network. Without the data set it lacks slices and faces.
    """
    predictions = evaluation.predictions
    name = model_names().get(evaluation.model.name, evaluation.model.name)
    title = f"{name} on {faces_name(predictions.dataset, predictions.split)}"
    return Template(_TEMPLATE.read_text()).substitute(
        title=escape(title), plotly=get_plotlyjs(), body="\n".join(_body(title, evaluation))
    )


def _body(title: str, evaluation: Evaluation) -> Iterator[str]:
    predictions, dataset = evaluation.predictions, evaluation.dataset
    exclusion = f", without the list {predictions.exclusion}" if predictions.exclusion else ""
    facts = (
        f"{len(predictions):,} faces{exclusion} · fingerprint {predictions.fingerprint[:12]} · "
        f"model {evaluation.model.name}"
    )
    yield f"<h1>{escape(title)}</h1>"
    yield f'<p class="quiet">{escape(facts)}</p>'
    yield _table(_metrics_table(with_and_without_duplicates(predictions, dataset)))
    yield "<h2>By emotion</h2>" + _table(_class_table(evaluation.metrics))
    config = {"displaylogo": False, "responsive": True}
    for name, chart in EVALUATION_CHARTS.items():
        figure = chart.draw(evaluation)
        if figure is not None:
            html = figure.to_html(full_html=False, include_plotlyjs=False, config=config)
            yield f"<h2>{escape(name)}</h2>{html}"
    if dataset is not None:
        yield from _mistakes(predictions, evaluation.rows, dataset)


def _metrics_table(columns: Mapping[str, Predictions]) -> pd.DataFrame:
    def texts(predictions: Predictions) -> dict[str, str]:
        metrics = compute_metrics(predictions)
        return {
            "faces": f"{metrics.n:,}",
            "accuracy": accuracy_with_interval(metrics.accuracy, accuracy_interval(predictions)),
            "balanced accuracy": percent(metrics.balanced_accuracy),
            "macro F1": score(metrics.macro_f1),
            "weighted F1": score(metrics.weighted_f1),
            "top-2 accuracy": percent(metrics.top2_accuracy),
            "log loss": score(metrics.log_loss),
            "expected calibration error": percent(metrics.ece),
            "ROC AUC, macro": score(metrics.auc_macro),
            "ROC AUC, micro": score(metrics.auc_micro),
        }

    return pd.DataFrame({name: texts(each) for name, each in columns.items()})


def _class_table(metrics: Metrics) -> pd.DataFrame:
    rows = {
        emotion: {
            "precision": percent(each.precision),
            "recall": percent(each.recall),
            "F1": score(each.f1),
            "faces": f"{each.support:,}",
        }
        for emotion, each in metrics.per_class.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _mistakes(
    predictions: Predictions, rows: NDArray[np.intp], dataset: FaceDataset
) -> Iterator[str]:
    wrong = np.flatnonzero(~predictions.correct)
    worst = wrong[np.argsort(-predictions.confidence[wrong], kind="stable")][:_MAX_FACES]
    yield f"<h2>Mistakes, most confident first · {len(wrong):,}</h2>"
    yield '<div class="faces">'
    for face in worst[rows[worst] >= 0]:
        label, predicted = predictions.y_true[face], predictions.predicted[face]
        confidence = predictions.confidence[face]
        caption = f"{EMOTIONS[predicted]} {confidence:.0%}, labeled {EMOTIONS[label]}"
        large = cv2.resize(
            dataset.images[rows[face]], (_FACE_PX, _FACE_PX), interpolation=cv2.INTER_CUBIC
        )
        yield f'<figure><img src="{data_uri(large)}" alt="{caption}">{caption}</figure>'
    yield "</div>"


def _table(table: pd.DataFrame) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in ("", *table.columns))
    rows = (
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in (name, *row)) + "</tr>"
        for name, *row in table.itertuples()
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>'
