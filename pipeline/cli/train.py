"""The command that trains, exports and evaluates a model."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from pipeline.cli.output import RunName, progress
from pipeline.cli.train_options import ConfigFile, PresetName, config_of, given_options
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.evaluation.evaluate import evaluate
from pipeline.jobs import current_job
from pipeline.queue import queue
from pipeline.queue.notices import send_notice
from pipeline.registry.openvino_export import export_openvino
from pipeline.runs import Notes, Run, RunConfig, RunState, find_run
from pipeline.training.checkpoint import TrainingCheckpoint
from pipeline.training.collapse import collapse_warning
from pipeline.training.resume import RESUMABLE, check_resumable
from pipeline.training.run_setup import dataset_of, new_run, training_faces
from pipeline.training.run_status import TrainingStopped, check_stop, record_status
from pipeline.vision.teacher import load_teacher


def train(
    config: ConfigFile = None,
    preset: PresetName = None,
    name: Annotated[str, typer.Option(help="The run's name on pages and in lists.")] = "",
    queued: Annotated[bool, typer.Option("--queue", help="Queue the run.")] = False,
    resume: Annotated[str | None, typer.Option(help="Continue this run, which has ended.")] = None,
    finish: Annotated[
        str | None, typer.Option(help="Export and evaluate the best epoch of this run.")
    ] = None,
    no_finish: Annotated[
        bool, typer.Option("--no-finish", help="Train without export and evaluation.")
    ] = False,
    **fields: str | None,
) -> None:
    """Train a model in the foreground, then export it and evaluate it.

    Every field of the configuration is an option, which overrides the same field of --config or
    --preset.
    The evaluation is on all faces of the model-selection split, also those that --exclude leaves
    out of the training, so that runs can be compared.

    --resume continues a run that was stopped, has failed or was interrupted, after its last
    finished epoch; with --epochs it gives a run more epochs, also a finished one.

    --finish exports and evaluates a run that was trained with --no-finish, or the best epoch so
    far of a run that ended early.
    """
    given = given_options(fields)
    if finish and (config or preset or given or name or queued or no_finish or resume):
        raise UserError("--finish takes a trained run and nothing else.")
    if resume and (config or preset or name or given.keys() - {"epochs"}):
        raise UserError("--resume takes --epochs, --queue and --no-finish and nothing else.")
    if queued and no_finish:
        raise UserError("--no-finish is for a training in the foreground: leave --queue out.")
    if finish:
        _finish(find_run(finish))
    elif resume and queued:
        queue.resume(find_run(resume), given.get("epochs"))
        print(resume)
    elif resume:
        _resume(find_run(resume), given.get("epochs"), finish=not no_finish)
    elif queued:
        print(queue.submit(config_of(config, preset, fields), Notes(name=name.strip())).name)
    else:
        _train_new(
            config_of(config, preset, fields), Notes(name=name.strip()), finish=not no_finish
        )


def train_run(run: RunName) -> None:
    """Train a queued run; the queue's worker starts this command."""
    queued = find_run(run)
    with _recorded(queued, "queued"):
        _fit(queued)
        _export_and_evaluate(queued)


def _train_new(config: TrainConfig, notes: Notes, finish: bool) -> None:
    run = new_run(config, notes=notes, claimed=True)
    with _recorded(run, "queued", notify=True):
        _fit(run)
        _end(run, finish)


def _resume(run: Run, epochs: str | None, finish: bool) -> None:
    config = check_resumable(run, epochs)
    with _recorded(run, *RESUMABLE, config=config, notify=True):
        _fit(run)
        _end(run, finish)


def _finish(run: Run) -> None:
    from pipeline.training.trainer import save_best  # loads keras

    if not (run.weights_path.is_file() or TrainingCheckpoint.load_history(run)):
        raise UserError(f"Run '{run.name}' has no finished epoch: go on with --resume {run.name}.")
    dataset_of(run)
    with _recorded(run, "finished", "stopped", "failed", "interrupted"):
        save_best(run)
        _export_and_evaluate(run)


def _fit(run: Run) -> None:
    faces = training_faces(run)  # before keras loads, so that a missing data set fails at once
    from pipeline.training.trainer import train

    with progress(f"Training {run.name}") as set_progress:
        config = run.train_config()
        train(config, faces, run, set_progress, load_teacher(config))


def _end(run: Run, finish: bool) -> None:
    if finish:
        return _export_and_evaluate(run)
    _record_end(run, f"Trained {run.name}; export and evaluate it with --finish {run.name}.")


def _export_and_evaluate(run: Run) -> None:
    check_stop()
    run.update_status(eta_s=None, message="Exporting to OpenVINO")
    export_openvino(run)
    check_stop()
    run.update_status(message="Evaluating")
    dataset = dataset_of(run)
    metrics = evaluate(run, dataset, dataset.choosing_split())
    _record_end(run, f"Finished {run.name}: accuracy {metrics.accuracy:.1%} on {metrics.split}.")


def _record_end(run: Run, sentence: str) -> None:
    """Record that a run is finished, and say so and whether its training has collapsed."""
    seed = run.config().seed
    warning = collapse_warning(run.history(), training_faces(run), seed, ended=True)
    check_stop()
    run.update_status(state="finished", eta_s=None, message=warning)
    print(sentence)
    if warning:
        print(warning)


@contextmanager
def _recorded(
    run: Run, *allowed: RunState, config: RunConfig | None = None, notify: bool = False
) -> Iterator[None]:
    """Claim the run and record its status, see `record_status`; a stop becomes one sentence.

    With `notify` the notice of how the block ended is sent, unless the run cannot be claimed. A
    background job is removed: the run itself says from then on how it ended.
    """
    claimed, failure = False, ""
    try:
        with record_status(run, *allowed, config=config):
            claimed = True
            yield
    except TrainingStopped:
        raise UserError(f"Stopped {run.name}.") from None
    except UserError as error:
        failure = error.on_page
        raise
    finally:
        if claimed and (job := current_job()):
            job.clear()
        if notify and claimed:
            send_notice(run, failure)
