"""The command that looks for the defects of a data set."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray

from pipeline.cli.report import Json, progress, show
from pipeline.data.audit import FINDINGS, LEAKS, Audit, keep_audit, kept_audit
from pipeline.data.audit import audit as audit_dataset
from pipeline.data.dataset import FaceDataset
from pipeline.data.jobs import AuditJob
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.evaluation.doubts import doubts_by_model
from pipeline.workspace import write_text

_Doubts = Mapping[str, NDArray[np.bool_]]  # model -> bool (n,)


def audit(
    name: Annotated[str, typer.Argument(help="Data set's name.")],
    csv: Annotated[Path | None, typer.Option(help="Write a row for each face found.")] = None,
    again: Annotated[bool, typer.Option(help="Look again, whatever is kept.")] = False,
    as_json: Json = False,
) -> None:
    """Look for twins, leaks, labels in doubt and pictures of nothing."""
    dataset = load_dataset(name)
    made = audit_of(dataset, again=again)
    doubts = doubts_by_model(dataset)
    if csv:
        columns = {f"doubted_by_{model}": mask for model, mask in doubts.items()}
        _write(csv, made.table(dataset, columns))
    if as_json:
        print(json.dumps(made.summary(dataset) | _doubtful(made, doubts), indent=2))
    else:
        _show(dataset, made, doubts)


def audit_of(dataset: FaceDataset, *, again: bool = False) -> Audit:
    """Return the audit that is kept of a data set; make and keep one if there is none.

    Args:
        dataset: the data set.
        again: make one whatever is kept.

    Raises:
        UserError: it cannot be kept.
    """
    with progress(f"Auditing {dataset.name}", AuditJob(dataset.name)) as advance:
        kept = None if again else kept_audit(dataset)
        if kept is not None:
            return kept
        made = audit_dataset(dataset, advance)
        try:
            keep_audit(dataset, made)
        except OSError as error:
            raise UserError(
                f"The audit of '{dataset.name}' cannot be kept ({error.strerror or error}): free "
                "some space, or let the data set's folder be written to."
            ) from error
        return made


def _doubtful(made: Audit, doubts: _Doubts) -> dict[str, Any]:
    ferplus = made.doubtful
    masks = [*([] if ferplus is None else [ferplus]), *doubts.values()]
    if not masks:
        return {}
    counted: dict[str, Any] = {"faces": int(np.logical_or.reduce(masks).sum())}
    if ferplus is not None:
        counted["ferplus"] = int(ferplus.sum())
    if doubts:
        counted["models"] = {model: int(mask.sum()) for model, mask in doubts.items()}
    return {"doubtful": counted}


def _show(dataset: FaceDataset, made: Audit, doubts: _Doubts) -> None:
    counts = made.summary(dataset)
    rows = [
        _row(name.replace("_", " "), counts[name].get("groups"), made.faces(name), FINDINGS[name])
        for name in made.known()
    ]
    meaning = "Labels that this model, not trained on the face, confidently speaks against."
    rows += [_row(f"doubted by {model}", None, mask, meaning) for model, mask in doubts.items()]
    print(f"{len(dataset):,} faces in '{dataset.name}'")
    show(rows, False, "")
    if made.leaks.any() or made.near_leaks.any():
        show(_leaks(dataset, *(counts[name] for name in LEAKS)), False, "")


def _row(
    finding: str, groups: int | None, faces: NDArray[np.bool_], meaning: str
) -> dict[str, Any]:
    return {
        "finding": finding,
        "groups": None if groups is None else f"{groups:,}",
        "faces": f"{faces.sum():,}",
        "share": f"{faces.mean():.1%}",
        "meaning": meaning,
    }


def _leaks(
    dataset: FaceDataset, leaks: dict[str, int], near_leaks: dict[str, int]
) -> list[dict[str, Any]]:
    sizes = {split: int((dataset.splits == split).sum()) for split in dataset.split_names()}
    return [
        {
            "split": split,
            "with an identical twin in train": f"{n:,} ({n / sizes[split]:.1%})",
            "with a nearly identical one": f"{near_leaks[split]:,}",
        }
        for split, n in leaks.items()
        if split != "groups"
    ]


def _write(path: Path, table: pd.DataFrame) -> None:
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is no file that could be written: name a .csv file.")
    try:
        write_text(path, table.to_csv(index=False))
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror or error}.") from error
