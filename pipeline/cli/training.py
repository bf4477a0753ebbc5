"""Commands about runs; the only place that chains train, export and evaluate."""

import inspect
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.report import progress
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import evaluate as evaluate_model
from pipeline.export import export_openvino
from pipeline.export import ship as ship_run
from pipeline.runs import Run, ShownState, find_run
from pipeline.training import queue
from pipeline.training.faces import dataset_of, new_run, training_faces
from pipeline.training.options import FIELDS, build_config, read_fields
from pipeline.training.outcome import TrainingStopped, recorded
from pipeline.training.resume import RESUMABLE, check_resumable, extend


def train(
    config: Path | None,
    queued: bool,
    resume: str | None,
    finish: str | None,
    no_finish: bool,
    run: str | None,
    **fields: str | None,
) -> None:
    """Train a model in the foreground, then export and evaluate it.

    Every field of the configuration is an option, and goes before the same field of --config.
    The evaluation judges every face of the choosing split, also those that --exclude leaves out of
    the training, so that runs can be compared.

    --resume goes on with a run that was stopped, failed or was interrupted, after its last finished
    epoch; with --epochs it gives a run more epochs, a finished one, too.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    if finish and (config or given or queued or no_finish or run or resume):
        raise UserError("--finish takes a trained run and nothing else.")
    if queued and no_finish:
        raise UserError("--no-finish is for a training in the foreground: leave --queue out.")
    if finish:
        return _finish_only(find_run(finish))
    if resume:
        if config or run or given.keys() - {"epochs"}:
            raise UserError("--resume takes --epochs, --queue and --no-finish and nothing else.")
        return _resume(find_run(resume), given.get("epochs"), queued, no_finish)
    if run:
        this = find_run(run)
    else:
        chosen = build_config(read_fields(config) if config else {}, given)
        if queued:
            return print(queue.submit(chosen).name)
        this = new_run(chosen, claimed=True)
    with _recorded(this, "queued"):
        _train_on(this, no_finish)


def _resume(run: Run, epochs: str | None, queued: bool, no_finish: bool) -> None:
    if queued:
        queue.resume(run, epochs)
        return print(run.name)
    config = check_resumable(run, epochs)
    with _recorded(run, *RESUMABLE):
        extend(run, config)
        _train_on(run, no_finish)


def _train_on(run: Run, no_finish: bool) -> None:
    _fit(run)
    if no_finish:
        run.update_status(state="finished", eta_s=None, message="")
        print(f"Trained {run.name}; finish it with --finish {run.name}.")
    else:
        _finish(run)


@contextmanager
def _recorded(run: Run, *claimable: ShownState) -> Iterator[None]:
    try:
        with recorded(run, *claimable):
            yield
    except TrainingStopped:
        raise UserError(f"Stopped {run.name}.") from None


def _fit(run: Run) -> None:
    from pipeline.training.trainer import train

    with progress(f"Training {run.name}") as advance:
        train(run.config().train, training_faces(run), run, advance)


def _finish_only(run: Run) -> None:
    if not run.weights_path.is_file():
        raise UserError(f"Run '{run.name}' has no model.keras: train it to its end first.")
    dataset_of(run)
    with _recorded(run, "finished", "stopped", "failed", "interrupted"):
        _finish(run)


def _finish(run: Run) -> None:
    run.update_status(eta_s=None, message="Exporting to OpenVINO")
    export_openvino(run)
    run.update_status(message="Evaluating")
    dataset = dataset_of(run)
    metrics = evaluate_model(run, dataset, dataset.choosing_split())
    run.update_status(state="finished", message="")
    print(f"Finished {run.name}: accuracy {metrics.accuracy:.1%} on {metrics.split}.")


def train_command() -> Callable[..., None]:
    """Return `train` with the signature that typer makes the options from."""

    def option(kind: Any, default: Any, *words: str, **more: Any) -> inspect.Parameter:
        name = more.pop("name")
        annotated = Annotated[kind, typer.Option(*words, **more)]
        return inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotated
        )

    parameters = [
        option(Path | None, None, name="config", help="JSON file of fields, or a run's config."),
        option(bool, False, "--queue", name="queued", help="Hand it to the queue."),
        option(str | None, None, name="resume", help="Go on with this run that ended."),
        option(str | None, None, name="finish", help="Export and evaluate this trained run."),
        option(bool, False, "--no-finish", name="no_finish", help="Only train."),
        option(str | None, None, name="run", hidden=True),
    ]
    for name, field in FIELDS.items():
        unsaid = field.is_required() or field.default is None
        default = "" if unsaid else f" [default: {field.default}]"
        parameters.append(option(str | None, None, name=name, help=f"{field.description}{default}"))

    def command(**values: Any) -> None:
        train(**values)

    command.__doc__ = train.__doc__
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def export(
    run: Annotated[str, typer.Argument(help="A trained run.")],
    to: Annotated[str, typer.Option("--format", help="openvino")] = "openvino",
) -> None:
    """Export a run's model again."""
    if to != "openvino":
        raise UserError(f"Unknown format '{to}'. Choose from: openvino.")
    print(export_openvino(find_run(run)))


def ship(
    run: Annotated[str, typer.Argument(help="A finished run.")],
    name: Annotated[str, typer.Option(help="The shipped model's name.")],
) -> None:
    """Put a run into models/zoo, with its evaluation on the split it was chosen on."""
    source = find_run(run)
    dataset = dataset_of(source)
    split = dataset.choosing_split()
    shipped = ship_run(source, name)
    evaluate_model(shipped, dataset, split)
    made = shipped.new_evaluation_path(dataset.fingerprint, split)
    shutil.move(made, shipped.path / "evaluation" / made.name)
    print(f"Shipped {run} as '{name}'.")
