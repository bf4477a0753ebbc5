"""Commands about the runs as a whole: list them, stop one, work the queue."""

from typing import Annotated, Any

import typer

from pipeline.cli.report import Json, show
from pipeline.errors import UserError
from pipeline.runs import Run, find_run, list_runs
from pipeline.training import queue, worker


def runs(as_json: Json = False) -> None:
    """List the training runs, newest first."""
    show([_describe_run(run) for run in list_runs()], as_json, "No run yet: train one.")


def _describe_run(run: Run) -> dict[str, Any]:
    status, best = run.status(), run.history().get("val_accuracy")
    try:
        config = run.config().train
    except UserError as error:
        dataset, exclude, architecture = None, None, None
        state, message = "damaged", str(error)
    else:
        dataset, exclude, architecture = config.dataset, config.exclude, config.architecture
        state, message = run.state(), status.message
    return {
        "name": run.name,
        "state": state,
        "dataset": dataset,
        "exclude": exclude,
        "architecture": architecture,
        "epoch": status.epoch,
        "epochs": status.epochs,
        "best_val_accuracy": None if best is None or best.empty else float(best.max()),
        "message": message,
    }


def stop(
    run: Annotated[str, typer.Argument(help="A queued or running run.")],
    now: Annotated[bool, typer.Option("--now", help="Within a step.")] = False,
) -> None:
    """Stop a run after its present epoch, or now; `train --resume` goes on with it."""
    queue.stop(find_run(run), now=now)
    print(f"Stopping '{run}'{'' if now else ' after its present epoch'}.")


def work() -> None:
    """Train the queued runs, one after the other, until there are none."""
    worker.work()
