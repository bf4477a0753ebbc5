"""The map: faces as points, alike ones side by side; a line drawn around some opens them."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.charts.face_map import NO_DEFECT, face_map
from dashboard.components.dataset.known import KnownFaces
from dashboard.components.dataset.selection import choose
from dashboard.components.job import follow_job, offer_job
from pipeline.data.audit import Audit
from pipeline.evaluation.face_map import MOST, PIXELS, FaceMap, kept_map
from pipeline.evaluation.jobs import MapJob
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, list_models


def show_map(known: KnownFaces) -> None:
    """Show the map of a data set by pixels or by a model, or offer to draw it.

    Args:
        known: what is known of the data set.

    Raises:
        UserError: the chosen model's files are missing.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = _pick_source()
        colour = _pick_colour(known)
    job = MapJob(known.dataset.name, model.name if model else "")
    if job.running():
        return follow_job(job, f"Laying out {min(MOST, len(known.dataset)):,} faces")
    made = kept_map(known.dataset, model)
    if made is None:
        _offer(job)
    else:
        _show_chart(known, made, colour)


def _pick_source() -> Run | None:
    models = {model.name: model for model in list_models()}
    name = st.selectbox(
        "Compare faces by", [PIXELS, *models], key="map_by", bind="query-params", width=360,
        help="their pixels, or the last features of a model: what it sees before it decides",
    )  # fmt: skip
    return models.get(name)


def _pick_colour(known: KnownFaces) -> str:
    return st.segmented_control(
        "Colour by", ["label", "split", *(["defect"] if known.audit else [])], default="label",
        required=True, key=f"map.colour {known.dataset.name}", persist_state="session",
    )  # fmt: skip


def _offer(job: MapJob) -> None:
    st.markdown(
        "A map puts faces that look alike side by side: groups show what tells faces apart, and "
        f"strays are worth a look. It shows up to {MOST:,} faces, takes about half a minute for "
        "as many, and is kept."
    )
    offer_job(job, "Draw the map", ":material/scatter_plot:")


def _show_chart(known: KnownFaces, made: FaceMap, colour: str) -> None:
    dataset, positions = known.dataset, made.positions
    labels = np.array(EMOTIONS)[dataset.labels[positions]]
    splits = dataset.splits[positions]
    groups: NDArray[np.str_] = labels
    legend: Sequence[str] = EMOTIONS
    if colour == "split":
        groups, legend = splits, dataset.split_names()
    elif colour == "defect" and known.audit is not None:
        groups, legend = defect_groups(known.audit, positions)
    hints = np.char.add(np.char.add(labels, " · "), splits)
    key = f"map.chart {dataset.fingerprint} {made.source} {colour}"
    st.plotly_chart(
        face_map(positions, made.points, groups, legend, hints),
        key=key,
        on_select=lambda: choose_drawn(key),
        config={"displaylogo": False},
        alt=f"Faces as points, near where they are alike by {made.source}",
    )
    st.caption(_explanation(len(positions), len(dataset), made.source, colour))


def defect_groups(
    audit: Audit, positions: NDArray[np.intp]
) -> tuple[NDArray[np.str_], Sequence[str]]:
    """Return the rarest defect of each face, and all groups in the order of the legend.

    Args:
        audit: the defects of the data set.
        positions: intp (m,), faces of the data set.

    Returns:
        str (m,), and its possible values.
    """
    names = {finding: finding.replace("_", " ") for finding in audit.known()}
    groups = np.full(len(positions), NO_DEFECT, dtype="U32")
    for finding in sorted(names, key=lambda name: -int(audit.faces(name).sum())):
        groups[audit.faces(finding)[positions]] = names[finding]
    return groups, [NO_DEFECT, *names.values()]


def choose_drawn(key: str) -> None:
    """Choose the faces that were drawn around or clicked on the map. For callbacks.

    Points that are let go in the browser leave the faces chosen.
    """
    points = st.session_state[key].selection.points
    if points:
        choose(points=tuple(sorted(int(point["customdata"]) for point in points)))


def _explanation(shown: int, of: int, source: str, colour: str) -> str:
    words = [
        "Draw a line around points to see their faces below.",
        f"Faces near each other are alike by {source}; the axes and far distances mean nothing "
        "(PCA, then t-SNE).",
    ]
    if shown < of:
        words.append(f"{shown:,} of {of:,} faces, in proportion to emotion and split.")
    if colour == "defect":
        words.append("A face with several defects has the colour of the rarest.")
    return " ".join(words)
