"""The command line; the only place that chains train, export and evaluate."""

import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn
from rich.table import Table

from pipeline.data import store
from pipeline.data.importing import import_dataset
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import evaluate as evaluate_model
from pipeline.export import export_openvino
from pipeline.export import ship as ship_run
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, create_run, find_model, find_run, list_models, list_runs
from pipeline.training import queue
from pipeline.training.options import FIELDS, build_config
from pipeline.vision.photo import recognise_file
from pipeline.vision.recognizer import Recognizer

app = typer.Typer(
    name="emotion",
    help="Explore FER-2013, train emotion classifiers, judge them, and run them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Model = Annotated[str, typer.Argument(help="A run's or a shipped model's name.")]
Dataset = Annotated[str, typer.Option(help="Data set's name.")]


def main() -> None:
    """Run a command; a user's mistake becomes one sentence on standard error and exit code 1."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        app()
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(help="A .csv, .tar.gz, .zip or folder, or 'sample'.")],
    name: Annotated[str, typer.Option(help="Name of the new data set.")],
    ferplus: Annotated[Path | None, typer.Option(help="FER+ votes to join by row.")] = None,
    skip_unknown: Annotated[bool, typer.Option(help="Pass over unknown class folders.")] = False,
    split: Annotated[
        str, typer.Option(help="Split of pictures that lie below none.")
    ] = "train",
) -> None:
    """Import a data set."""
    with _progress(f"Importing {name}") as advance:
        info = import_dataset(
            Path(source),
            name,
            ferplus=ferplus,
            skip_unknown=skip_unknown,
            split=split,
            on_progress=advance,
        )
    skipped = f", {info.skipped:,} pictures passed over" if info.skipped else ""
    print(f"Imported {info.faces:,} faces as '{name}'{skipped}.")


@app.command()
def datasets(as_json: Json = False) -> None:
    """List the data sets."""
    infos = [store.dataset_info(name) for name in store.dataset_names()]
    rows = [
        {
            "name": info.name,
            "faces": info.faces,
            "splits": {split: sum(counts.values()) for split, counts in info.counts.items()},
            "ferplus": info.ferplus,
            "fingerprint": info.fingerprint[:12],
            "created": info.created.isoformat(timespec="seconds"),
        }
        for info in infos
    ]
    _show(rows, as_json, "No data set yet: import one, for example 'sample'.")


@app.command()
def runs(as_json: Json = False) -> None:
    """List the training runs, newest first."""
    _show([_describe_run(run) for run in list_runs()], as_json, "No run yet: train one.")


def _describe_run(run: Run) -> dict[str, Any]:
    status, config = run.status(), run.config().train
    best = run.history().get("val_accuracy")
    return {
        "name": run.name,
        "state": run.state(),
        "dataset": config.dataset,
        "architecture": config.architecture,
        "epoch": status.epoch,
        "epochs": status.epochs,
        "best_val_accuracy": None if best is None or best.empty else float(best.max()),
        "message": status.message,
    }


@app.command()
def models(as_json: Json = False) -> None:
    """List what can recognise: shipped models, then exported runs."""
    rows = [
        {
            "name": run.name,
            "shipped": run.shipped,
            "architecture": run.config().train.architecture,
            "dataset": run.config().train.dataset,
            "parameters": run.status().parameters,
            "size_mb": round(run.openvino_path.with_suffix(".bin").stat().st_size / 1e6, 1),
        }
        for run in list_models()
    ]
    _show(rows, as_json, "No model yet: train one.")


@app.command()
def remove(name: Annotated[str, typer.Argument(help="A data set or a run.")]) -> None:
    """Remove a data set or a run for good."""
    if name in store.dataset_names():
        store.remove_dataset(name)
    else:
        find_run(name).remove()
    print(f"Removed '{name}'.")


def train(
    config: Path | None,
    queued: bool,
    finish: str | None,
    no_finish: bool,
    run: str | None,
    **fields: str | None,
) -> None:
    """Train a model in the foreground, then export and evaluate it.

    Every field of the configuration is an option, and goes before the same field of --config.
    """
    if finish:
        return _finish(find_run(finish))
    if run:
        this = find_run(run)
    else:
        chosen = build_config(
            _read_json(config) if config else {}, {k: v for k, v in fields.items() if v is not None}
        )
        if queued:
            return print(queue.submit(chosen).name)
        this = create_run(chosen, store.dataset_info(chosen.dataset).fingerprint)
    _fit(this)
    if no_finish:
        this.update_status(state="finished", eta_s=None, message="")
        print(f"Trained {this.name}; finish it with --finish {this.name}.")
    else:
        _finish(this)


def _fit(run: Run) -> None:
    from pipeline.training.trainer import TrainingStopped, train

    config = run.config().train
    try:
        with _progress(f"Training {run.name}") as advance:
            train(config, store.load_dataset(config.dataset), run, advance)
    except TrainingStopped:
        raise UserError(f"Stopped {run.name}.") from None


def _finish(run: Run) -> None:
    config = run.config().train
    run.claim()
    try:
        run.update_status(message="Exporting to OpenVINO")
        export_openvino(run)
        run.update_status(message="Evaluating")
        dataset = store.load_dataset(config.dataset)
        metrics = evaluate_model(run, dataset, dataset.choosing_split())
    except UserError as error:
        run.update_status(state="failed", eta_s=None, message=str(error))
        raise
    run.update_status(state="finished", eta_s=None, message="")
    print(f"Finished {run.name}: accuracy {metrics.accuracy:.1%} on {metrics.split}.")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is no readable JSON file ({error}).") from error
    return dict(content.get("train", content))  # a run's config.json serves too


def _train_command() -> Callable[..., None]:
    """Give `train` the signature that typer makes the options from."""

    def option(kind: Any, default: Any, *words: str, **more: Any) -> inspect.Parameter:
        name = more.pop("name")
        annotated = Annotated[kind, typer.Option(*words, **more)]
        return inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotated
        )

    parameters = [
        option(Path | None, None, name="config", help="JSON file of fields, or a run's config."),
        option(bool, False, "--queue", name="queued", help="Hand it to the queue."),
        option(str | None, None, name="finish", help="Export and evaluate this trained run."),
        option(bool, False, "--no-finish", name="no_finish", help="Only train."),
        option(str | None, None, name="run", hidden=True),
    ]
    for name, field in FIELDS.items():
        default = "" if field.is_required() else f" [default: {field.default}]"
        parameters.append(option(str | None, None, name=name, help=f"{field.description}{default}"))

    def command(**values: Any) -> None:
        train(**values)

    command.__doc__ = train.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


app.command("train")(_train_command())


@app.command()
def stop(run: Annotated[str, typer.Argument(help="A queued or running run.")]) -> None:
    """Stop a run now."""
    queue.stop(find_run(run))
    print(f"Stopping '{run}'.")


@app.command()
def work() -> None:
    """Train the queued runs, one after the other, until there are none."""
    queue.work()


@app.command()
def export(
    model: Model,
    to: Annotated[str, typer.Option("--format", help="openvino")] = "openvino",
) -> None:
    """Export a run's model again."""
    if to != "openvino":
        raise UserError(f"Unknown format '{to}'. Choose from: openvino.")
    print(export_openvino(find_run(model)))


@app.command()
def ship(
    run: Annotated[str, typer.Argument(help="A finished run.")],
    name: Annotated[str, typer.Option(help="The shipped model's name.")],
) -> None:
    """Put a run into models/zoo and evaluate it there."""
    source = find_run(run)
    shipped = ship_run(source, name)
    dataset = store.load_dataset(source.config().train.dataset)
    evaluate_model(shipped, dataset, dataset.choosing_split())
    print(f"Shipped {run} as '{name}'.")


@app.command()
def evaluate(
    model: Model,
    dataset: Dataset,
    split: Annotated[str, typer.Option(help="Split to judge on.")],
    as_json: Json = False,
) -> None:
    """Judge a model on a split and store its predictions."""
    with _progress(f"Evaluating {model}") as advance:
        metrics = evaluate_model(find_model(model), store.load_dataset(dataset), split, advance)
    summary = metrics.summary()
    if as_json:
        return print(json.dumps(summary, indent=2))
    per_class = summary.pop("per_class")
    _show([summary], False, "")
    _show([{"emotion": k, **v} for k, v in per_class.items()], False, "")


@app.command()
def predict(
    model: Model,
    paths: Annotated[list[Path], typer.Argument(help="Photos.")],
    cropped: Annotated[bool, typer.Option(help="Each picture is a face already.")] = False,
    as_json: Json = False,
) -> None:
    """Find the faces of photos and recognise them."""
    recognizer = Recognizer.load(find_model(model))
    pictures = [{"path": str(p), "faces": _faces(p, recognizer, cropped)} for p in paths]
    if as_json:
        return print(json.dumps(pictures, indent=2))
    rows = []
    for picture in pictures:
        for face in picture["faces"] or [{"box": None, "emotion": "no face", "probabilities": {}}]:
            likely = max(face["probabilities"].values(), default=None)
            rows.append(
                {
                    "path": picture["path"],
                    "box": face["box"],
                    "emotion": face["emotion"],
                    "probability": likely,
                }
            )
    _show(rows, False, "")


def _faces(path: Path, recognizer: Recognizer, cropped: bool) -> list[dict[str, Any]]:
    return [
        {
            "box": list(face.box),
            "emotion": face.emotion,
            "probabilities": dict(zip(EMOTIONS, map(float, face.probabilities), strict=True)),
        }
        for face in recognise_file(path, recognizer, cropped)
    ]


def _show(rows: list[dict[str, Any]], as_json: bool, if_empty: str) -> None:
    """Print rows as one JSON document or as a table for people."""
    if as_json:
        return print(json.dumps(rows, indent=2))
    if not rows:
        return print(if_empty)
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    Console().print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {number:,}" for key, number in value.items())
    return str(value)


@contextmanager
def _progress(what: str) -> Iterator[Callable[[float], None]]:
    """Show a progress bar on standard error where that is a terminal."""
    columns = (*Progress.get_default_columns()[:3], TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda fraction: bar.update(task, completed=fraction)
