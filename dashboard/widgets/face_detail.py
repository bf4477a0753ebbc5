"""A dialog about one face: label, findings, FER+ votes, model predictions and duplicates."""

from typing import Literal

import cv2
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.access import editors_only
from dashboard.resources import AnnotatedDataset
from dashboard.widgets.dialog import dialog
from dashboard.widgets.exclusion_form import BY_HAND, exclusion_form, reset_exclusion_form
from dashboard.widgets.gallery import Tile, tile_grid
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.data.audit import FINDINGS
from pipeline.data.dataset import VOTES, split_name
from pipeline.data.duplicates import NO_GROUP
from pipeline.data.votes import MAJORITIES
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.report.face_images import data_uri
from pipeline.runs import Run
from pipeline.vision.recognizer import Recognizer

_SIDE_PX = 240
_BAR_PX = 104
_FACE = "dataset.face"
_PLACE = "dataset.face_place"  # its index among the faces of the gallery
_RECOGNIZED = "dataset.recognized"
_NEIGHBORS: tuple[tuple[str, int, str, Literal["left", "right"], str], ...] = (
    ("Previous", -1, ":material/chevron_left:", "left", "Left"),
    ("Next", 1, ":material/chevron_right:", "right", "Right"),
)
"""Label, steps, icon, its position, key."""

Predicted = dict[str, NDArray[np.float32]]
"""Model → probabilities float32 (7,)."""


def badges(faces: AnnotatedDataset, face: int, finding: str | None = None) -> list[str]:
    """Return a few words for each finding of a face.

    Args:
        faces: all faces.
        face: its position in the data set.
        finding: the finding whose group number is added, if it has groups.
    """
    audit = faces.audit
    if audit is None:
        return []
    findings = [name for name in audit.available() if audit.mask(name)[face]]
    words = [FINDINGS[name].badge for name in findings if FINDINGS[name].badge]
    if "likely_mislabeled" in findings and faces.majority is not None:
        words.append(f"FER+ {MAJORITIES[faces.majority[face]]}")
    groups = audit.groups(finding) if finding else None
    return words if groups is None else [*words, f"group {groups[face] + 1}"]


def show_detail(faces: AnnotatedDataset, face: int, among: NDArray[np.intp]) -> None:
    """Open a dialog about a face; its neighbors and its duplicates can be opened from there.

    Args:
        faces: all faces.
        face: its position in the data set.
        among: positions of the faces of the gallery that it belongs to, in their order.
    """
    st.session_state[_PLACE] = int(np.flatnonzero(among == face)[0])
    _show(face)
    _dialog(faces, among)


def _show(face: int) -> None:
    st.session_state[_FACE] = face
    reset_exclusion_form()


def _go(among: NDArray[np.intp], steps: int) -> None:
    """Show a neighbor. For callbacks."""
    st.session_state[_PLACE] += steps
    _show(int(among[st.session_state[_PLACE]]))


@dialog("Face", width="large")
def _dialog(faces: AnnotatedDataset, among: NDArray[np.intp]) -> None:
    try:  # the dialog is rerun by itself, and files may have changed since
        resources.dataset(faces.dataset.name, faces.dataset.fingerprint)
    except UserError as error:
        show_error(error)
        return
    face = st.session_state[_FACE]
    label = EMOTIONS[faces.dataset.labels[face]]
    _show_neighbors(among)
    image, facts = st.columns([1, 2], gap="medium")
    with image:
        large = (_SIDE_PX, _SIDE_PX)
        st.image(
            data_uri(cv2.resize(faces.dataset.images[face], large, interpolation=cv2.INTER_CUBIC)),
            alt=f"the face {faces.dataset.ids[face]}, labeled {label}",
        )
        with st.popover("Exclude…", icon=":material/block:", **editors_only()):
            exclusion_form(faces.dataset, np.array([face]), BY_HAND)
    with facts:
        _show_facts(faces, face)
        _show_votes(faces, face)
    _show_predictions(faces, face)
    _show_duplicates(faces, face)


def _show_neighbors(among: NDArray[np.intp]) -> None:
    """Show buttons for the previous and the next face, which the arrow keys press, too."""
    place = st.session_state[_PLACE]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for label, steps, icon, position, key in _NEIGHBORS:
            st.button(
                label,
                icon=icon,
                icon_position=position,
                shortcut=key,
                key=f"face {label}",
                disabled=not 0 <= place + steps < len(among),
                on_click=_go,
                args=(among, steps),
            )
        st.caption(f"Face {place + 1:,} of {len(among):,}", width="content")


def _show_facts(faces: AnnotatedDataset, face: int) -> None:
    dataset, statistics = faces.dataset, faces.statistics
    st.markdown(
        f"**{escape_markdown(dataset.ids[face])}** · "
        f"labeled **{EMOTIONS[dataset.labels[face]]}** · "
        f"{escape_markdown(split_name(str(dataset.splits[face])))}"
    )
    st.caption(
        f"brightness {statistics.brightness[face]:.0f} · contrast {statistics.contrast[face]:.0f} "
        "(mean and standard deviation of the gray levels, of 255)"
    )
    if words := badges(faces, face):
        st.markdown(" ".join(f":orange-badge[{escape_markdown(word)}]" for word in words))


def _show_votes(faces: AnnotatedDataset, face: int) -> None:
    if faces.dataset.votes is None:
        return
    votes = faces.dataset.votes[face]
    counts = {name: int(n) for name, n in zip(VOTES, votes, strict=True) if n}
    table = pd.DataFrame({"FER+": counts.keys(), "votes": counts.values()})
    bar = st.column_config.ProgressColumn(format="%d", min_value=0, max_value=int(votes.sum()))
    st.dataframe(
        table.sort_values("votes", ascending=False),
        column_config={"votes": bar},
        hide_index=True,
        alt="The votes of the FER+ annotators",
    )


def _show_predictions(faces: AnnotatedDataset, face: int) -> None:
    """Show each model's probabilities: those that are stored, the others on a click."""
    models, face_id = [e.run for e in resources.models()], str(faces.dataset.ids[face])
    fingerprint = faces.dataset.fingerprint
    rows = {m.name: resources.face_probabilities(m, fingerprint, face_id) for m in models}
    stored = {name: row for name, row in rows.items() if row is not None}
    key = f"{fingerprint} {face_id}"
    recognized, problems = st.session_state.get(_RECOGNIZED, {}).get(key, ({}, []))
    predicted: Predicted = stored | recognized
    missing = [model for model in models if model.name not in predicted]
    st.markdown("**Model predictions**")
    if predicted:
        bar = st.column_config.ProgressColumn(
            format="%.1f%%", min_value=0, max_value=100, width=_BAR_PX
        )
        names = resources.model_names()
        percent = {names.get(name, name): 100 * row for name, row in predicted.items()}
        table = pd.DataFrame.from_dict(percent, orient="index", columns=list(EMOTIONS))
        st.dataframe(
            table,
            column_config=dict.fromkeys(EMOTIONS, bar),
            alt="The probabilities of each emotion by model",
        )
    for problem in problems:
        show_error(problem)
    label = f"Recognize with {len(missing)} model{'s' * (len(missing) > 1)}"
    if missing and st.button(label, icon=":material/psychology:"):
        with st.spinner("Recognizing…"):
            more, problems = _recognize(missing, faces.dataset.images[face])
        st.session_state[_RECOGNIZED] = {key: (recognized | more, problems)}
        st.rerun(scope="fragment")


def _recognize(models: list[Run], face: NDArray[np.uint8]) -> tuple[Predicted, list[str]]:
    """Return each model's probabilities, and a sentence for each that cannot be used."""
    predicted, problems = {}, []
    for model in models:
        try:
            predicted[model.name] = Recognizer.load(model, "f32").predict(face[np.newaxis])[0]
        except UserError as error:
            problems.append(str(error))
    return predicted, problems


def _show_duplicates(faces: AnnotatedDataset, face: int) -> None:
    if faces.audit is None:
        return
    for finding in ("duplicates", "near_duplicates"):
        groups, title = getattr(faces.audit, finding), FINDINGS[finding].title
        others = np.flatnonzero(groups == groups[face])
        others = others[others != face]
        if groups[face] == NO_GROUP:
            continue
        st.markdown(f"**{escape_markdown(title)}**")
        clicked = tile_grid(f"{title} of {face}", [_tile(faces, int(other)) for other in others])
        if clicked is not None:
            _show(int(others[clicked]))
            st.rerun(scope="fragment")


def _tile(faces: AnnotatedDataset, face: int) -> Tile:
    dataset = faces.dataset
    note = f"{dataset.ids[face]} · {split_name(str(dataset.splits[face]))}"
    return Tile(dataset.images[face], EMOTIONS[dataset.labels[face]], note)
