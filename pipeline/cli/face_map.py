"""The command that lays the faces of a data set out in the plane."""

from typing import Annotated

import typer

from pipeline.cli.report import progress
from pipeline.data.store import load_dataset
from pipeline.evaluation.face_map import keep_map, make_map
from pipeline.evaluation.jobs import MapJob
from pipeline.runs import find_model


def face_map(
    name: Annotated[str, typer.Argument(help="Data set's name.")],
    model: Annotated[
        str | None, typer.Option(help="Model by whose last features; by pixels if none is said.")
    ] = None,
) -> None:
    """Lay out up to 5,000 faces, alike ones side by side, for the Dataset page."""
    dataset = load_dataset(name)
    compared_by = find_model(model) if model else None
    with progress(f"Mapping {name}", MapJob(name, model or "")) as advance:
        made = make_map(dataset, compared_by, advance)
        keep_map(dataset, made)
    print(f"Mapped {len(made.positions):,} of {len(dataset):,} faces of '{name}' by {made.source}.")
