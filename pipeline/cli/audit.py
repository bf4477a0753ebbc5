"""The command that audits a data set."""

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from pipeline.cli.output import DatasetName, Json, output_file, print_json, progress, show
from pipeline.data.audit import FINDINGS, LEAKS, Audit, load_audit, save_audit
from pipeline.data.audit import audit as audit_dataset
from pipeline.data.dataset import FaceDataset
from pipeline.data.store import load_dataset
from pipeline.evaluation.label_issues import LabelIssues, find_label_issues
from pipeline.runs import model_names
from pipeline.storage import cannot_write, csv_text, write_output


def audit(
    name: DatasetName,
    csv: Annotated[
        Path | None,
        typer.Option(help="Write a row per face with a finding.", callback=output_file),
    ] = None,
    again: Annotated[bool, typer.Option(help="Audit again, even if a result is cached.")] = False,
    as_json: Json = False,
) -> None:
    """Find duplicates, leaks between splits, label issues and low contrast."""
    dataset = load_dataset(name)
    result = cached_audit(dataset, again=again)
    label_issues = find_label_issues(dataset)
    if csv:
        write_output(csv, csv_text(result.table(dataset, label_issues.columns)))
    if as_json:
        print_json(
            result.summary(dataset)
            | _likely_mislabeled(result, label_issues)
            | {"label_issues": label_issues.summary()}
        )
    else:
        _show(dataset, result, label_issues)


def cached_audit(dataset: FaceDataset, *, again: bool = False) -> Audit:
    """Return the stored audit of a data set; audit it and store the result if there is none.

    Args:
        dataset: the data set.
        again: audit even if a result is stored.

    Raises:
        UserError: it cannot be stored.
    """
    with progress(f"Auditing {dataset.name}") as set_progress:
        stored = None if again else load_audit(dataset)
        if stored is not None:
            return stored
        result = audit_dataset(dataset, set_progress)
        try:
            save_audit(dataset, result)
        except OSError as error:
            raise cannot_write(f"The audit of '{dataset.name}' cannot be stored", error) from error
        return result


def _likely_mislabeled(result: Audit, label_issues: LabelIssues) -> dict[str, Any]:
    """Return the faces that FER+ votes or models contradict, and how many each of them."""
    by_votes = result.likely_mislabeled
    if by_votes is None and not label_issues.models:
        return {}
    masks = [label_issues.mask, *([] if by_votes is None else [by_votes])]
    counts: dict[str, Any] = {"faces": int(np.logical_or.reduce(masks).sum())}
    if by_votes is not None:
        counts["ferplus"] = int(by_votes.sum())
    if label_issues.models:
        models = label_issues.summary()["models"]
        counts["models"] = {model: each["faces"] for model, each in models.items()}
    return {"doubtful": counts}


def _show(dataset: FaceDataset, result: Audit, label_issues: LabelIssues) -> None:
    counts, n = result.summary(dataset), len(dataset)
    rows = [
        _row(each.title.lower(), counts[each.key].get("groups"), result.mask(name), n, each.meaning)
        for name, each in FINDINGS.items()
        if name in result.available()
    ]
    meaning = label_issues.meaning(model_names())
    issues = label_issues.mask, label_issues.predicted, meaning
    rows.append(_row("label issues", None, *issues))
    print(f"{len(dataset):,} faces in '{dataset.name}'")
    show(rows)
    if result.leaks.any() or result.near_leaks.any():
        show(_leaks(dataset, *(counts[name] for name in LEAKS)))


def _row(
    finding: str, groups: int | None, faces: NDArray[np.bool_], n: int, meaning: str
) -> dict[str, Any]:
    """Return a row of the table; the share is of n faces, which may be fewer than all."""
    of = "" if n == len(faces) else f" of {n:,}"
    share = f"{faces.sum() / n:.1%}{of}" if n else None
    return {
        "finding": finding,
        "groups": None if groups is None else f"{groups:,}",
        "faces": f"{faces.sum():,}" if n else None,
        "share": share,
        "meaning": meaning,
    }


def _leaks(
    dataset: FaceDataset, leaks: dict[str, int], near_leaks: dict[str, int]
) -> list[dict[str, Any]]:
    sizes = {split: int((dataset.splits == split).sum()) for split in dataset.split_names()}
    return [
        {
            "split": split,
            "with a duplicate in train": f"{n:,} ({n / sizes[split]:.1%})",
            "with a near-duplicate": f"{near_leaks[split]:,}",
        }
        for split, n in leaks.items()
        if split != "groups"
    ]
