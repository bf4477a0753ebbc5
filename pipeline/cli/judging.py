"""Commands about models: list them, judge them, use them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.report import Json, progress, show, show_one
from pipeline.data import store
from pipeline.data.exclusions import load_exclusions
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import evaluate as evaluate_model
from pipeline.evaluation.jobs import EvaluationJob
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, find_model, list_models
from pipeline.vision.photo import recognise_file
from pipeline.vision.recognizer import Recognizer


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
    as_json: Json = False,
) -> None:
    """Judge a model on a split and store its predictions."""
    judged, faces = find_model(model), store.load_dataset(dataset)
    exclusions = load_exclusions(dataset, exclude) if exclude else None
    job = EvaluationJob(model, dataset, faces.fingerprint, split, exclude)
    with progress(f"Evaluating {model}", job) as advance:
        metrics = evaluate_model(judged, faces, split, advance, exclusions)
    summary = metrics.summary()
    if as_json:
        return print(json.dumps(summary, indent=2))
    per_class = summary.pop("per_class")
    show_one(summary)
    show([{"emotion": k, **v} for k, v in per_class.items()], False, "")


def predict(
    model: Annotated[str, typer.Argument(help="A run's or a shipped model's name.")],
    paths: Annotated[list[Path], typer.Argument(help="Photos.")],
    cropped: Annotated[bool, typer.Option(help="Each picture is a face already.")] = False,
    as_json: Json = False,
) -> None:
    """Find the faces of photos and recognise them."""
    recognizer = Recognizer.load(find_model(model))
    faces, wrong = {}, []
    for path in paths:
        try:
            faces[str(path)] = _faces(path, recognizer, cropped)
        except UserError as error:
            wrong.append(str(error))
    if as_json:
        print(json.dumps([{"path": path, "faces": found} for path, found in faces.items()]))
    else:
        show([row for path, found in faces.items() for row in _rows(path, found)], False, "")
    if wrong:
        raise UserError("\n".join(wrong))


def _rows(path: str, faces: list[dict[str, Any]]) -> list[dict[str, Any]]:
    if not faces:
        return [{"path": path, "box": None, "emotion": "no face", "probability": None}]
    return [
        {
            "path": path,
            "box": face["box"],
            "emotion": face["emotion"],
            "probability": face["probabilities"][face["emotion"]],
        }
        for face in faces
    ]


def _faces(path: Path, recognizer: Recognizer, cropped: bool) -> list[dict[str, Any]]:
    return [
        {
            "box": list(face.box),
            "emotion": face.emotion,
            "probabilities": dict(zip(EMOTIONS, map(float, face.probabilities), strict=True)),
        }
        for face in recognise_file(path, recognizer, cropped)
    ]
