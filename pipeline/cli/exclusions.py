"""Commands about exclusion lists."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.audit import audit_of
from pipeline.cli.report import Json, show
from pipeline.data import exclusions as lists
from pipeline.data.audit import FINDINGS
from pipeline.data.dataset import FaceDataset
from pipeline.data.findings import faces_to_exclude
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.workspace import check_name

_BY_HAND = "by hand"

Dataset = Annotated[str, typer.Argument(help="A data set.")]


def exclude(
    dataset: Dataset,
    name: Annotated[str, typer.Argument(metavar="LIST", help="The list, new or not.")],
    finding: Annotated[
        list[str] | None, typer.Option(help=f"Take all faces of it: {', '.join(FINDINGS)}.")
    ] = None,
    split: Annotated[list[str] | None, typer.Option(help="Only those of this split.")] = None,
    keep_first: Annotated[
        bool, typer.Option("--keep-first", help="Not the first face of each group of twins.")
    ] = False,
    ids: Annotated[Path | None, typer.Option(help="CSV of id and, if wanted, reason.")] = None,
    reason: Annotated[str, typer.Option(help="Why; the finding's name if not said.")] = "",
) -> None:
    """Put faces on an exclusion list, for `train` and `evaluate` to leave out."""
    if not finding and (split or keep_first):
        raise UserError("--split and --keep-first limit what --finding gives: name a finding.")
    if not finding and ids is None:
        raise UserError("Say which faces: with --finding NAME, with --ids FILE.csv, or with both.")
    check_name(name)
    faces = load_dataset(dataset)
    reasons = _given(ids, reason) if ids else {}
    if finding:
        found = audit_of(faces)
        for each in finding:
            chosen = faces_to_exclude(faces, found, each, split or (), keep_first)
            reasons = dict.fromkeys(faces.ids[chosen].tolist(), reason or each) | reasons
    listed = lists.exclude(faces, name, reasons)
    print(f"The list '{name}' of data set '{dataset}' holds {len(listed):,} faces.")


def _given(path: Path, reason: str) -> dict[str, str]:
    given = lists.read_exclusions(path, path.stem).reasons
    return {face: why or reason or _BY_HAND for face, why in given.items()}


def exclusions(
    dataset: Dataset,
    remove: Annotated[str | None, typer.Option(help="Delete this list first.")] = None,
    as_json: Json = False,
) -> None:
    """List the exclusion lists of a data set."""
    faces = load_dataset(dataset)
    if remove:
        lists.remove_exclusions(dataset, remove)
    rows = [_describe(faces, name) for name in lists.exclusion_names(dataset)]
    show(rows, as_json, f"No exclusion list of '{dataset}' yet: make one with 'exclude'.")


def _describe(dataset: FaceDataset, name: str) -> dict[str, Any]:
    try:
        listed = lists.load_exclusions(dataset.name, name)
        excluded = dataset.without(listed.reasons).excluded
    except UserError as error:
        return {"name": name, "faces": None, "splits": None, "problem": str(error)}
    splits = dataset.splits[excluded]
    return {
        "name": name,
        "faces": len(listed),
        "splits": {each: int((splits == each).sum()) for each in dataset.split_names()},
        "problem": None,
    }
