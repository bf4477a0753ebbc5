"""The command that compares models on the same faces."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from pipeline.cli.output import (
    Dataset,
    Exclude,
    Json,
    ModelNames,
    Split,
    interval_text,
    print_json,
    progress,
    show,
    visible,
)
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import ExclusionList, list_names, load_exclusions
from pipeline.data.store import load_dataset
from pipeline.evaluation.comparison import (
    PairedDifference,
    ensemble,
    paired_differences,
    seed_groups,
    seed_statistics,
)
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.metrics import METRIC_NAMES, Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.model_cost import ModelCost, model_cost, total_cost
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.evaluation.subset import (
    EvaluationSubset,
    apply_subset,
    find_evaluation,
    training_duplicates,
)
from pipeline.runs import Run, find_model, model_names


def compare(
    models: ModelNames,
    dataset: Dataset,
    split: Split,
    exclude: Exclude = None,
    without_train_duplicates: Annotated[
        bool,
        typer.Option(
            "--without-train-duplicates", help="Leave out faces with an exact duplicate in train."
        ),
    ] = False,
    without_twins: Annotated[bool, typer.Option("--without-twins", hidden=True)] = False,
    as_json: Json = False,
) -> None:
    """Compare models on the same faces, pairwise; missing evaluations are made first."""
    faces = load_dataset(dataset)
    without_duplicates = without_train_duplicates or without_twins  # the option's old name
    names = list_names(exclude or ())
    subset = EvaluationSubset(
        dataset, faces.fingerprint, split, ",".join(names), without_duplicates
    )
    exclusions = load_exclusions(dataset, *names) if names else None
    runs = [find_model(name) for name in dict.fromkeys(models)]
    predictions = _predictions(runs, faces, subset, exclusions)
    pairs = paired_differences(predictions)
    metrics = {each.model: compute_metrics(each) for each in predictions}
    costs = [model_cost(run) for run in runs]
    rows = [
        _row(metrics[each.model], each, cost) for each, cost in zip(predictions, costs, strict=True)
    ]
    seeds = _seeds(runs, metrics)
    mean = None
    if len(runs) > 1:
        averaged = ensemble(predictions)
        mean = _row(compute_metrics(averaged), averaged, total_cost(costs))
    if as_json:
        return print_json(
            {
                "dataset": subset.dataset,
                "fingerprint": subset.fingerprint,
                "split": subset.split,
                "exclude": subset.exclude,
                "without_twins": subset.without_duplicates,
                "n": len(predictions[0]),
                "models": rows,
                "pairs": [{**asdict(pair), "difference": pair.difference} for pair in pairs],
                "seeds": seeds,
                "ensemble": mean,
            }
        )
    titles = model_names()
    print(f"{len(predictions[0]):,} faces of {subset.description}")
    show([_table_row(row, titles) for row in [*rows, *([mean] if mean else [])]])
    if pairs:
        show([_pair_row(pair, titles) for pair in pairs])
    for group in seeds:
        accuracy, deviation = group["accuracy"]
        listed = visible(", ".join(titles[each] for each in group["models"]))
        print(
            f"{len(group['models'])} seeds of one configuration: accuracy {accuracy:.3f} ± "
            f"{deviation:.3f} ({listed})"
        )


def _predictions(
    runs: Sequence[Run],
    faces: FaceDataset,
    subset: EvaluationSubset,
    exclusions: ExclusionList | None,
) -> list[Predictions]:
    """Load the predictions of each model; evaluate the models that lack them."""
    duplicates = training_duplicates(faces) if subset.without_duplicates else None
    predictions = []
    for run in runs:
        folder = find_evaluation(run, subset, exclusions)
        if folder is None:
            with progress(f"Evaluating {run.name}") as set_progress:
                evaluate(run, faces, subset.split, set_progress)
            folder = run.new_evaluation_path(faces.fingerprint, subset.split)
        stored = load_predictions(run, folder)
        predictions.append(apply_subset(stored, subset, exclusions, duplicates))
    return predictions


def _row(metrics: Metrics, predictions: Predictions, cost: ModelCost) -> dict[str, Any]:
    values = {name: getattr(metrics, name) for name in METRIC_NAMES}
    interval = {"accuracy_interval": accuracy_interval(predictions)}
    return {"model": predictions.model, **values, **interval, **asdict(cost)}


def _seeds(runs: Sequence[Run], metrics: dict[str, Metrics]) -> list[dict[str, Any]]:
    groups = seed_groups({run.name: run.config() for run in runs})
    return [
        {"models": names, **seed_statistics([metrics[name] for name in names])} for names in groups
    ]


def _table_row(row: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "model": names.get(row["model"], row["model"]),
        "accuracy": f"{row['accuracy']:.3f} ({interval_text(row['accuracy_interval'])})",
        **{name: row[name] for name in ("macro_f1", "log_loss", "ece", "auc_macro")},
        **{name: row[name] for name in ("parameters", "size_mb", "ms")},
    }


def _pair_row(pair: PairedDifference, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "first": names[pair.first],
        "second": names[pair.second],
        "difference": f"{pair.difference:+.3f} ({interval_text(pair.interval, signed=True)})",
        "only first right": pair.only_first,
        "only second right": pair.only_second,
        "p (McNemar)": f"{pair.p_value:.2g}",
        "p (Holm)": f"{pair.adjusted_p:.2g}",
    }
