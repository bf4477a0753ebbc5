"""Audit of a data set: duplicates, leaks, conflicting labels, low contrast, label issues."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.data.array_cache import load_arrays, save_arrays
from pipeline.data.dataset import FaceDataset
from pipeline.data.duplicates import (
    MAX_DISPLACEMENT_PX,
    MAX_DISTANCE_BITS,
    MIN_CORRELATION,
    NO_GROUP,
    members_differ,
    near_duplicate_groups,
    number_groups,
    unique_images,
)
from pipeline.data.statistics import statistics
from pipeline.data.votes import NOT_A_FACE, against_label, majority
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.workspace import dataset_folder

MIN_CONTRAST = 10.0
"""Below this standard deviation of the gray levels (0-255) an image is of low contrast."""

_MEASURES = (MIN_CONTRAST, MAX_DISTANCE_BITS, MIN_CORRELATION, MAX_DISPLACEMENT_PX)


class Finding(NamedTuple):
    """A kind of defect.

    `key` is its name in JSON documents, CSV files and stored audits, `title` its name on pages,
    `meaning` a sentence, `badge` the mark on a face that has it.
    """

    key: str
    title: str
    meaning: str
    badge: str = ""


FINDINGS = {
    "duplicates": Finding(
        "identical", "Duplicates", "Images that occur more than once, byte for byte.", "duplicate"
    ),
    "near_duplicates": Finding(
        "near_identical",
        "Near-duplicates",
        "Different images of one photo: other crop, contrast, mark or compression.",
        "near-duplicate",
    ),
    "leaks": Finding(
        "leaks",
        "Leaks",
        "Duplicates in the training split and in another one: a model is tested on what it was "
        "trained on.",
        "leak",
    ),
    "near_leaks": Finding(
        "near_leaks",
        "Near-duplicate leaks",
        "Near-duplicates in the training split and in another one.",
    ),
    "conflicting_labels": Finding(
        "conflicting_labels",
        "Conflicting labels",
        "Duplicates that have different labels.",
        "conflicting label",
    ),
    "low_contrast": Finding(
        "flat",
        "Low contrast",
        f"Gray levels with a standard deviation below {MIN_CONTRAST:.0f} of 255: nothing to see.",
        "low contrast",
    ),
    "not_a_face": Finding(
        "not_a_face",
        "Not a face",
        "More than half of the FER+ annotators saw no face.",
        "not a face",
    ),
    "likely_mislabeled": Finding(
        "doubtful",
        "Likely mislabeled",
        "More than half of the FER+ annotators saw another emotion than the label.",
    ),
}
"""Field of `Audit` → the finding."""

DUPLICATES = ("duplicates", "near_duplicates")
LEAKS = ("leaks", "near_leaks")
GROUPED = (*DUPLICATES, *LEAKS, "conflicting_labels")
"""Findings that concern groups of faces."""


@dataclass(frozen=True)
class Audit:
    """The findings of a data set's n faces.

    Args:
        duplicates: int32 (n,), the number of a face's group of duplicates, from 0; `NO_GROUP` for
            none.
        near_duplicates: int32 (n,), the same for groups of near-duplicates, which hold at least two
            distinct images.
        leaks: bool (n,), of a group of duplicates in `train` and in another split.
        near_leaks: bool (n,), the same for groups of near-duplicates.
        conflicting_labels: bool (n,), of a group of duplicates with different labels.
        low_contrast: bool (n,).
        not_a_face: bool (n,), or None without FER+ votes.
        likely_mislabeled: bool (n,), or None without FER+ votes.
    """

    duplicates: NDArray[np.int32]
    near_duplicates: NDArray[np.int32]
    leaks: NDArray[np.bool_]
    near_leaks: NDArray[np.bool_]
    conflicting_labels: NDArray[np.bool_]
    low_contrast: NDArray[np.bool_]
    not_a_face: NDArray[np.bool_] | None
    likely_mislabeled: NDArray[np.bool_] | None

    def available(self) -> list[str]:
        """Return the findings that this data set can have, in the order of `FINDINGS`."""
        return [name for name in FINDINGS if getattr(self, name) is not None]

    def mask(self, finding: str) -> NDArray[np.bool_]:
        """Return which faces have an available finding, bool (n,)."""
        values = getattr(self, finding)
        return np.asarray(values if values.dtype == np.bool_ else values != NO_GROUP)

    def groups(self, finding: str) -> NDArray[np.int32] | None:
        """Return the group of each face of a finding, int32 (n,); None if it has no groups."""
        if finding not in GROUPED:
            return None
        near = finding.startswith("near")
        groups = self.near_duplicates if near else self.duplicates
        return np.where(self.mask(finding), groups, NO_GROUP).astype(np.int32)

    def summary(self, dataset: FaceDataset) -> dict[str, Any]:
        """Return the counts of `audit --json`: key of a finding → its counts."""
        counts = {FINDINGS[name].key: self._count(name, dataset) for name in self.available()}
        return {"n": len(dataset), **counts}

    def _count(self, finding: str, dataset: FaceDataset) -> dict[str, int]:
        mask, groups = self.mask(finding), self.groups(finding)
        counts = {}
        if groups is not None:
            counts["groups"] = len(np.unique(groups[mask]))
        if finding in LEAKS:
            others = [split for split in dataset.split_names() if split != "train"]
            return counts | {s: int((mask & (dataset.splits == s)).sum()) for s in others}
        counts["faces"] = int(mask.sum())
        if finding in DUPLICATES:
            counts["excess"] = counts["faces"] - counts["groups"]
        return counts

    def table(
        self, dataset: FaceDataset, more: Mapping[str, NDArray[np.bool_]] | None = None
    ) -> pd.DataFrame:
        """Return a row for each face that has a finding, with its groups and findings.

        Args:
            dataset: the audited data set.
            more: further findings, name of the column → bool (n,).
        """
        groups = {f"{FINDINGS[name].key}_group": getattr(self, name) for name in DUPLICATES}
        findings = {FINDINGS[name].key: self.mask(name) for name in self.available()}
        findings |= more or {}
        columns: dict[str, Any] = {
            "id": dataset.ids,
            "split": dataset.splits,
            "label": np.array(EMOTIONS)[dataset.labels],
            **{
                column: pd.Series(numbers, dtype="Int32").where(numbers != NO_GROUP)
                for column, numbers in groups.items()
            },
        }
        any_finding = np.logical_or.reduce(list(findings.values()))
        return pd.DataFrame({**columns, **findings})[any_finding].reset_index(drop=True)


def audit(
    dataset: FaceDataset, on_progress: Callable[[float], None] = lambda fraction: None
) -> Audit:
    """Find the defects of a data set.

    Args:
        dataset: the data set.
        on_progress: called with the fraction done, 0 to 1.
    """
    first, image = unique_images(dataset.images)
    low_contrast = statistics(dataset).contrast < MIN_CONTRAST
    candidates = np.flatnonzero(~low_contrast[first])
    near = np.full(len(first), NO_GROUP, np.int32)
    near[candidates] = number_groups(
        near_duplicate_groups(dataset.images, first[candidates], on_progress)
    )
    duplicates, near_duplicates = number_groups(image), near[image]
    labels, votes = dataset.labels, dataset.votes
    return Audit(
        duplicates=duplicates,
        near_duplicates=near_duplicates,
        leaks=members_differ(duplicates, dataset.splits == "train"),
        near_leaks=members_differ(near_duplicates, dataset.splits == "train"),
        conflicting_labels=members_differ(duplicates, labels),
        low_contrast=low_contrast,
        not_a_face=None if votes is None else majority(votes) == NOT_A_FACE,
        likely_mislabeled=None if votes is None else against_label(votes, labels),
    )


def _version(dataset: FaceDataset) -> str:
    """Return what a stored audit is valid for: the faces, and the thresholds of the measures."""
    return " ".join([dataset.fingerprint, *map(str, _MEASURES)])


def save_audit(dataset: FaceDataset, audit: Audit) -> None:
    """Store an audit in the data set's folder.

    Raises:
        OSError: it cannot be written.
    """
    arrays = {FINDINGS[name].key: value for name, value in asdict(audit).items()}
    available = {key: value for key, value in arrays.items() if value is not None}
    save_arrays(dataset_folder(dataset.name), _version(dataset), "audit", available)


def load_audit(dataset: FaceDataset) -> Audit | None:
    """Return the stored audit of exactly this data set by today's measures; None if there is none.

    Audits of versions that measured otherwise do not count.
    """
    stored = load_arrays(dataset_folder(dataset.name), _version(dataset), "audit")
    absent = set() if dataset.votes is not None else {"not_a_face", "doubtful"}
    if stored is None or stored.keys() != {each.key for each in FINDINGS.values()} - absent:
        return None
    arrays: dict[str, Any] = {name: stored.get(each.key) for name, each in FINDINGS.items()}
    return Audit(**arrays)


def faces_to_exclude(
    dataset: FaceDataset,
    audit: Audit,
    finding: str,
    splits: Sequence[str] = (),
    keep_first: bool = False,
) -> NDArray[np.intp]:
    """Return the positions of the faces of a finding, in the order of the data set.

    Args:
        dataset: the data set.
        audit: its audit.
        finding: a name or a key of `FINDINGS`.
        splits: only faces of these splits; empty for all.
        keep_first: leave out the first face of each group, of those in `splits`; no effect on
            findings without groups.

    Raises:
        UserError: there is no such finding or split, or the finding needs FER+ votes.
    """
    finding = next((name for name, each in FINDINGS.items() if each.key == finding), finding)
    _check(dataset, audit, finding, splits)
    within = np.isin(dataset.splits, splits) if splits else np.ones(len(dataset), np.bool_)
    faces = np.flatnonzero(audit.mask(finding) & within)
    groups = audit.groups(finding)
    return faces if groups is None or not keep_first else without_first(faces, groups)


def without_first(faces: NDArray[np.intp], groups: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return faces without the first of each group among them; those of no group stay.

    Args:
        faces: positions in the data set.
        groups: int32 (n,), the group of each face of the data set, `NO_GROUP` for none.
    """
    numbers, first = np.unique(groups[faces], return_index=True)
    return np.delete(faces, first[numbers != NO_GROUP])


def _check(dataset: FaceDataset, audit: Audit, finding: str, splits: Sequence[str]) -> None:
    if finding not in audit.available():
        problem = (
            f"Data set '{dataset.name}' has no FER+ votes, which '{finding}' needs"
            if finding in FINDINGS
            else f"Unknown finding '{finding}'"
        )
        raise UserError(f"{problem}. Choose from: {', '.join(audit.available())}.")
    unknown = [split for split in splits if split not in dataset.split_names()]
    if unknown:
        raise UserError(
            f"Data set '{dataset.name}' has no split '{unknown[0]}'. "
            f"Choose from: {', '.join(dataset.split_names())}."
        )
