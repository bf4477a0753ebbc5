"""The command that makes a face map: similar faces close together in the plane."""

from typing import Annotated

import typer

from pipeline.cli.output import DatasetName, progress
from pipeline.data.store import load_dataset
from pipeline.evaluation.face_map import make_map, save_map
from pipeline.runs import find_model


def face_map(
    name: DatasetName,
    model: Annotated[
        str | None, typer.Option(help="Model whose features are compared; without one, pixels.")
    ] = None,
) -> None:
    """Lay out up to 5,000 faces, similar ones close together, for the Dataset page."""
    dataset = load_dataset(name)
    feature_model = find_model(model) if model else None
    with progress(f"Mapping {name}") as set_progress:
        result = make_map(dataset, feature_model, set_progress)
        save_map(dataset, result)
    mapped = f"{len(result.positions):,} of {len(dataset):,} faces"
    print(f"Mapped {mapped} of '{name}' by {result.source}.")
