"""Commands about runs: list them, describe them, queue and stop them."""

from typing import Annotated, Any

import typer

from pipeline.cli.output import Json, RunName, print_json, show, show_one
from pipeline.errors import UserError
from pipeline.queue import queue as training_queue
from pipeline.queue import settings, worker
from pipeline.runs import RunRow, RunTable, find_run


def runs(as_json: Json = False) -> None:
    """List the training runs, newest first; `models` lists added models and ensembles, too."""
    trained = [row for row in RunTable().rows() if row.kind == "trained"]
    show(list(map(_describe_run, trained)), as_json, "No run yet: train one.")


def _describe_run(row: RunRow) -> dict[str, Any]:
    status, notes = row.status, row.notes
    try:
        train = row.run.config().train
        exclude = train.exclude if train else ()
    except UserError as error:
        exclude, damage = (), str(error)
    else:
        damage = ""
    return {
        "name": row.run.name,
        "title": row.title,
        "state": "damaged" if damage else row.state,
        "dataset": row.dataset,
        "exclude": ",".join(exclude) or None,
        "architecture": row.architecture,
        "epoch": status.epoch,
        "epochs": status.epochs,
        "best_val_accuracy": row.accuracy,
        "experiment": notes.experiment,
        "tags": list(notes.tags),
        "message": damage or status.message,
    }


def queue(
    run: Annotated[str | None, typer.Argument(help="A queued run to move.")] = None,
    to: Annotated[int | None, typer.Option(help="Its new place, counted from 1.")] = None,
    max_parallel_runs: Annotated[
        int | None, typer.Option(help="Train at most so many at a time.")
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help="What trains queued runs: local, or ray for a cluster.")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Of the Ray cluster: http://HOST:8265; else EMOTION_RAY_ADDRESS."),
    ] = None,
    cpus: Annotated[int | None, typer.Option(help="CPUs of one run on the cluster.")] = None,
    gpus: Annotated[float | None, typer.Option(help="GPUs of one run on the cluster.")] = None,
    at_once: Annotated[int | None, typer.Option("--at-once", hidden=True)] = None,
    as_json: Json = False,
) -> None:
    """List the running runs, then the queued ones in order; move a run to another place.

    --engine ray trains queued runs as jobs of a Ray cluster, --engine local on this machine again;
    what trains already stays where it is.
    """
    if (run is None) != (to is None):
        raise typer.BadParameter("a run and --to PLACE go together.")
    if max_parallel_runs is None:
        max_parallel_runs = at_once  # the option's old name
    if max_parallel_runs is not None:
        settings.set_max_parallel_runs(max_parallel_runs)
    if (engine, address, cpus, gpus) != (None, None, None, None):
        training_queue.set_engine(engine, address=address, cpus=cpus, gpus=gpus)
    if run is not None and to is not None:
        training_queue.move(find_run(run), to)
    rows, now = _describe_queue(), settings.queue_settings()
    if as_json:
        parallel = {"at_once": now.max_parallel_runs, "engine": now.engine}
        return print_json({**parallel, "runs": rows})
    show(rows, if_empty="No run is running or queued.")
    print(f"Engine: {now.engine}. Parallel runs: at most {now.max_parallel_runs}.")


def _describe_queue() -> list[dict[str, Any]]:
    rows = RunTable().rows()
    running = [row for row in reversed(rows) if row.state == "running"]
    queued = training_queue.queued_in_order(rows)
    return [_describe_active(row, None) for row in running] + [
        _describe_active(row, place) for place, row in enumerate(queued, start=1)
    ]


def _describe_active(row: RunRow, place: int | None) -> dict[str, Any]:
    """Describe a running run, or a queued one at its place."""
    return {
        "place": place,
        "name": row.run.name,
        "title": row.title,
        "state": row.state,
        "node": row.status.host if row.state == "running" else "",
        "epoch": row.status.epoch,
        "epochs": row.status.epochs,
        "seconds_left": row.status.eta_s,
        "message": row.status.message,
    }


def note(
    run: RunName,
    name: Annotated[str | None, typer.Option(help="Its name on pages and in lists.")] = None,
    text: Annotated[str | None, typer.Option("--note", help="Free text.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Tag to find it by; replaces all its tags.")
    ] = None,
    experiment: Annotated[str | None, typer.Option(help="Experiment that it belongs to.")] = None,
    as_json: Json = False,
) -> None:
    """Edit the notes of a run and show them; an empty text removes one."""
    tags = None if tag is None else tuple(word for word in tag if word)
    given = {"name": name, "note": text, "tags": tags, "experiment": experiment}
    changes = {field: value for field, value in given.items() if value is not None}
    noted = find_run(run)
    if changes:
        noted.change_notes(**changes)
    show_one({"run": noted.name, **noted.notes().model_dump(mode="json")}, as_json)


def stop(
    run: Annotated[str, typer.Argument(help="A queued or running run.")],
    now: Annotated[bool, typer.Option("--now", help="Stop within a step.")] = False,
) -> None:
    """Stop a run after the current epoch, or now; `train --resume` continues it."""
    training_queue.stop(find_run(run), now=now)
    print(f"Stopping '{run}'{'' if now else ' after the current epoch'}.")


def work() -> None:
    """Train the queued runs, in order, until there are none."""
    worker.work()
