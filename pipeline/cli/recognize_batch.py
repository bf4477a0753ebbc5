"""What `predict` and `video` share where they write to a folder, in parts; and Ray's job for it."""

from collections.abc import Container, Sequence
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.output import output_folder, progress, show_one
from pipeline.errors import UserError
from pipeline.queue.engines import check_installed, engine_named
from pipeline.runs import find_model
from pipeline.vision.batch import engines
from pipeline.vision.batch.inputs import list_inputs
from pipeline.vision.batch.output import Format, Options, Task, begin, network_digest, writing
from pipeline.vision.detectors import find_detector

Output = Annotated[
    Path | None,
    typer.Option(help="Folder for the results, in parts.", callback=output_folder),
]
TableFormat = Annotated[Format | None, typer.Option("--format", help="Of the tables in --output.")]
EngineName = Annotated[
    str | None, typer.Option(help="local or ray: where --output is computed; local by default.")
]
Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Processes, or actors on the cluster; one per core by default."),
]
PART_SIZE = 1000


def check_without_output(**given: object) -> None:
    """Check that no option was given that only goes with `--output`.

    Raises:
        UserError: one was.
    """
    for name, value in given.items():
        if value:
            raise UserError(f"--{name.replace('_', '-')} goes with --output FOLDER.")


def recognize_batch(
    task: Task,
    sources: Sequence[Path],
    suffixes: Container[str],
    output: Path,
    options: Options,
    *,
    recursive: bool,
    engine: str | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Write the results of any number of inputs to a folder; go on with what is missing there.

    Raises:
        UserError: an option is wrong, the folder belongs to another batch, a worker has ended, or
            some inputs could not be recognized, which is said after all others are done.
    """
    engine_named(engine := engine or "local")
    check_installed(engine)
    find_detector(options.detector)()  # raises here what it would raise in each worker
    digest = network_digest(find_model(options.model))
    write = {"local": engines.write_locally, "ray": engines.write_on_cluster}[engine]
    with writing(output):
        batch = begin(output, task, list_inputs(sources, suffixes, recursive), options, digest)
        with progress(f"Recognizing {batch.manifest.inputs:,} {task}") as set_progress:
            write(batch, workers or 0, set_progress)
    faces, failures, first_problem = batch.totals()
    counts = {task: batch.manifest.inputs, "faces": faces, "failures": failures}
    show_one({"output": str(output), "parts": batch.parts, **counts}, as_json)
    if failures:
        raise UserError(
            f"{failures:,} of {batch.manifest.inputs:,} {task} could not be recognized, see the "
            f"column problem. The first: {first_problem}"
        )


def write_parts(folder: Path, workers: int = 0) -> None:
    """Write the missing parts of a folder; a job of a Ray cluster."""
    engines.drive(folder, workers)
