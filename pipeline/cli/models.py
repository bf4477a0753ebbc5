"""Commands about models: list, describe, export, bundle and time them."""

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.output import (
    Json,
    ModelName,
    ModelNames,
    print_json,
    progress,
    show,
    show_one,
    visible,
)
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.model_cost import measure_speed
from pipeline.jobs import current_job
from pipeline.registry.add_model import add_model as registry_add_model
from pipeline.registry.ensemble import make_ensemble
from pipeline.registry.export_model import EXPORTS, can_export, export_model
from pipeline.registry.find_preprocessing import Search
from pipeline.registry.hub import push as registry_push
from pipeline.registry.model_zoo import bundle
from pipeline.registry.preprocessing import SCALES
from pipeline.report.hub_card import LICENSE, hub_card
from pipeline.report.model_card import model_card
from pipeline.report.model_list import model_documents
from pipeline.report.units import percent
from pipeline.runs import Run, RunTable, find_model, find_run, list_bundled, list_runs
from pipeline.storage import write_json, write_text
from pipeline.training.run_setup import dataset_of

_SHOWN_CANDIDATES = 8
_SAME_FORMAT = {"tflite": "litert", "saved_model": "savedmodel"}


def models(as_json: Json = False) -> None:
    """List the models by the data set that they learned from, the best of each first."""
    show(model_documents(RunTable().models()), as_json, "No model yet: train one.")


def add_model(
    file: Annotated[Path, typer.Argument(help="A model file, or the folder of a SavedModel.")],
    name: Annotated[str, typer.Option(help="Name of the new model.")],
    try_on: Annotated[
        str, typer.Option("--try", help="Data set to try it on; the largest one if not given.")
    ] = "",
    scale: Annotated[
        str, typer.Option(help=f"Scaling of the input, if you know it: {', '.join(SCALES)}.")
    ] = "",
    labels: Annotated[
        str,
        typer.Option(
            help="Order of the classes, if you know it: fer2013, alphabetical, ferplus, affectnet, "
            "rafdb, or their names with commas between them."
        ),
    ] = "",
    input_size: Annotated[
        int, typer.Option(help="Height and width of the input, if the file leaves them open.")
    ] = 0,
    as_json: Json = False,
) -> None:
    """Add a model file: Keras, SavedModel, TFLite, ONNX or OpenVINO.

    Its scaling and label order are found by trying the usual ones on labeled faces. What is in
    doubt is asked for.
    """
    found: list[Search] = []
    with progress(f"Adding {name}") as set_progress:
        try:
            run = registry_add_model(
                file,
                name,
                dataset=try_on,
                scale=scale,
                labels=labels,
                input_size=input_size,
                on_search=found.append,
                on_progress=set_progress,
            )
        except UserError:
            if found:
                _show_search(found[0])
                if job := current_job():  # the page asks
                    write_json(job.folder / "search.json", found[0].summary())
            raise
    if as_json:
        config = run.config().imported
        imported = config.model_dump() if config else {}
        search = found[0].summary() if found else None
        return print_json({"name": run.name, **imported, "search": search})
    if found:
        _show_search(found[0])
    print(f"Added {file.name} as '{run.name}'.")


def _show_search(search: Search) -> None:
    rows = [
        {
            "scaling and label order": str(each),
            f"{search.faces:,} faces": percent(each.accuracy),
            f"all {search.faces_all:,} of {search.split}": percent(each.accuracy_all)
            if each.accuracy_all is not None
            else "",
        }
        for each in search.candidates[:_SHOWN_CANDIDATES]
    ]
    print(f"Accuracy on {search.dataset}:")
    show(rows)
    best, other = search.best, search.next_best
    if best.accuracy_all is not None:
        rest = f"; next best {percent(other.accuracy_all or 0.0)}" if other else ""
        print(f"{best}: {percent(best.accuracy_all)}{rest}")


def ensemble(
    name: Annotated[str, typer.Argument(help="Name of the ensemble.")],
    models: ModelNames,
    weights: Annotated[
        str, typer.Option(help="A number for each model, such as 2,1; equal if not given.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Store the mean of some models' probabilities as a model, and evaluate it.

    It is evaluated on the model-selection split of its first model's data set, if that is here and
    no trained member was fitted on faces of it.
    """
    members = [find_model(each) for each in models]
    metrics, failure = None, ""
    with progress(f"Joining {name}") as set_progress:
        run = make_ensemble(name, members, _numbers(weights))
        try:
            dataset = dataset_of(run)
            metrics = evaluate(run, dataset, dataset.choosing_split(), set_progress)
        except UserError as error:
            failure = str(error)
    config = run.config().ensemble
    shares = dict(zip(config.models, config.weights, strict=True)) if config else {}
    accuracy = metrics.accuracy if metrics else None
    show_one({"name": run.name, "models": shares, "accuracy": accuracy}, as_json)
    if failure:
        print(visible(f"It is not evaluated: {failure}"), file=sys.stderr)


def _numbers(text: str) -> list[float]:
    try:
        return [float(each) for each in text.split(",") if each.strip()]
    except ValueError as error:
        raise UserError(f"The weights '{text}' are no numbers: write them as 2,1.") from error


def card(model: ModelName) -> None:
    """Print the model card of an evaluated model, in Markdown."""
    print(visible(model_card(find_model(model))))


def export(
    model: ModelName,
    to: Annotated[str, typer.Option("--format", help=", ".join(EXPORTS))] = "openvino",
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantize the OpenVINO model to int8.")
    ] = False,
    example: Annotated[
        bool, typer.Option("--example", help="Write a Python program beside it that runs it.")
    ] = False,
) -> None:
    """Export a model to a file that predicts as it does, within 0.001, and print its path.

    A .json beside it has the labels, the input and the outputs. A model that was added is an
    OpenVINO model and has no other format; an ensemble has them while its members are here.
    tensorboard exports the curves of a training.

    --int8 makes a quantized model, which the photo and the webcam of the Live page then use; the
    commands and video files use float32.
    It needs the data set that the model was trained on, or tried on when it was added.
    """
    to = _SAME_FORMAT.get(to, to)
    if to not in EXPORTS:
        raise UserError(f"Unknown format '{to}'. Choose from: {', '.join(EXPORTS)}.")
    if int8 and to != "openvino":
        raise UserError("--int8 quantizes the OpenVINO model: leave --format out.")
    if example and to == "tensorboard":
        raise UserError("--example runs a model, not training curves: leave it out.")
    source = _find_exportable(model, to)
    with progress(f"Exporting {model}"):
        path = export_model(source, to, int8=int8, example=example)
    print(path)


def _find_exportable(name: str, to: str) -> Run:
    """Return a bundled model or a run, also one whose model has not been exported yet.

    Raises:
        UserError: there is none of this name.
    """
    models = {run.name: run for run in list_bundled() + list_runs()}
    if name not in models or not any(can_export(models[name], each) for each in (to, "openvino")):
        names = ", ".join(each for each, run in models.items() if can_export(run, to))
        raise UserError(f"Unknown model '{name}'. Choose from: {names}.")
    return models[name]


def push(
    model: ModelName,
    repository: Annotated[str, typer.Argument(help="OWNER/NAME on the Hugging Face Hub.")],
    license: Annotated[
        str, typer.Option(help="License of the weights, such as mit, as the Hub names it.")
    ] = LICENSE,
    private: Annotated[
        bool, typer.Option("--private", help="Make a new repository private.")
    ] = False,
) -> None:
    """Upload an evaluated model with its card to the Hugging Face Hub, and print its address.

    It needs a token with write access, in HF_TOKEN or from `hf auth login`.
    """
    source = find_model(model)
    with progress(f"Pushing {model}"):
        card = hub_card(source, repository, license)
        address = registry_push(source, repository, card, private=private)
    print(address)


def ship(
    run: Annotated[str, typer.Argument(help="A finished run.")],
    name: Annotated[str, typer.Option(help="Name of the bundled model.")],
) -> None:
    """Copy a run into models/zoo, with its evaluation on the model-selection split and its card."""
    source = find_run(run)
    dataset = dataset_of(source)
    split = dataset.choosing_split()
    bundled = bundle(source, name)
    evaluate(bundled, dataset, split)
    evaluation = bundled.new_evaluation_path(dataset.fingerprint, split)
    shutil.move(evaluation, bundled.path / "evaluation" / evaluation.name)
    if bundled.calibration_path.is_file():
        shutil.move(bundled.calibration_path, bundled.path)
    write_text(bundled.path / "README.md", f"{model_card(bundled)}\n")
    print(f"Bundled {run} as '{name}'.")


def speed(models: ModelNames, as_json: Json = False) -> None:
    """Measure and store the time per face of each model, on at most two threads."""
    runs = [find_model(name) for name in dict.fromkeys(models)]
    measured = []
    with progress("Measuring") as set_progress:
        for count, run in enumerate(runs, start=1):
            measured.append({"model": run.name, **measure_speed(run).model_dump()})
            set_progress(count / len(runs))
    show(measured, as_json)
