"""The view Map: faces as points, similar ones close together; a lasso filters the faces below."""

from collections.abc import Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.resources import AnnotatedDataset
from dashboard.views.dataset.filters import FILTERS
from dashboard.views.dataset.hovered_face import show_hovered_face
from dashboard.widgets.address import read_choice, write_choice
from dashboard.widgets.empty_state import empty_state
from dashboard.widgets.job_progress import follow_job, offer_job
from dashboard.widgets.markdown import escape_markdown
from pipeline.data.audit import FINDINGS, Audit
from pipeline.data.dataset import split_name
from pipeline.evaluation.face_map import MAX_FACES, PIXELS, FaceMap, load_map
from pipeline.jobs import Job, map_job
from pipeline.labels import EMOTIONS
from pipeline.report.charts.face_map import NO_DEFECT, face_map
from pipeline.runs import Run

_SOURCE = "map_by"
_CHART = "face-map"


def show_map(faces: AnnotatedDataset) -> bool:
    """Show the map of a data set by pixels or by a model's features, or offer to compute it.

    Returns:
        Whether there is a map.

    Raises:
        UserError: the chosen model's files are missing.
    """
    with st.container(horizontal=True, vertical_alignment="bottom"):
        model = _source_choice()
        color = _color_choice(faces)
    job = map_job(faces.dataset.name, model.name if model else "")
    if job.running():
        follow_job(job, f"Computing the map of {min(MAX_FACES, len(faces.dataset)):,} faces")
        return False
    stored = load_map(faces.dataset, model)
    if stored is None:
        _offer(job)
        return False
    _show_chart(faces, stored, color)
    return True


def _source_choice() -> Run | None:
    models = {entry.run.name: entry for entry in resources.models()}
    options = [PIXELS, *models]
    if asked := read_choice(_SOURCE, options):
        st.session_state[_SOURCE] = asked[0]
    if st.session_state.get(_SOURCE) not in options:
        st.session_state[_SOURCE] = PIXELS
    name = st.selectbox(
        "Compare faces by",
        options,
        format_func=lambda name: models[name].label if name in models else name,
        key=_SOURCE,
        width=480,
        help="By their pixels, or by the features of a model's last layer.",
    )
    write_choice(_SOURCE, [name])
    return models[name].run if name in models else None


def _color_choice(faces: AnnotatedDataset) -> str:
    return st.segmented_control(
        "Color by",
        ["label", "split", *(["finding"] if faces.audit else [])],
        default="label",
        required=True,
        key=f"map.color {faces.dataset.name}",
        persist_state="session",
    )


def _offer(job: Job) -> None:
    with empty_state(
        "No map yet",
        "A map puts similar faces close together: by their pixels those of similar light, pose and "
        "crop, by a model's features those of similar expressions, where a face among others of "
        f"another label may be mislabeled. It shows up to {MAX_FACES:,} faces, takes about half a "
        "minute for as many, and is stored.",
    ):
        offer_job(job, "Compute map", ":material/scatter_plot:")


def _show_chart(faces: AnnotatedDataset, stored: FaceMap, color: str) -> None:
    dataset, positions = faces.dataset, stored.positions
    labels = np.array(EMOTIONS)[dataset.labels[positions]]
    splits = np.char.replace(dataset.splits[positions], "_", " ")
    groups: NDArray[np.str_] = labels
    legend: Sequence[str] = EMOTIONS
    if color == "split":
        groups, legend = splits, [split_name(each) for each in dataset.split_names()]
    elif color == "finding" and faces.audit is not None:
        groups, legend = finding_groups(faces.audit, positions)
    hints = np.char.add(np.char.add(labels, " · "), splits)
    key = f"map.chart {dataset.fingerprint} {stored.source} {color}"
    with st.container(key=_CHART):
        st.plotly_chart(
            face_map(positions, stored.points, groups, legend, hints),
            key=key,
            on_select=lambda: set_by_lasso(key),
            config={"displaylogo": False},
            alt=f"Faces as points, similar ones by {stored.source} close together",
        )
    show_hovered_face(faces, _CHART)
    st.caption(escape_markdown(_explanation(len(positions), len(dataset), stored.source, color)))


def finding_groups(
    audit: Audit, positions: NDArray[np.intp]
) -> tuple[NDArray[np.str_], Sequence[str]]:
    """Return the rarest finding of each face, and all groups in the order of the legend.

    Args:
        audit: the findings of the data set.
        positions: intp (m,), faces of the data set.

    Returns:
        str (m,), and its possible values.
    """
    titles = {finding: FINDINGS[finding].title.lower() for finding in audit.available()}
    groups = np.full(len(positions), NO_DEFECT, dtype="U32")
    for finding in sorted(titles, key=lambda name: -int(audit.mask(name).sum())):
        groups[audit.mask(finding)[positions]] = titles[finding]
    return groups, [NO_DEFECT, *titles.values()]


def set_by_lasso(key: str) -> None:
    """Filter the faces inside a lasso, or of a clicked point. For callbacks.

    The filter stays when the points are unselected in the browser.
    """
    points = st.session_state[key].selection.points
    if points:
        FILTERS.set(points=tuple(sorted(int(point["customdata"]) for point in points)))


def _explanation(shown: int, n: int, source: str, color: str) -> str:
    sentences = [
        "Draw a line around points to see their faces below.",
        f"Faces near each other are similar by {source}; the axes and large distances mean nothing "
        "(PCA, then t-SNE).",
    ]
    if shown < n:
        sentences.append(f"{shown:,} of {n:,} faces, stratified by emotion and split.")
    if color == "finding":
        sentences.append("A face with several findings has the color of the rarest.")
    return " ".join(sentences)
