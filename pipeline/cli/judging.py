"""Commands about models: list them, judge them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.report import Json, progress, show, show_one
from pipeline.data import store
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import load_exclusions
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import evaluate as evaluate_model
from pipeline.evaluation.jobs import EvaluationJob
from pipeline.evaluation.metrics import FIGURES, Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.evaluation.target import training_twins
from pipeline.runs import Run, find_model, list_models
from pipeline.workspace import write_text


def models(as_json: Json = False) -> None:
    """List what can recognise: shipped models, then exported runs."""
    show([_describe(run) for run in list_models()], as_json, "No model yet: train one.")


def _describe(run: Run) -> dict[str, Any]:
    try:
        config = run.config().train
    except UserError:
        config = None
    return {
        "name": run.name,
        "shipped": run.shipped,
        "architecture": config.architecture if config else "damaged",
        "dataset": config.dataset if config else None,
        "parameters": run.status().parameters,
        "size_mb": round(run.openvino_path.with_suffix(".bin").stat().st_size / 1e6, 1),
    }


def evaluate(
    model: Annotated[str, typer.Argument(help="A run's or a shipped model's name.")],
    dataset: Annotated[str, typer.Option(help="Data set's name.")],
    split: Annotated[str, typer.Option(help="Split to judge on.")],
    exclude: Annotated[str, typer.Option(help="Exclusion list of faces to leave out.")] = "",
    report: Annotated[
        Path | None, typer.Option(help="Write the figures as one HTML page, too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge a model on a split and store its predictions."""
    judged, faces = find_model(model), store.load_dataset(dataset)
    exclusions = load_exclusions(dataset, exclude) if exclude else None
    job = EvaluationJob(model, dataset, faces.fingerprint, split, exclude)
    with progress(f"Evaluating {model}", job) as advance:
        metrics = evaluate_model(judged, faces, split, advance, exclusions)
    left_out = exclusions.fingerprint if exclusions else ""
    folder = judged.new_evaluation_path(faces.fingerprint, split, left_out)
    predictions = load_predictions(judged, folder)
    unseen = _without_twins(predictions, faces)
    if report:
        _write_report(report, judged, predictions, faces)
    if as_json:
        figures = {"accuracy_interval": accuracy_interval(predictions), "without_twins": unseen}
        return print(json.dumps({**metrics.summary(), **figures}, indent=2))
    _show_figures(metrics, accuracy_interval(predictions), unseen)


def _without_twins(predictions: Predictions, dataset: FaceDataset) -> dict[str, Any] | None:
    """Return the figures without faces that training showed; None if there are no such faces."""
    left = predictions.without(training_twins(dataset))
    if len(left) in (0, len(predictions)):
        return None
    metrics = compute_metrics(left).summary()
    figures = {name: metrics[name] for name in ("n", *FIGURES)}
    return {**figures, "accuracy_interval": accuracy_interval(left)}


def _write_report(file: Path, model: Run, predictions: Predictions, dataset: FaceDataset) -> None:
    from dashboard.report import report_html  # its charts load plotly, for those who ask only

    try:
        write_text(file, report_html(model, predictions, dataset))
    except OSError as error:
        raise UserError(
            f"The report cannot be written to {file} ({error.strerror or error}): "
            "choose another file."
        ) from error


def _show_figures(
    metrics: Metrics, interval: tuple[float, float], unseen: dict[str, Any] | None
) -> None:
    what = {"model": metrics.model, "dataset": metrics.dataset, "split": metrics.split}
    show_one({**what, **({"without": metrics.exclude} if metrics.exclude else {})})
    summary = metrics.summary()
    columns = {"all faces": {**summary, "accuracy_interval": interval}}
    if unseen:
        columns["without twins of training faces"] = unseen
    rows = []
    for name in ("n", "accuracy", "accuracy_interval", *FIGURES[1:]):
        cells = {column: figures[name] for column, figures in columns.items()}
        if name == "accuracy_interval":
            cells = {column: f"{low:.3f} – {high:.3f}" for column, (low, high) in cells.items()}
        rows.append({"figure": name.replace("_", " "), **cells})
    show(rows, False, "")
    show([{"emotion": k, **v} for k, v in summary["per_class"].items()], False, "")
