"""One face: what it is, what people and models say of it, and its twins."""

import cv2
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.components.dataset.exclude import exclusion_form
from dashboard.components.dataset.known import KnownFaces
from dashboard.components.dataset.marks import marks
from dashboard.components.gallery import Tile, data_uri, tile_grid
from pipeline.data.dataset import VOTES
from pipeline.data.groups import NO_GROUP
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, list_models
from pipeline.vision.recognizer import Recognizer

_SIDE_PX = 240
_BAR_PX = 104
_SHOWN = "dataset.face"
_RECOGNISED = "dataset.recognised"


def show_detail(known: KnownFaces, face: int) -> None:
    """Open a dialog about a face; its twins can be opened from there.

    Args:
        known: what is known of the data set.
        face: its position in the data set.
    """
    st.session_state[_SHOWN] = face
    _dialog(known)


@st.dialog("Face", width="large")
def _dialog(known: KnownFaces) -> None:
    face = st.session_state[_SHOWN]
    picture, facts = st.columns([1, 2], gap="medium")
    with picture:
        large = (_SIDE_PX, _SIDE_PX)
        st.image(
            data_uri(cv2.resize(known.dataset.images[face], large, interpolation=cv2.INTER_CUBIC))
        )
        with st.popover("Exclude…", icon=":material/block:"):
            exclusion_form(known.dataset, np.array([face]), "picked by hand")
    with facts:
        _show_facts(known, face)
        _show_votes(known, face)
    _show_models(known, face)
    _show_twins(known, face)


def _show_facts(known: KnownFaces, face: int) -> None:
    dataset, measured = known.dataset, known.statistics
    st.markdown(
        f"**{dataset.ids[face]}** · labelled **{EMOTIONS[dataset.labels[face]]}** · "
        f"{dataset.splits[face]}"
    )
    st.caption(
        f"brightness {measured.brightness[face]:.0f} · contrast {measured.contrast[face]:.0f} "
        "(mean and standard deviation of the grey levels, of 255)"
    )
    found = marks(known, face)
    if found:
        st.markdown(" ".join(f":orange-badge[{mark}]" for mark in found))


def _show_votes(known: KnownFaces, face: int) -> None:
    if known.dataset.votes is None:
        return
    votes = known.dataset.votes[face]
    given = {name: int(n) for name, n in zip(VOTES, votes, strict=True) if n}
    table = pd.DataFrame({"FER+ annotators say": given.keys(), "votes": given.values()})
    bar = st.column_config.ProgressColumn(format="%d", min_value=0, max_value=int(votes.sum()))
    st.dataframe(
        table.sort_values("votes", ascending=False), column_config={"votes": bar}, hide_index=True
    )


def _show_models(known: KnownFaces, face: int) -> None:
    """Show each model's probabilities: those that are stored, the others on a click."""
    said = {
        model.name: resources.probabilities(model, known.dataset)[face] for model in list_models()
    }
    recognised = st.session_state.setdefault(_RECOGNISED, {}).get(known.dataset.ids[face], {})
    said = {name: recognised.get(name, row) for name, row in said.items()}
    missing = [model for model in list_models() if np.isnan(said[model.name][0])]
    known_rows = {name: 100 * row for name, row in said.items() if not np.isnan(row[0])}
    st.markdown("**What the models say**")
    if known_rows:
        bar = st.column_config.ProgressColumn(
            format="%.1f %%", min_value=0, max_value=100, width=_BAR_PX
        )
        table = pd.DataFrame.from_dict(known_rows, orient="index", columns=list(EMOTIONS))
        st.dataframe(table, column_config=dict.fromkeys(EMOTIONS, bar))
    words = f"Recognise with {len(missing)} model{'s' * (len(missing) > 1)}"
    if missing and st.button(words, icon=":material/psychology:"):
        with st.spinner("Recognising…"):
            rows = _recognise(missing, known.dataset.images[face])
        st.session_state[_RECOGNISED] = {known.dataset.ids[face]: {**recognised, **rows}}
        st.rerun(scope="fragment")


def _recognise(models: list[Run], face: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
    said = {}
    for model in models:
        try:
            said[model.name] = Recognizer.load(model, "f32").predict(face[np.newaxis])[0]
        except UserError as error:
            st.error(str(error))
    return said


def _show_twins(known: KnownFaces, face: int) -> None:
    if known.audit is None:
        return
    for words, groups in (
        ("Identical pictures", known.audit.identical),
        ("Nearly identical pictures", known.audit.near_identical),
    ):
        mine = groups[face]
        twins = np.flatnonzero(groups == mine)
        twins = twins[twins != face]
        if mine == NO_GROUP or not len(twins):
            continue
        st.markdown(f"**{words}**")
        tiles = [_tile(known, int(twin)) for twin in twins]
        clicked = tile_grid(f"{words} of {face}", tiles)
        if clicked is not None:
            st.session_state[_SHOWN] = int(twins[clicked])
            st.rerun(scope="fragment")


def _tile(known: KnownFaces, face: int) -> Tile:
    dataset = known.dataset
    caption = EMOTIONS[dataset.labels[face]]
    return Tile(dataset.images[face], caption, f"{dataset.ids[face]} · {dataset.splits[face]}")
