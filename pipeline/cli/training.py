"""Commands about runs; the only place that chains train, export and evaluate."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from pipeline.cli.card import model_card
from pipeline.cli.fields import ConfigFile, config_of, said
from pipeline.cli.report import progress
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import evaluate as evaluate_model
from pipeline.export import export_int8, export_litert, export_openvino
from pipeline.runs import Run, ShownState, find_run
from pipeline.runs.export_job import ExportJob
from pipeline.shipping import ship as ship_run
from pipeline.training import queue
from pipeline.training.faces import dataset_of, new_run, training_faces
from pipeline.training.outcome import TrainingStopped, recorded
from pipeline.training.resume import RESUMABLE, check_resumable, extend
from pipeline.training.state import TrainingState
from pipeline.workspace import write_text

EXPORTS = {"openvino": export_openvino, "litert": export_litert}


def train(
    config: ConfigFile = None,
    queued: Annotated[bool, typer.Option("--queue", help="Hand it to the queue.")] = False,
    resume: Annotated[str | None, typer.Option(help="Go on with this run that ended.")] = None,
    finish: Annotated[
        str | None, typer.Option(help="Export and evaluate this run as far as it is.")
    ] = None,
    no_finish: Annotated[bool, typer.Option("--no-finish", help="Only train.")] = False,
    run: Annotated[str | None, typer.Option(hidden=True)] = None,
    **fields: str | None,
) -> None:
    """Train a model in the foreground, then export and evaluate it.

    Every field of the configuration is an option, and goes before the same field of --config.
    The evaluation judges every face of the choosing split, also those that --exclude leaves out of
    the training, so that runs can be compared.

    --resume goes on with a run that was stopped, failed or was interrupted, after its last finished
    epoch; with --epochs it gives a run more epochs, a finished one, too.

    --finish exports and evaluates what --no-finish has trained, and of a run that ended before its
    last epoch the best so far.
    """
    given = said(fields)
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
        chosen = config_of(config, fields)
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
    from pipeline.training.trainer import keep_best

    if not (run.weights_path.is_file() or TrainingState.history_of(run)):
        raise UserError(f"Run '{run.name}' has no finished epoch: go on with --resume {run.name}.")
    dataset_of(run)
    with _recorded(run, "finished", "stopped", "failed", "interrupted"):
        keep_best(run)
        _finish(run)


def _finish(run: Run) -> None:
    run.update_status(eta_s=None, message="Exporting to OpenVINO")
    export_openvino(run)
    run.update_status(message="Evaluating")
    dataset = dataset_of(run)
    metrics = evaluate_model(run, dataset, dataset.choosing_split())
    run.update_status(state="finished", message="")
    print(f"Finished {run.name}: accuracy {metrics.accuracy:.1%} on {metrics.split}.")


def export(
    run: Annotated[str, typer.Argument(help="A trained run.")],
    to: Annotated[str, typer.Option("--format", help=" or ".join(EXPORTS))] = "openvino",
    int8: Annotated[
        bool, typer.Option("--int8", help="Quantise the OpenVINO model that is there.")
    ] = False,
) -> None:
    """Export a run's model again.

    --int8 leaves the exported model as it is, or makes it where there is none, and puts an int8 one
    beside it, which photo and webcam then use. It takes the data set that the run was trained on.
    """
    if to not in EXPORTS:
        raise UserError(f"Unknown format '{to}'. Choose from: {', '.join(EXPORTS)}.")
    if int8 and to != "openvino":
        raise UserError("--int8 is made of the OpenVINO model: leave --format out.")
    source = find_run(run)
    with progress(f"Exporting {run}", ExportJob(run)):
        if not (int8 and source.exported):
            exported = EXPORTS[to](source)
        if int8:
            exported = export_int8(source)
    print(exported)


def ship(
    run: Annotated[str, typer.Argument(help="A finished run.")],
    name: Annotated[str, typer.Option(help="The shipped model's name.")],
) -> None:
    """Put a run into models/zoo, with its evaluation on the split it was chosen on and a card."""
    source = find_run(run)
    dataset = dataset_of(source)
    split = dataset.choosing_split()
    shipped = ship_run(source, name)
    evaluate_model(shipped, dataset, split)
    made = shipped.new_evaluation_path(dataset.fingerprint, split)
    shutil.move(made, shipped.path / "evaluation" / made.name)
    if shipped.calibration_path.is_file():
        shutil.move(shipped.calibration_path, shipped.path)
    write_text(shipped.path / "README.md", f"{model_card(shipped)}\n")
    print(f"Shipped {run} as '{name}'.")
