"""The command that evaluates a model."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.output import (
    Dataset,
    Exclude,
    Json,
    ModelName,
    Split,
    interval_text,
    output_file,
    progress,
    show,
    show_one,
)
from pipeline.data.exclusions import list_names, load_exclusions
from pipeline.data.store import load_dataset
from pipeline.evaluation.evaluate import evaluate as evaluate_model
from pipeline.evaluation.metrics import METRIC_NAMES, Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.evaluation.subset import EvaluationSubset
from pipeline.report.evaluation import Evaluation, with_and_without_duplicates
from pipeline.runs import find_model, model_names
from pipeline.storage import write_output


def evaluate(
    model: ModelName,
    dataset: Dataset,
    split: Split,
    exclude: Exclude = None,
    report: Annotated[
        Path | None, typer.Option(help="Write an HTML report, too.", callback=output_file)
    ] = None,
    as_json: Json = False,
) -> None:
    """Evaluate a model on a split and store its predictions."""
    run, faces = find_model(model), load_dataset(dataset)
    names = list_names(exclude or ())
    exclusions = load_exclusions(dataset, *names) if names else None
    with progress(f"Evaluating {model}") as set_progress:
        metrics = evaluate_model(run, faces, split, set_progress, exclusions)
    list_fingerprint = exclusions.fingerprint if exclusions else ""
    folder = run.new_evaluation_path(faces.fingerprint, split, list_fingerprint)
    predictions = load_predictions(run, folder)
    if report:
        from pipeline.report.html_report import report_html  # loads plotly

        subset = EvaluationSubset(dataset, faces.fingerprint, split, ",".join(names))
        write_output(report, report_html(Evaluation(run, subset, predictions, faces)))
    groups = with_and_without_duplicates(predictions, faces)
    columns = {name: _values(group) for name, group in groups.items()}
    if as_json:
        interval = columns["all faces"]["accuracy_interval"]
        without_duplicates = columns.get("without train duplicates")
        extra = {"accuracy_interval": interval, "without_twins": without_duplicates}
        return show_one({**metrics.summary(), **extra}, as_json)
    _show_metrics(metrics, columns, model_names()[run.name])


def _values(predictions: Predictions) -> dict[str, Any]:
    metrics = compute_metrics(predictions)
    values = {name: getattr(metrics, name) for name in ("n", *METRIC_NAMES)}
    return {**values, "accuracy_interval": accuracy_interval(predictions)}


def _show_metrics(metrics: Metrics, columns: dict[str, dict[str, Any]], name: str) -> None:
    evaluated = {"model": name, "dataset": metrics.dataset, "split": metrics.split}
    show_one({**evaluated, **({"without": metrics.exclude} if metrics.exclude else {})})
    rows = []
    for name in ("n", "accuracy", "accuracy_interval", *METRIC_NAMES[1:]):
        cells = {column: values[name] for column, values in columns.items()}
        if name == "accuracy_interval":
            cells = {column: interval_text(value) for column, value in cells.items()}
        rows.append({"metric": name.replace("_", " "), **cells})
    show(rows)
    show([{"emotion": emotion, **asdict(row)} for emotion, row in metrics.per_class.items()])
