"""The view Audit: each finding with its counts and some faces; the exclusion lists."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import actions, resources
from dashboard.access import editors_only
from dashboard.resources import AnnotatedDataset
from dashboard.views.dataset.filters import FILTERS
from dashboard.widgets.empty_state import empty_state
from dashboard.widgets.face_detail import show_detail
from dashboard.widgets.gallery import Tile, tile_grid
from dashboard.widgets.job_progress import follow_job, offer_job
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.data.audit import FINDINGS, LEAKS, Audit, faces_to_exclude
from pipeline.data.dataset import split_name
from pipeline.data.exclusions import exclusion_names, load_exclusions
from pipeline.errors import UserError
from pipeline.jobs import audit_job
from pipeline.labels import EMOTIONS
from pipeline.report.units import percent
from pipeline.storage import csv_text

_STRIP = 8
_STRIP_SIDE_PX = 56


@dataclass(frozen=True)
class _Row:
    """A row of the view.

    Args:
        title: the finding.
        meaning: a sentence.
        counts: "groups" and "excess" of the summary, where the finding has them.
        n: number of faces that the finding could have.
        faces: positions of its faces.
        examples: positions of some of them.
        filters: filters that show all of them in the gallery.
    """

    title: str
    meaning: str
    counts: Mapping[str, int]
    n: int
    faces: NDArray[np.intp]
    examples: NDArray[np.intp]
    filters: Mapping[str, Any]


def show_audit(faces: AnnotatedDataset) -> bool:
    """Show the findings of the audit and the exclusion lists, or a button that runs it.

    Returns:
        Whether there is an audit.
    """
    job = audit_job(faces.dataset.name)
    if job.running():
        follow_job(job, "Auditing")
        return False
    if faces.audit is None:
        with empty_state(
            "No audit yet",
            "An audit finds duplicates, also across splits, conflicting labels, and images of low "
            "contrast. It takes up to a minute, and its result is stored.",
        ):
            offer_job(job, "Audit images", ":material/troubleshoot:")
        return False
    _show_head(faces, faces.audit)
    for row in [*_findings(faces, faces.audit), _label_issues(faces)]:
        _show_row(faces, faces.audit, row)
    _show_exclusion_lists(faces.dataset.name)
    return True


def _show_head(faces: AnnotatedDataset, audit: Audit) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(_leaks_text(faces, audit), width="stretch")
        st.download_button(
            "CSV",
            lambda: _csv(faces, audit),
            f"{faces.dataset.name}-audit.csv",
            "text/csv",
            icon=":material/download:",
            help="Has a row for each face with a finding.",
        )


def _csv(faces: AnnotatedDataset, audit: Audit) -> str:
    columns = resources.label_issues(faces.dataset).columns
    return csv_text(audit.table(faces.dataset, columns))


def _leaks_text(faces: AnnotatedDataset, audit: Audit) -> str:
    leaks = []
    for split in faces.dataset.split_names():
        mask = faces.dataset.splits == split
        exact = int((mask & audit.leaks).sum())
        near = int((mask & audit.near_leaks & ~audit.leaks).sum())
        if split != "train" and exact + near:
            leaks.append(
                f"**{exact:,}** of the {int(mask.sum()):,} faces of {split_name(split)} "
                f"({percent(exact / mask.sum())}) have a duplicate in `train`, and {near:,} more "
                "a near-duplicate"
            )
    if not leaks:
        return "No face of another split has a duplicate or a near-duplicate in `train`."
    return f"{'; '.join(leaks)}."


def _findings(faces: AnnotatedDataset, audit: Audit) -> Iterator[_Row]:
    counts = audit.summary(faces.dataset)
    for name in audit.available():
        finding, groups = FINDINGS[name], audit.groups(name)
        positions = np.flatnonzero(audit.mask(name))
        examples = positions[:_STRIP] if groups is None else _pairs(positions, groups)
        filters = {"finding": name}
        count, n = counts[finding.key], len(faces.dataset)
        yield _Row(finding.title, finding.meaning, count, n, positions, examples, filters)


def _label_issues(faces: AnnotatedDataset) -> _Row:
    issues = resources.label_issues(faces.dataset)
    positions, filters = np.flatnonzero(issues.mask), {"label_issue": True}
    examples = positions[:_STRIP]
    meaning = escape_markdown(issues.meaning(resources.model_names()))
    return _Row("Label issues", meaning, {}, issues.predicted, positions, examples, filters)


def _pairs(positions: NDArray[np.intp], groups: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return two faces of each of the first groups, side by side."""
    ordered = positions[np.argsort(groups[positions], kind="stable")]
    _, first = np.unique(groups[ordered], return_index=True)
    first = first[: _STRIP // 2]
    return ordered[np.stack([first, first + 1], axis=1).ravel()]


def _show_row(faces: AnnotatedDataset, audit: Audit, row: _Row) -> None:
    with st.container(border=True):
        text, strip = st.columns([2, 3], vertical_alignment="center", gap="medium")
        with text:
            st.markdown(f"**{escape_markdown(row.title)}**{_counts_text(row)}")
            st.caption(escape_markdown(row.meaning))
            if len(row.faces):
                with st.container(horizontal=True, gap="small"):
                    st.button(
                        "Show faces",
                        key=f"show {row.title}",
                        icon=":material/grid_view:",
                        on_click=FILTERS.set,
                        kwargs=dict(row.filters),
                    )
                    if row.filters.get("finding") in LEAKS:
                        _offer_training_side(faces, audit, row.filters["finding"])
        with strip:
            tiles = [_tile(faces, int(face)) for face in row.examples]
            clicked = tile_grid(f"strip {row.title}", tiles, side=_STRIP_SIDE_PX)
            if clicked is not None:
                show_detail(faces, int(row.examples[clicked]), row.faces)


def _offer_training_side(faces: AnnotatedDataset, audit: Audit, finding: str) -> None:
    """Show a button that puts the training faces of a finding on an exclusion list of its own."""
    name = f"{finding.replace('_', '-')}-train"
    if st.button(
        "Exclude training side",
        key=f"exclude {finding}",
        icon=":material/block:",
        **editors_only(
            help=f"Puts the faces of train, and no others, on the list {escape_markdown(name)}."
        ),
    ):
        chosen = faces_to_exclude(faces.dataset, audit, finding, ["train"])
        try:
            ids = faces.dataset.ids[chosen]
            listed = actions.exclude(faces.dataset, name, dict.fromkeys(ids, finding))
        except UserError as error:
            show_error(error)
        else:
            st.toast(f"The list **{escape_markdown(name)}** holds {len(listed):,} training faces.")


def _counts_text(row: _Row) -> str:
    if not row.n:
        return ""
    of = "" if row.filters.get("finding") else f" of the {row.n:,} with a prediction"
    words = ["", f"**{len(row.faces):,}** faces · {percent(len(row.faces) / row.n)}{of}"]
    if "groups" in row.counts:
        words.append(f"{row.counts['groups']:,} groups")
    if "excess" in row.counts:
        words.append(f"{row.counts['excess']:,} copies")
    return " · ".join(words)


def _tile(faces: AnnotatedDataset, face: int) -> Tile:
    emotion = EMOTIONS[faces.dataset.labels[face]]
    return Tile(faces.dataset.images[face], emotion, split_name(str(faces.dataset.splits[face])))


def _show_exclusion_lists(dataset: str) -> None:
    st.header("Exclusion lists")
    names = exclusion_names(dataset)
    if not names:
        st.caption(
            "None yet. Show the faces of a finding, or pick some by hand, and exclude them: "
            "training and evaluation can then skip that list."
        )
    for name in names:
        _show_exclusion_list(dataset, name)


def _show_exclusion_list(dataset: str, name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        try:
            listed = load_exclusions(dataset, name)
            shown = escape_markdown(name)
            st.markdown(f"**{shown}** · {len(listed):,} faces", width="stretch")
            st.button(
                "Show faces",
                key=f"show list {name}",
                icon=":material/grid_view:",
                on_click=FILTERS.set,
                kwargs={"excluded": name},
            )
        except UserError as error:
            show_error(error)
        if st.button(
            "Remove", key=f"remove list {name}", icon=":material/delete:", **editors_only()
        ):
            try:
                actions.remove_exclusions(dataset, name)
            except UserError as error:
                show_error(error)
                return
            if FILTERS.active().get("excluded") == name:
                FILTERS.drop("excluded")
            st.rerun()
