"""Open data sets with statistics, audit and votes; exclusion lists; train duplicates."""

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pipeline.data import store, votes
from pipeline.data.audit import Audit, load_audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import ExclusionList, list_names, load_exclusions
from pipeline.data.statistics import Statistics, statistics
from pipeline.errors import UserError
from pipeline.evaluation.subset import EvaluationSubset, training_duplicates
from pipeline.storage import file_version
from pipeline.training.targets import training_counts as training_counts_of
from pipeline.workspace import dataset_folder


@st.cache_resource(max_entries=4, show_spinner=False)
def _dataset(name: str, fingerprint: str, files: tuple[tuple[int, ...], ...]) -> FaceDataset:
    return store.load_dataset(name)


def dataset(name: str, fingerprint: str) -> FaceDataset:
    """Return an open data set, opened again only after its files have changed.

    Its images are memory-mapped: reading them from a file that was cut short would kill the
    process, so check by this call before each use.

    Args:
        name: the data set's name.
        fingerprint: its fingerprint, so that another data set of this name is not returned.

    Raises:
        UserError: there is no such data set, or its files are damaged.
    """
    files = (dataset_folder(name) / file for file in ("images.npy", "index.parquet"))
    return _dataset(name, fingerprint, tuple(file_version(file) for file in files))


def forget_datasets() -> None:
    """Close the open data sets, so that the disk space of removed ones is freed."""
    _dataset.clear()


def dataset_by_fingerprint(fingerprint: str) -> FaceDataset | None:
    """Return the open data set of a fingerprint, of any name; None if missing or damaged.

    Args:
        fingerprint: its first 12 characters or more.
    """
    for info in store.datasets_of(fingerprint):
        with suppress(UserError):
            return dataset(info.name, info.fingerprint)
    return None


@dataclass(frozen=True)
class AnnotatedDataset:
    """A data set of n faces with its statistics, audit and FER+ aggregates.

    Args:
        dataset: the data set.
        statistics: brightness, contrast and mean images.
        audit: its findings, or None before the first audit.
    """

    dataset: FaceDataset
    statistics: Statistics
    audit: Audit | None

    @cached_property
    def majority(self) -> NDArray[np.uint8] | None:
        """Majority vote of each face, (n,) indices into `votes.MAJORITIES`; None without votes."""
        return None if self.dataset.votes is None else votes.majority(self.dataset.votes)

    @cached_property
    def agreement(self) -> NDArray[np.float32] | None:
        """Share of each face's most frequent vote, (n,) 0-1; None without votes."""
        return None if self.dataset.votes is None else votes.agreement(self.dataset.votes)

    @cached_property
    def entropy(self) -> NDArray[np.float32] | None:
        """Entropy of each face's votes in bits, (n,); None without votes."""
        return None if self.dataset.votes is None else votes.entropy(self.dataset.votes)


def annotated(dataset: FaceDataset) -> AnnotatedDataset:
    """Return a data set with its statistics and its audit, if it has one."""
    return AnnotatedDataset(dataset, statistics(dataset), load_audit(dataset))


@st.cache_data(max_entries=16, show_spinner=False)
def _training_counts(
    _dataset: FaceDataset, fingerprint: str, excluded: bytes, seed: int
) -> NDArray[np.int64]:
    return training_counts_of(_dataset, seed)


def training_counts(dataset: FaceDataset, seed: int = 0) -> NDArray[np.int64]:
    """Return how many faces of each emotion a training fits on, int64 (7,), counted once.

    Raises:
        UserError: there are no training faces.
    """
    excluded = b"" if dataset.excluded is None else np.packbits(dataset.excluded).tobytes()
    return _training_counts(dataset, dataset.fingerprint, excluded, seed)


@st.cache_resource(max_entries=4, show_spinner=False)
def _duplicates(_dataset: FaceDataset, fingerprint: str) -> NDArray[np.str_]:
    return training_duplicates(_dataset)


def duplicates(subset: EvaluationSubset) -> NDArray[np.str_]:
    """Return the ids of faces with a duplicate in `train`; none without the data set."""
    faces = dataset_by_fingerprint(subset.fingerprint)
    return np.empty(0, "U") if faces is None else _duplicates(faces, faces.fingerprint)


@st.cache_resource(max_entries=8, show_spinner=False)
def _exclusions(
    dataset: str, names: tuple[str, ...], changed: tuple[tuple[int, ...], ...]
) -> ExclusionList:
    return load_exclusions(dataset, *names)


def exclusions(subset: EvaluationSubset) -> ExclusionList | None:
    """Return the exclusion lists of a subset as one, read again only after a file has changed.

    Raises:
        UserError: there is no such list, or it is damaged.
    """
    names = list_names([subset.exclude])
    if not names:
        return None
    folder = dataset_folder(subset.dataset) / "exclusions"
    changed = tuple(file_version(folder / f"{name}.csv") for name in names)
    return _exclusions(subset.dataset, names, changed)
