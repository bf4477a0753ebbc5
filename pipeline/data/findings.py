"""From what an audit found to the faces that an exclusion list takes up."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.data.audit import FINDINGS, Audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.groups import NO_GROUP
from pipeline.errors import UserError


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
        finding: one of `FINDINGS`.
        splits: only faces of these splits; empty for all.
        keep_first: pass over the first face of each group of twins, of those in `splits`, so that
            one of them stays; findings without groups have none to pass over.

    Raises:
        UserError: there is no such finding or split, or the data set has no votes to find it by.
    """
    _check(dataset, audit, finding, splits)
    within = np.isin(dataset.splits, splits) if splits else np.ones(len(dataset), np.bool_)
    faces = np.flatnonzero(audit.faces(finding) & within)
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
    if finding not in audit.known():
        problem = (
            f"Data set '{dataset.name}' has no FER+ votes to find '{finding}' by"
            if finding in FINDINGS
            else f"Unknown finding '{finding}'"
        )
        raise UserError(f"{problem}. Choose from: {', '.join(audit.known())}.")
    unknown = [split for split in splits if split not in dataset.split_names()]
    if unknown:
        raise UserError(
            f"Data set '{dataset.name}' has no split '{unknown[0]}'. "
            f"Choose from: {', '.join(dataset.split_names())}."
        )
