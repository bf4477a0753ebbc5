"""Defects of a data set: each with its count, its share, some of its faces, and a way to all."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.components.dataset import selection
from dashboard.components.dataset.detail import show_detail
from dashboard.components.dataset.exclusion_lists import show_exclusion_lists
from dashboard.components.dataset.filters import Filters
from dashboard.components.dataset.known import KnownFaces
from dashboard.components.gallery import Tile, tile_grid
from dashboard.components.job import follow_job, offer_job
from dashboard.components.units import percent
from pipeline.data.audit import FINDINGS, Audit
from pipeline.data.jobs import AuditJob
from pipeline.labels import EMOTIONS

_STRIP = 8
_STRIP_SIDE_PX = 56


@dataclass(frozen=True)
class _Finding:
    """A row of the view: what was found, in which faces, some of them, and what chooses all."""

    title: str
    meaning: str
    counted: str
    faces: NDArray[np.intp]
    some: NDArray[np.intp]
    filters: Filters


def show_audit(known: KnownFaces) -> None:
    """Show what an audit found, or offer one.

    Args:
        known: what is known of the data set.
    """
    job = AuditJob(known.dataset.name)
    if job.running():
        return follow_job(job, "Looking for twins, leaks and defects")
    if known.audit is None:
        st.markdown(
            "An audit finds pictures that occur twice, also across splits, labels that contradict "
            "each other, and pictures of nothing. It takes a few seconds and is kept."
        )
        return offer_job(job, "Audit the pictures", ":material/troubleshoot:")
    _show_head(known, known.audit)
    for finding in [*_found(known, known.audit), *_doubted(known)]:
        _show_finding(known, finding)
    show_exclusion_lists(known.dataset.name)


def _show_head(known: KnownFaces, audit: Audit) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_leaks_in_words(known, audit), width="stretch")
        st.download_button(
            "CSV", lambda: _table(known, audit),
            f"{known.dataset.name}-audit.csv", "text/csv", icon=":material/download:",
            help="a row for each face that has a finding",
        )  # fmt: skip


def _table(known: KnownFaces, audit: Audit) -> str:
    doubts = resources.doubts(known.dataset)
    columns = {f"doubted_by_{model}": mask for model, mask in doubts.items()}
    return audit.table(known.dataset, columns).to_csv(index=False)


def _leaks_in_words(known: KnownFaces, audit: Audit) -> str:
    seen = []
    for split in known.dataset.split_names():
        mine = known.dataset.splits == split
        exactly = int((mine & audit.leaks).sum())
        nearly = int((mine & audit.near_leaks & ~audit.leaks).sum())
        if split != "train" and exactly + nearly:
            seen.append(
                f"**{exactly:,}** of the {int(mine.sum()):,} faces of `{split}` "
                f"({percent(exactly / mine.sum())}), and {nearly:,} more nearly so"
            )
    if not seen:
        return "No picture of the training split is in another split, not even nearly."
    return f"A model that is trained on `train` has already seen {'; '.join(seen)}."


def _found(known: KnownFaces, audit: Audit) -> list[_Finding]:
    counts = audit.summary(known.dataset)
    found = []
    for name in audit.known():
        faces, groups = np.flatnonzero(audit.faces(name)), audit.groups(name)
        some = faces[:_STRIP] if groups is None else _pairs(faces, groups)
        counted = _counted(len(faces), len(known.dataset), counts[name])
        title = name.replace("_", " ").capitalize()
        found.append(_Finding(title, FINDINGS[name], counted, faces, some, {"finding": name}))
    return found


def _doubted(known: KnownFaces) -> list[_Finding]:
    meaning = "Labels that the model's stored probabilities speak against (confident learning)."
    found = []
    for model, mask in resources.doubts(known.dataset).items():
        faces = np.flatnonzero(mask)
        counted = _counted(len(faces), len(known.dataset), {})
        some, filters = faces[:_STRIP], {"doubted": model}
        found.append(_Finding(f"Doubted by {model}", meaning, counted, faces, some, filters))
    return found


def _pairs(faces: NDArray[np.intp], groups: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return two faces of each of the first groups, side by side."""
    ordered = faces[np.argsort(groups[faces], kind="stable")]
    _, first = np.unique(groups[ordered], return_index=True)
    first = first[: _STRIP // 2]
    return ordered[np.stack([first, first + 1], axis=1).ravel()]


def _counted(faces: int, of: int, counts: Mapping[str, int]) -> str:
    words = [f"**{faces:,}** faces · {percent(faces / of)}"]
    if "groups" in counts:
        words.append(f"{counts['groups']:,} groups")
    if "excess" in counts:
        words.append(f"{counts['excess']:,} copies")
    return " · ".join(words)


def _show_finding(known: KnownFaces, finding: _Finding) -> None:
    with st.container(border=True):
        words, strip = st.columns([2, 3], vertical_alignment="center", gap="medium")
        with words:
            st.markdown(f"**{finding.title}** · {finding.counted}")
            st.caption(finding.meaning)
            if len(finding.faces):
                st.button(
                    "Show faces", key=f"show {finding.title}", icon=":material/grid_view:",
                    on_click=selection.choose, kwargs=dict(finding.filters),
                )  # fmt: skip
        with strip:
            tiles = [_tile(known, int(face)) for face in finding.some]
            clicked = tile_grid(f"strip {finding.title}", tiles, side=_STRIP_SIDE_PX)
            if clicked is not None:
                show_detail(known, int(finding.some[clicked]))


def _tile(known: KnownFaces, face: int) -> Tile:
    emotion = EMOTIONS[known.dataset.labels[face]]
    return Tile(known.dataset.images[face], emotion, str(known.dataset.splits[face]))
