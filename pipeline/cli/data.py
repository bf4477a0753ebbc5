"""Commands about data sets."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.report import Json, progress, show
from pipeline.data import store
from pipeline.data.importing import import_dataset
from pipeline.data.jobs import ImportJob
from pipeline.errors import UserError
from pipeline.runs import check_unused, list_runs

_SOURCES = (
    "A .csv, .tar.gz, .zip or folder; 'sample' for drawn faces; 'kaggle' for Kaggle's FER-2013, "
    "'kaggle:OWNER/NAME' for another data set there."
)
_SHOWN = ("faces", "splits", "ferplus", "fingerprint", "created")


def import_(
    source: Annotated[str, typer.Argument(help=_SOURCES)],
    name: Annotated[str, typer.Option(help="Name of the new data set.")],
    ferplus: Annotated[Path | None, typer.Option(help="FER+ votes to join by row.")] = None,
    skip_unknown: Annotated[bool, typer.Option(help="Pass over unknown class folders.")] = False,
    split: Annotated[str, typer.Option(help="Split of pictures that lie below none.")] = "train",
) -> None:
    """Import a data set."""
    with progress(f"Importing {name}", ImportJob(name)) as advance:
        info = import_dataset(
            Path(source),
            name,
            ferplus=ferplus,
            skip_unknown=skip_unknown,
            split=split,
            on_progress=advance,
        )
    skipped = f", {info.skipped:,} pictures passed over" if info.skipped else ""
    print(f"Imported {info.faces:,} faces as '{name}'{skipped}.")


def datasets(as_json: Json = False) -> None:
    """List the data sets."""
    rows = [_describe(name) for name in store.dataset_names()]
    show(rows, as_json, "No data set yet: import one, for example 'sample'.")


def _describe(name: str) -> dict[str, Any]:
    try:
        info = store.dataset_info(name)
    except UserError as error:
        return {"name": name, **dict.fromkeys(_SHOWN), "problem": str(error)}
    return {
        "name": name,
        "faces": info.faces,
        "splits": {split: sum(counts.values()) for split, counts in info.counts.items()},
        "ferplus": info.ferplus,
        "fingerprint": info.fingerprint[:12],
        "created": info.created.isoformat(timespec="seconds"),
        "problem": None,
    }


def rename(
    name: Annotated[str, typer.Argument(help="A data set.")],
    new: Annotated[str, typer.Argument(help="Its new name.")],
) -> None:
    """Rename a data set; finished runs find it by its fingerprint."""
    check_unused(name)
    store.rename_dataset(name, new)
    print(f"Renamed '{name}' to '{new}'.")


def remove(name: Annotated[str, typer.Argument(help="A data set or a run.")]) -> None:
    """Remove a data set or a run for good."""
    runs = [run for run in list_runs() if run.name == name]
    if name in store.dataset_names():
        check_unused(name)
        store.remove_dataset(name)
    elif runs:
        runs[0].remove()
    else:
        names = [*store.dataset_names(), *(run.name for run in list_runs())]
        raise UserError(
            f"There is no data set or run '{name}'. Choose from: {', '.join(names) or 'none yet'}."
        )
    print(f"Removed '{name}'.")
