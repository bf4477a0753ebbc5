"""The command line: every command by its name."""

import os
import sys

import typer

from pipeline.cli import (
    audit,
    card,
    comparing,
    data,
    estimate,
    exclusions,
    experiment,
    face_map,
    fields,
    judging,
    media,
    queue,
    training,
)
from pipeline.errors import UserError

app = typer.Typer(
    name="emotion",
    help="Explore FER-2013, train emotion classifiers, judge them, and run them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("import")(data.import_)
app.command("datasets")(data.datasets)
app.command("audit")(audit.audit)
app.command("map")(face_map.face_map)
app.command("rename")(data.rename)
app.command("remove")(data.remove)
app.command("exclude")(exclusions.exclude)
app.command("exclusions")(exclusions.exclusions)
app.command("estimate")(fields.with_fields(estimate.estimate))
app.command("train")(fields.with_fields(training.train))
app.command("experiment")(fields.with_fields(experiment.experiment))
app.command("stop")(queue.stop)
app.command("work")(queue.work)
app.command("runs")(queue.runs)
app.command("queue")(queue.queue)
app.command("note")(queue.note)
app.command("export")(training.export)
app.command("ship")(training.ship)
app.command("models")(judging.models)
app.command("evaluate")(judging.evaluate)
app.command("card")(card.card)
app.command("compare")(comparing.compare)
app.command("speed")(comparing.speed)
app.command("predict")(media.predict)
app.command("video")(media.video)


def main() -> None:
    """Run a command; a user's mistake becomes one sentence on standard error and exit code 1."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        app()
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
