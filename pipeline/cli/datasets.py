"""Commands about data sets."""

import csv
import itertools
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.output import DatasetName, Json, progress, show, visible
from pipeline.data import store
from pipeline.data.import_options import ImportOptions, ImportReport
from pipeline.data.importing import LOG, import_dataset
from pipeline.errors import UserError
from pipeline.jobs import current_job
from pipeline.labels import EMOTIONS, SCHEMES
from pipeline.runs import check_unused, list_runs
from pipeline.vision.photo_crops import face_cropper
from pipeline.workspace import dataset_folder

_SOURCES = (
    "A .csv, .parquet, .npz, .zip, .tar.gz or folder; 'sample' for synthetic faces, "
    "'sample-imbalanced' for them in FER-2013's proportions; 'kaggle' for Kaggle's FER-2013, "
    "'kaggle:OWNER/NAME' or its address for another data set there."
)
_FACES = (
    "Which images are searched for a face to crop: auto takes photos (over 96 pixels) that hold a "
    "smaller face, crop all, as-is none."
)
_SCHEME = f"What the numbers of classes mean: {', '.join(SCHEMES)}."
_MAP = "What classes mean, as 1=surprise,contempt=skip,…; more than --classes says."
_LABELS_FROM = "Which is right where a list of images and their folders differ: folders, lists."
_SPLIT_MAP = (
    "Which splits folders or values of Usage are, as fold1=train,fold2=test,…; '*' is every one "
    "whose name means no split."
)
_FORCE_VOTES = "Join FER+ votes that do not agree with the labels."
_FIELDS = ("faces", "splits", "skipped", "ferplus", "fingerprint", "created")
_MAX_PROBLEMS = 10


def import_(
    source: Annotated[str, typer.Argument(help=_SOURCES)],
    name: Annotated[str, typer.Option(help="Name of the new data set.")],
    ferplus: Annotated[Path | None, typer.Option(help="FER+ votes to join by row.")] = None,
    force_votes: Annotated[bool, typer.Option(help=_FORCE_VOTES)] = False,
    classes: Annotated[str, typer.Option(help=_SCHEME)] = "",
    class_map: Annotated[list[str] | None, typer.Option("--map", help=_MAP)] = None,
    labels_from: Annotated[str, typer.Option(help=_LABELS_FROM)] = "",
    skip_unknown: Annotated[bool, typer.Option(help="Skip classes that name no emotion.")] = False,
    split: Annotated[str, typer.Option(help="Split of faces for which none is named.")] = "train",
    split_map: Annotated[list[str] | None, typer.Option(help=_SPLIT_MAP)] = None,
    strict: Annotated[bool, typer.Option(help="Refuse the first image that is bad.")] = False,
    skip_bad: Annotated[bool, typer.Option(help="Skip any number of bad images.")] = False,
    faces: Annotated[str, typer.Option(help=_FACES)] = "auto",
    largest: Annotated[
        bool, typer.Option("--largest", help="Of several faces of a photo take the largest.")
    ] = False,
) -> None:
    """Import a data set."""
    if strict and skip_bad:
        raise UserError("--strict and --skip-bad contradict each other: give one of them.")
    options = ImportOptions(
        split=split,
        split_map=_assignments("--split-map", split_map),
        class_map=_assignments("--map", class_map),
        scheme=classes,
        labels_from=labels_from,
        skip_unknown=skip_unknown,
        bad_files="none" if strict else "any" if skip_bad else "few",
        crop_for=partial(face_cropper, faces=faces, largest=largest),
    )
    job, report = current_job(), ImportReport()
    with progress(f"Importing {name}") as set_progress:
        info = import_dataset(
            Path(source),
            name,
            options,
            ferplus=ferplus,
            force_votes=force_votes,
            on_progress=set_progress,
            keep_in=job.folder / "source" if job else None,
            report=report,
        )
    _show_import(info, report)


def _show_import(info: store.DatasetInfo, report: ImportReport) -> None:
    """Print how many faces of each class went to each split, and what was skipped."""
    images = "image" if info.skipped == 1 else "images"
    skipped = f", {info.skipped:,} {images} skipped" if info.skipped else ""
    print(f"Imported {info.faces:,} faces as '{info.name}'{skipped}.")
    show(
        [
            {
                "emotion": emotion,
                **{split: counts[emotion] for split, counts in info.counts.items()},
            }
            for emotion in EMOTIONS
        ]
    )
    if report.classes:
        print(visible(f"Skipped classes: {_counts(report.classes)}."))
    if report.tables:
        print(visible(f"Not read: {', '.join(report.tables)}."))
    problems = report.problems()
    for line in problems[:_MAX_PROBLEMS]:
        print(visible(f"Skipped {line}."))
    if len(problems) > _MAX_PROBLEMS:
        log = dataset_folder(info.name) / LOG
        print(f"… and {len(problems) - _MAX_PROBLEMS:,} more images, all in {log}.")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _assignments(option: str, values: list[str] | None) -> dict[str, str]:
    """Parse values such as `1=surprise,contempt=skip`; quotes around a pair protect a comma."""
    assigned: dict[str, str] = {}
    for pair in itertools.chain.from_iterable(csv.reader(values or [])):
        name, equals, meaning = pair.rpartition("=")
        if not (equals and name.strip() and meaning.strip()):
            raise UserError(f"{option} takes NAME=MEANING,… and not {pair!r}.")
        key = name.strip().lower()
        if assigned.setdefault(key, meaning.strip().lower()) != meaning.strip().lower():
            raise UserError(f"{option} gives {name.strip()!r} two meanings: leave one of them out.")
    return assigned


def datasets(as_json: Json = False) -> None:
    """List the data sets."""
    rows = [_describe(name) for name in store.dataset_names()]
    show(rows, as_json, "No data set yet: import one, for example 'sample'.")


def _describe(name: str) -> dict[str, Any]:
    try:
        info = store.dataset_info(name)
    except UserError as error:
        return {"name": name, **dict.fromkeys(_FIELDS), "problem": str(error)}
    return {
        "name": name,
        "faces": info.faces,
        "splits": {split: sum(counts.values()) for split, counts in info.counts.items()},
        "skipped": info.skipped,
        "ferplus": info.ferplus,
        "fingerprint": info.fingerprint[:12],
        "created": info.created.isoformat(timespec="seconds"),
        "problem": None,
    }


def rename(name: DatasetName, new: Annotated[str, typer.Argument(help="Its new name.")]) -> None:
    """Rename a data set; finished runs find it by its fingerprint."""
    check_unused(name)
    store.rename_dataset(name, new)
    print(f"Renamed '{name}' to '{new}'.")


def remove(name: Annotated[str, typer.Argument(help="A data set or a run.")]) -> None:
    """Permanently remove a data set or a run."""
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
