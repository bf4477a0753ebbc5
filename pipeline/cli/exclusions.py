"""Commands about exclusion lists."""

from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.audit import cached_audit
from pipeline.cli.output import DatasetName, Json, show
from pipeline.data import exclusions as lists
from pipeline.data.audit import FINDINGS, faces_to_exclude
from pipeline.data.dataset import FaceDataset
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.workspace import check_name

_BY_HAND = "by hand"


def exclude(
    dataset: DatasetName,
    name: Annotated[str, typer.Argument(metavar="LIST", help="The list, existing or new.")],
    finding: Annotated[
        list[str] | None, typer.Option(help=f"Add faces with a finding: {', '.join(FINDINGS)}.")
    ] = None,
    split: Annotated[list[str] | None, typer.Option(help="Only faces of this split.")] = None,
    keep_first: Annotated[
        bool, typer.Option("--keep-first", help="Keep the first face of each duplicate group.")
    ] = False,
    ids: Annotated[Path | None, typer.Option(help="CSV of id and reason (optional).")] = None,
    reason: Annotated[str, typer.Option(help="Why; by default the finding's name.")] = "",
) -> None:
    """Add faces to an exclusion list, which `train` and `evaluate` leave out."""
    if not finding and (split or keep_first):
        raise UserError("--split and --keep-first apply to --finding: name a finding.")
    if not finding and ids is None:
        raise UserError("Say which faces: with --finding NAME, with --ids FILE.csv, or with both.")
    check_name(name)
    faces = load_dataset(dataset)
    reasons = _read_reasons(ids, reason) if ids else {}
    if finding:
        audit = cached_audit(faces)
        for each in finding:
            chosen = faces_to_exclude(faces, audit, each, split or (), keep_first)
            reasons = dict.fromkeys(faces.ids[chosen].tolist(), reason or each) | reasons
    changed = lists.exclude(faces, name, reasons)
    print(f"The list '{name}' of data set '{dataset}' holds {len(changed):,} faces.")


def _read_reasons(path: Path, reason: str) -> dict[str, str]:
    reasons = lists.read_exclusions(path, path.stem).reasons
    return {face: given or reason or _BY_HAND for face, given in reasons.items()}


def exclusions(
    dataset: DatasetName,
    remove: Annotated[str | None, typer.Option(help="Delete this list.")] = None,
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
        exclusions = lists.load_exclusions(dataset.name, name)
        excluded = dataset.without(exclusions.reasons).excluded
    except UserError as error:
        return {"name": name, "faces": None, "splits": None, "problem": str(error)}
    splits = dataset.splits[excluded]
    return {
        "name": name,
        "faces": len(exclusions),
        "splits": {each: int((splits == each).sum()) for each in dataset.split_names()},
        "problem": None,
    }
