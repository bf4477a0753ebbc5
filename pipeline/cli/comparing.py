"""Commands about several models: compare them on the same faces, measure their speed."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from pipeline.cli.report import Json, progress, show
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import ExclusionList, load_exclusions
from pipeline.data.store import load_dataset
from pipeline.evaluation.comparison import (
    PairedDifference,
    ensemble,
    paired_differences,
)
from pipeline.evaluation.cost import cost_of, measure_speed, together
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.jobs import EvaluationJob, SpeedJob
from pipeline.evaluation.metrics import FIGURES, Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.evaluation.seeds import over_seeds, seed_groups
from pipeline.evaluation.target import Target, narrowed, stored_folder, training_twins
from pipeline.runs import Run, find_model

Models = Annotated[list[str], typer.Argument(help="Runs' or shipped models' names.")]


def compare(
    models: Models,
    dataset: Annotated[str, typer.Option(help="Data set's name.")],
    split: Annotated[str, typer.Option(help="Split to judge on.")],
    exclude: Annotated[str, typer.Option(help="Exclusion list of faces to leave out.")] = "",
    without_twins: Annotated[
        bool, typer.Option("--without-twins", help="Leave out faces that are in train, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compare models on the same faces, two by two; missing predictions are made first."""
    faces = load_dataset(dataset)
    target = Target(dataset, faces.fingerprint, split, exclude, without_twins)
    exclusions = load_exclusions(dataset, exclude) if exclude else None
    runs = [find_model(name) for name in dict.fromkeys(models)]
    judged = _judged(runs, faces, target, exclusions)
    pairs = paired_differences(judged)
    metrics = {each.model: compute_metrics(each) for each in judged}
    rows = [_row(run, metrics[run.name], each) for run, each in zip(runs, judged, strict=True)]
    seeds = _seeds(runs, metrics)
    mean = _ensemble(runs, judged) if len(runs) > 1 else None
    if as_json:
        return print(
            json.dumps(
                {
                    **asdict(target),
                    "n": len(judged[0]),
                    "models": rows,
                    "pairs": [{**asdict(p), "difference": p.difference} for p in pairs],
                    "seeds": seeds,
                    "ensemble": mean,
                },
                indent=2,
            )
        )
    print(f"{len(judged[0]):,} faces of {target.words}")
    show([_shown(row) for row in [*rows, *([mean] if mean else [])]], False, "")
    if pairs:
        show([_shown_pair(pair) for pair in pairs], False, "")
    for group in seeds:
        mean_accuracy, deviation = group["accuracy"]
        print(
            f"{len(group['models'])} seeds of one configuration: accuracy {mean_accuracy:.3f} ± "
            f"{deviation:.3f} ({', '.join(group['models'])})"
        )


def _judged(
    runs: Sequence[Run], faces: FaceDataset, target: Target, exclusions: ExclusionList | None
) -> list[Predictions]:
    twins = training_twins(faces) if target.without_twins else None
    found = []
    for run in runs:
        folder = stored_folder(run, target, exclusions)
        if folder is None:
            job = EvaluationJob(run.name, target.dataset, faces.fingerprint, target.split)
            with progress(f"Evaluating {run.name}", job) as advance:
                evaluate(run, faces, target.split, advance)
            folder = run.new_evaluation_path(faces.fingerprint, target.split)
        found.append(narrowed(load_predictions(run, folder), target, exclusions, twins))
    return found


def _row(run: Run, metrics: Metrics, predictions: Predictions) -> dict[str, Any]:
    figures = {name: getattr(metrics, name) for name in FIGURES}
    interval = {"accuracy_interval": accuracy_interval(predictions)}
    return {"model": run.name, **figures, **interval, **asdict(cost_of(run))}


def _ensemble(runs: Sequence[Run], judged: Sequence[Predictions]) -> dict[str, Any]:
    mean = ensemble(judged)
    metrics = compute_metrics(mean)
    figures = {name: getattr(metrics, name) for name in FIGURES}
    cost = asdict(together([cost_of(run) for run in runs]))
    return {"model": mean.model, **figures, "accuracy_interval": accuracy_interval(mean), **cost}


def _seeds(runs: Sequence[Run], metrics: dict[str, Metrics]) -> list[dict[str, Any]]:
    groups = seed_groups({run.name: run.config() for run in runs})
    return [{"models": names, **over_seeds([metrics[name] for name in names])} for names in groups]


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    low, high = row["accuracy_interval"]
    return {
        "model": row["model"],
        "accuracy": f"{row['accuracy']:.3f} ({low:.3f} – {high:.3f})",
        **{name: row[name] for name in ("macro_f1", "log_loss", "ece", "auc_macro")},
        **{name: row[name] for name in ("parameters", "size_mb", "ms")},
    }


def _shown_pair(pair: PairedDifference) -> dict[str, Any]:
    low, high = pair.interval
    return {
        "first": pair.first,
        "second": pair.second,
        "difference": f"{pair.difference:+.3f} ({low:+.3f} – {high:+.3f})",
        "only first right": pair.only_first,
        "only second right": pair.only_second,
        "p (McNemar)": f"{pair.p_value:.2g}",
        "p (Holm)": f"{pair.adjusted_p:.2g}",
    }


def speed(models: Models, as_json: Json = False) -> None:
    """Measure how long one face takes each model, on at most two threads, and store it."""
    runs = [find_model(name) for name in dict.fromkeys(models)]
    measured = []
    with progress("Measuring", SpeedJob(tuple(models))) as advance:
        for number, run in enumerate(runs, start=1):
            measured.append({"model": run.name, **measure_speed(run).model_dump()})
            advance(number / len(runs))
    show(measured, as_json, "")
