"""Open data sets, what is left out of them, and their twins."""

from contextlib import suppress

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.resources.identity import identity
from pipeline.data import store
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import ExclusionList, load_exclusions
from pipeline.errors import UserError
from pipeline.evaluation.target import Target, training_twins
from pipeline.workspace import dataset_folder


@st.cache_resource(max_entries=4, show_spinner=False)
def _dataset(name: str, fingerprint: str, files: tuple[tuple[int, ...], ...]) -> FaceDataset:
    return store.load_dataset(name)


def dataset(name: str, fingerprint: str) -> FaceDataset:
    """Open a data set, again only after its files have changed; its pictures stay on disk.

    A picture that is looked at where the file was cut short would end the process.

    Args:
        name: the data set's name.
        fingerprint: keeps another one of that name from use.

    Raises:
        UserError: there is no such data set, or its files are damaged.
    """
    files = (dataset_folder(name) / file for file in ("images.npy", "index.parquet"))
    return _dataset(name, fingerprint, tuple(identity(file) for file in files))


def forget_datasets() -> None:
    """Let go of the open data sets, so that removed ones leave the disk."""
    _dataset.clear()


def dataset_by_fingerprint(fingerprint: str) -> FaceDataset | None:
    """Open the data set of a fingerprint, whatever its name; None if it is not here or damaged.

    Args:
        fingerprint: its first 12 characters or more.
    """
    for info in store.datasets_of(fingerprint):
        with suppress(UserError):
            return dataset(info.name, info.fingerprint)
    return None


@st.cache_resource(max_entries=4, show_spinner=False)
def _twins(_of: FaceDataset, fingerprint: str) -> NDArray[np.str_]:
    return training_twins(_of)


def twins(target: Target) -> NDArray[np.str_]:
    """Return the ids of faces of other splits whose picture is in `train`; none if unknown."""
    of = dataset_by_fingerprint(target.fingerprint)
    return np.empty(0, "U") if of is None else _twins(of, of.fingerprint)


@st.cache_resource(max_entries=8, show_spinner=False)
def _exclusions(dataset: str, name: str, changed: tuple[int, ...]) -> ExclusionList:
    return load_exclusions(dataset, name)


def exclusions(target: Target) -> ExclusionList | None:
    """Read the exclusion list of a target, again only after its file has changed.

    Raises:
        UserError: there is no such list, or it is damaged.
    """
    if not target.exclude:
        return None
    file = dataset_folder(target.dataset) / "exclusions" / f"{target.exclude}.csv"
    return _exclusions(target.dataset, target.exclude, identity(file))
