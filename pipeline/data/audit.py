"""Defects of a data set: twins, leaks, labels that contradict each other, pictures of nothing.

Pictures are identical when their 2,304 bytes are. They are nearly so when their perceptual hashes
(Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions", as `imagehash`
has it) differ in at most 8 of 64 bits and their grey levels correlate at 0.9 or more: seen on
FER-2013, hashes alone call about every third such pair wrongly.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.data.dataset import FaceDataset
from pipeline.data.groups import (
    NO_GROUP,
    different_pictures,
    members_differ,
    number_groups,
)
from pipeline.data.kept import keep, read_kept
from pipeline.data.near import near_groups
from pipeline.data.statistics import statistics
from pipeline.data.votes import NOT_A_FACE, against_label, majority
from pipeline.labels import EMOTIONS
from pipeline.workspace import dataset_folder

FLAT_CONTRAST = 10.0
"""Below this standard deviation of the grey levels (0-255) a picture shows nothing."""

FINDINGS = {
    "identical": "Pictures that occur more than once, byte for byte.",
    "near_identical": "Different pictures of one photo: other crop, contrast, mark or compression.",
    "leaks": "Identical pictures in the training split and in another one: a model has seen them.",
    "near_leaks": "Nearly identical pictures in the training split and in another one.",
    "conflicting_labels": "Identical pictures that carry different labels.",
    "flat": f"Grey levels that vary by less than {FLAT_CONTRAST:.0f} of 255: nothing to see.",
    "not_a_face": "More than half of the FER+ annotators saw no face.",
    "doubtful": "More than half of the FER+ annotators saw another emotion than the label.",
}
"""Finding → what it means."""

TWINS = ("identical", "near_identical")
LEAKS = ("leaks", "near_leaks")
GROUPED = (*TWINS, *LEAKS, "conflicting_labels")
"""Findings that faces have together with their twins."""


@dataclass(frozen=True)
class Audit:
    """Which face has which defect; groups are numbered from 0, `NO_GROUP` is none.

    Args:
        identical: int32 (n,), the group of identical pictures that a face belongs to.
        near_identical: int32 (n,), the group of nearly identical, and at least two different,
            pictures.
        leaks: bool (n,), of a group of identical pictures in `train` and in another split.
        near_leaks: bool (n,), the same for groups of nearly identical pictures.
        conflicting_labels: bool (n,), of a group of identical pictures with different labels.
        flat: bool (n,), hardly any contrast.
        not_a_face: bool (n,), or None without FER+ votes.
        doubtful: bool (n,), or None without FER+ votes.
    """

    identical: NDArray[np.int32]
    near_identical: NDArray[np.int32]
    leaks: NDArray[np.bool_]
    near_leaks: NDArray[np.bool_]
    conflicting_labels: NDArray[np.bool_]
    flat: NDArray[np.bool_]
    not_a_face: NDArray[np.bool_] | None
    doubtful: NDArray[np.bool_] | None

    def known(self) -> list[str]:
        """Return the findings that could be looked for, in the order of `FINDINGS`."""
        return [name for name in FINDINGS if getattr(self, name) is not None]

    def faces(self, finding: str) -> NDArray[np.bool_]:
        """Return which faces have a known finding, bool (n,)."""
        found = getattr(self, finding)
        return np.asarray(found if found.dtype == np.bool_ else found != NO_GROUP)

    def groups(self, finding: str) -> NDArray[np.int32] | None:
        """Return the group of each face of a finding, int32 (n,); None if it has no groups."""
        if finding not in GROUPED:
            return None
        near = finding.startswith("near")
        return np.where(
            self.faces(finding), self.near_identical if near else self.identical, NO_GROUP
        ).astype(np.int32)

    def summary(self, dataset: FaceDataset) -> dict[str, Any]:
        """Return what `audit --json` prints of the pictures and the FER+ votes."""
        counted = {finding: self._count(finding, dataset) for finding in self.known()}
        return {"n": len(dataset), **counted}

    def _count(self, finding: str, dataset: FaceDataset) -> dict[str, int]:
        faces, groups = self.faces(finding), self.groups(finding)
        counted = {}
        if groups is not None:
            counted["groups"] = len(np.unique(groups[faces]))
        if finding in LEAKS:
            others = [split for split in dataset.split_names() if split != "train"]
            return counted | {s: int((faces & (dataset.splits == s)).sum()) for s in others}
        counted["faces"] = int(faces.sum())
        if finding in TWINS:
            counted["excess"] = counted["faces"] - counted["groups"]
        return counted

    def table(
        self, dataset: FaceDataset, more: Mapping[str, NDArray[np.bool_]] | None = None
    ) -> pd.DataFrame:
        """Return a row for each face that has a finding: what it is, and its findings.

        Args:
            dataset: the data set that was audited.
            more: further findings from elsewhere, bool (n,) each, by the name of their column.
        """
        groups = {f"{twins}_group": getattr(self, twins) for twins in TWINS}
        findings = {name: self.faces(name) for name in self.known()} | dict(more or {})
        columns: dict[str, Any] = {
            "id": dataset.ids,
            "split": dataset.splits,
            "label": np.array(EMOTIONS)[dataset.labels],
            **{of: pd.Series(g, dtype="Int32").where(g != NO_GROUP) for of, g in groups.items()},
        }
        found = np.logical_or.reduce(list(findings.values()))
        return pd.DataFrame({**columns, **findings})[found].reset_index(drop=True)


def audit(
    dataset: FaceDataset, on_progress: Callable[[float], None] = lambda fraction: None
) -> Audit:
    """Look for every defect.

    Args:
        dataset: the data set.
        on_progress: called with the share of the work done, 0 to 1.
    """
    first, picture = different_pictures(dataset.images)
    flat = statistics(dataset).contrast < FLAT_CONTRAST
    candidates = np.flatnonzero(~flat[first])
    near = np.full(len(first), NO_GROUP, np.int32)
    near[candidates] = number_groups(near_groups(dataset.images, first[candidates], on_progress))
    identical, near_identical = number_groups(picture), near[picture]
    labels, votes = dataset.labels, dataset.votes
    return Audit(
        identical=identical,
        near_identical=near_identical,
        leaks=members_differ(identical, dataset.splits == "train"),
        near_leaks=members_differ(near_identical, dataset.splits == "train"),
        conflicting_labels=members_differ(identical, labels),
        flat=flat,
        not_a_face=None if votes is None else majority(votes) == NOT_A_FACE,
        doubtful=None if votes is None else against_label(votes, labels),
    )


def keep_audit(dataset: FaceDataset, made: Audit) -> None:
    """Keep an audit with its data set.

    Raises:
        OSError: it cannot be written.
    """
    known = {name: values for name, values in asdict(made).items() if values is not None}
    keep(dataset_folder(dataset.name), dataset.fingerprint, "audit", known)


def kept_audit(dataset: FaceDataset) -> Audit | None:
    """Return the audit that was kept of just this data set; None if there is none."""
    found = read_kept(dataset_folder(dataset.name), dataset.fingerprint, "audit")
    names = {field.name for field in fields(Audit)}
    unknown = set() if dataset.votes is not None else {"not_a_face", "doubtful"}
    if found is None or found.keys() != names - unknown:
        return None
    arrays: dict[str, Any] = {**dict.fromkeys(unknown), **found}
    return Audit(**arrays)
