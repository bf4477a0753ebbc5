"""Commands about the runs as a whole: list them, note something of one, and the queue."""

import json
from typing import Annotated, Any

import typer

from pipeline.cli.report import Json, show, show_one
from pipeline.errors import UserError
from pipeline.runs import Notes, RunRow, RunTable, find_run
from pipeline.training import queue as training_queue
from pipeline.training import worker


def runs(as_json: Json = False) -> None:
    """List the training runs, newest first."""
    show([_describe_run(row) for row in RunTable().rows()], as_json, "No run yet: train one.")


def _describe_run(row: RunRow) -> dict[str, Any]:
    status, notes = row.status, row.notes
    try:
        exclude = row.run.config().train.exclude
    except UserError as error:
        exclude, damage = None, str(error)
    else:
        damage = ""
    return {
        "name": row.run.name,
        "title": row.title,
        "state": "damaged" if damage else row.state,
        "dataset": row.dataset,
        "exclude": exclude,
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
    at_once: Annotated[
        int | None, typer.Option(help="Let so many runs train at the same time.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List what trains and then what waits, the next one first; move a run to another place."""
    if (run is None) != (to is None):
        raise typer.BadParameter("a run and --to PLACE go together.")
    if at_once is not None:
        training_queue.set_at_once(at_once)
    if run is not None and to is not None:
        training_queue.move(find_run(run), to)
    rows, count = _describe_queue(), training_queue.at_once()
    if as_json:
        return print(json.dumps({"at_once": count, "runs": rows}, indent=2))
    show(rows, False, "Nothing trains or waits.")
    print(f"{count} at once.")


def _describe_queue() -> list[dict[str, Any]]:
    rows = RunTable().rows()
    running = [row for row in reversed(rows) if row.state == "running"]
    waiting = training_queue.in_turn(rows)
    return [_describe_active(row, None) for row in running] + [
        _describe_active(row, place) for place, row in enumerate(waiting, start=1)
    ]


def _describe_active(row: RunRow, place: int | None) -> dict[str, Any]:
    """Describe a run that trains, or one that waits at a place."""
    return {
        "place": place,
        "name": row.run.name,
        "title": row.title,
        "state": row.state,
        "epoch": row.status.epoch,
        "epochs": row.status.epochs,
        "seconds_left": row.status.eta_s,
    }


def note(
    run: Annotated[str, typer.Argument(help="A run.")],
    name: Annotated[str | None, typer.Option(help="Name to show in place of its own.")] = None,
    text: Annotated[str | None, typer.Option("--note", help="Free text.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="Short word to find it by; all that it shall have.")
    ] = None,
    experiment: Annotated[
        str | None, typer.Option(help="Name that the runs of one experiment share.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Note something of a run, and show what is noted; an empty text takes it away."""
    tags = None if tag is None else tuple(word for word in tag if word)
    given = {"name": name, "note": text, "tags": tags, "experiment": experiment}
    changes = {field: value for field, value in given.items() if value is not None}
    found = find_run(run)
    if changes:
        found.write_notes(Notes.model_validate({**found.notes().model_dump(), **changes}))
    noted = {"run": found.name, **found.notes().model_dump(mode="json")}
    if as_json:
        return print(json.dumps(noted, indent=2))
    show_one(noted)


def stop(
    run: Annotated[str, typer.Argument(help="A queued or running run.")],
    now: Annotated[bool, typer.Option("--now", help="Within a step.")] = False,
) -> None:
    """Stop a run after its present epoch, or now; `train --resume` goes on with it."""
    training_queue.stop(find_run(run), now=now)
    print(f"Stopping '{run}'{'' if now else ' after its present epoch'}.")


def work() -> None:
    """Train the queued runs, in their order, until there are none."""
    worker.work()
