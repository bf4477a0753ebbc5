"""An evaluation as one self-contained page, for those without the dashboard. No streamlit here."""

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from string import Template

import cv2
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from dashboard.charts.calibration import reliability_diagram
from dashboard.charts.confusion import confusion_matrix
from dashboard.charts.history import learning_curves
from dashboard.charts.pairs import confused_pairs_chart
from dashboard.charts.roc import precision_recall_by_emotion, roc_by_emotion
from dashboard.charts.slices import accuracy_by_slice
from dashboard.components.faces import data_uri
from pipeline.data.audit import kept_audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.statistics import statistics
from pipeline.errors import UserError
from pipeline.evaluation.calibration import cross_fitted, reliability
from pipeline.evaluation.metrics import Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.roc import precision_recall_curves, roc_curves
from pipeline.evaluation.slices import slices
from pipeline.evaluation.target import training_twins
from pipeline.labels import EMOTIONS
from pipeline.runs import Run

_TEMPLATE = Path(__file__).with_name("report.html")
_FACES = 36
_SIDE_PX = 144


def report_html(model: Run, predictions: Predictions, dataset: FaceDataset | None) -> str:
    """Return one HTML page with the figures and charts of an evaluation; it fetches nothing.

    Args:
        model: the model that was judged.
        predictions: what it said, of one face and more.
        dataset: their data set, for slices, twins and pictures; None where it is not at hand.
    """
    title = f"{model.title} on {predictions.dataset}, {predictions.split}"
    body = "\n".join(_body(title, model, predictions, dataset))
    return Template(_TEMPLATE.read_text()).substitute(
        title=escape(title), plotly=get_plotlyjs(), body=body
    )


def _body(
    title: str, model: Run, predictions: Predictions, dataset: FaceDataset | None
) -> Iterator[str]:
    metrics = compute_metrics(predictions)
    yield f"<h1>{escape(title)}</h1>"
    left_out = f", without the list {predictions.exclusion}" if predictions.exclusion else ""
    yield _quiet(
        f"{len(predictions):,} faces{left_out} · fingerprint {predictions.fingerprint[:12]} · "
        f"model {model.name}"
    )
    columns = {"all faces": predictions}
    if dataset is not None:
        unseen = predictions.without(training_twins(dataset))
        if 0 < len(unseen) < len(predictions):
            columns["without twins of training faces"] = unseen
    yield _table(_figures(columns))
    yield "<h2>By emotion</h2>" + _table(_report(metrics))
    for heading, figure in _charts(model, predictions, metrics, dataset).items():
        yield f"<h2>{escape(heading)}</h2>" + _chart(figure)
    if dataset is not None:
        yield from _mistakes(predictions, dataset)


def _figures(columns: Mapping[str, Predictions]) -> pd.DataFrame:
    def words(predictions: Predictions) -> dict[str, str]:
        metrics, (low, high) = compute_metrics(predictions), accuracy_interval(predictions)
        return {
            "faces": f"{metrics.n:,}",
            "accuracy": f"{metrics.accuracy:.1%} ({low:.1%} – {high:.1%})",
            "balanced accuracy": f"{metrics.balanced_accuracy:.1%}",
            "macro F1": f"{metrics.macro_f1:.3f}",
            "weighted F1": f"{metrics.weighted_f1:.3f}",
            "top-2 accuracy": f"{metrics.top2_accuracy:.1%}",
            "log loss": f"{metrics.log_loss:.3f}",
            "expected calibration error": f"{metrics.ece:.1%}",
            "ROC AUC, macro": _three(metrics.auc_macro),
            "ROC AUC, micro": _three(metrics.auc_micro),
        }

    return pd.DataFrame({name: words(each) for name, each in columns.items()})


def _three(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:.3f}"


def _report(metrics: Metrics) -> pd.DataFrame:
    rows = {
        emotion: {
            "precision": f"{figures.precision:.1%}",
            "recall": f"{figures.recall:.1%}",
            "F1": f"{figures.f1:.3f}",
            "faces": f"{figures.support:,}",
        }
        for emotion, figures in metrics.per_class.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def _charts(
    model: Run, predictions: Predictions, metrics: Metrics, dataset: FaceDataset | None
) -> dict[str, go.Figure]:
    measured = {"as predicted": reliability(predictions)}
    scaled = cross_fitted(predictions)
    if scaled is not None:
        measured["temperature scaled, cross-fitted"] = reliability(scaled)
    charts = {
        "Confusion matrix": confusion_matrix(metrics.confusion),
        "Most confused pairs": confused_pairs_chart(metrics.confusion),
        "ROC curves, one emotion against the rest": roc_by_emotion(roc_curves(predictions)),
        "Precision and recall": precision_recall_by_emotion(precision_recall_curves(predictions)),
        "Reliability": reliability_diagram(measured),
    }
    if dataset is not None:
        parts = slices(predictions, dataset, statistics(dataset), kept_audit(dataset))
        charts["Accuracy by slice"] = accuracy_by_slice(parts, metrics.accuracy)
    history = model.history()
    if not history.empty:
        charts["Learning curves"] = learning_curves(history, _monitor(model))
    return charts


def _monitor(model: Run) -> str:
    try:
        return model.config().train.monitor
    except UserError:
        return ""


def _mistakes(predictions: Predictions, dataset: FaceDataset) -> Iterator[str]:
    wrong = np.flatnonzero(~predictions.right)
    worst = wrong[np.argsort(-predictions.confidence[wrong], kind="stable")][:_FACES]
    rows = pd.Index(dataset.ids).get_indexer(pd.Index(predictions.ids[worst]))
    yield f"<h2>Mistakes, most confident first · {len(wrong):,}</h2>"
    yield '<div class="faces">'
    for face, row in zip(worst, rows, strict=True):
        if row >= 0:
            label, said = predictions.y_true[face], predictions.predicted[face]
            words = (
                f"{EMOTIONS[said]} {predictions.confidence[face]:.0%}, labelled {EMOTIONS[label]}"
            )
            large = cv2.resize(
                dataset.images[row], (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_CUBIC
            )
            yield f'<figure><img src="{data_uri(large)}" alt="{words}">{words}</figure>'
    yield "</div>"


def _quiet(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>'


def _table(table: pd.DataFrame) -> str:
    head = "".join(f"<th>{escape(str(name))}</th>" for name in ("", *table.columns))
    rows = (
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in (name, *row)) + "</tr>"
        for name, *row in table.itertuples()
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def _chart(figure: go.Figure) -> str:
    config = {"displaylogo": False, "responsive": True}
    return str(figure.to_html(full_html=False, include_plotlyjs=False, config=config))
