"""The command line: every command under its name."""

import os
import sys

import typer

from pipeline.cli import (
    audit,
    compare,
    datasets,
    doctor,
    doctor_ray,
    estimate,
    evaluate,
    exclusions,
    experiment,
    face_map,
    models,
    recognize,
    recognize_batch,
    runs,
    serve,
    train,
)
from pipeline.cli.output import visible
from pipeline.cli.train_options import with_config_options
from pipeline.errors import UserError
from pipeline.installation import NO_TENSORFLOW, TRAINING_MODULES
from pipeline.jobs import current_job
from pipeline.storage import explain_disk

app = typer.Typer(
    name="emotion",
    help="Explore FER-2013, train emotion classifiers, evaluate them, and run them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("import")(datasets.import_)
app.command("datasets")(datasets.datasets)
app.command("audit")(audit.audit)
app.command("map")(face_map.face_map)
app.command("rename")(datasets.rename)
app.command("remove")(datasets.remove)
app.command("exclude")(exclusions.exclude)
app.command("exclusions")(exclusions.exclusions)
app.command("estimate")(with_config_options(estimate.estimate))
app.command("train")(with_config_options(train.train))
app.command("train-run", hidden=True)(train.train_run)
app.command("experiment")(with_config_options(experiment.experiment))
app.command("search-run", hidden=True)(experiment.search_run)
app.command("stop")(runs.stop)
app.command("work")(runs.work)
app.command("runs")(runs.runs)
app.command("queue")(runs.queue)
app.command("note")(runs.note)
app.command("add-model")(models.add_model)
app.command("ensemble")(models.ensemble)
app.command("export")(models.export)
app.command("push")(models.push)
app.command("ship")(models.ship)
app.command("models")(models.models)
app.command("evaluate")(evaluate.evaluate)
app.command("card")(models.card)
app.command("compare")(compare.compare)
app.command("speed")(models.speed)
app.command("doctor")(doctor.doctor)
app.command("probe", hidden=True)(doctor_ray.probe)
app.command("predict")(recognize.predict)
app.command("video")(recognize.video)
app.command("write-parts", hidden=True)(recognize_batch.write_parts)
app.command("serve")(serve.serve)


def main() -> None:
    """Run a command.

    A user's mistake, a full disk or a missing TensorFlow becomes one sentence and exit code 1.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        app()
    except UserError as error:
        failure = error.on_page if current_job() else str(error)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in TRAINING_MODULES:
            raise
        failure = NO_TENSORFLOW
    except OSError as error:
        explained = explain_disk(error)
        if explained is None:
            raise
        failure = str(explained)
    else:
        return
    print(visible(failure), file=sys.stderr)
    sys.exit(1)
