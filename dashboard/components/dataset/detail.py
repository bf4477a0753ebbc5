"""One face: what it is, what people and models say of it, and its twins."""

import cv2
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.components.dataset.exclude import BY_HAND, exclusion_form, forget_exclusion
from dashboard.components.dataset.known import KnownFaces
from dashboard.components.dataset.marks import marks
from dashboard.components.faces import data_uri
from dashboard.components.gallery import Tile, tile_grid
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
    forget_exclusion()
    _dialog(known)


@st.dialog("Face", width="large")
def _dialog(known: KnownFaces) -> None:
    try:  # the dialog runs by itself, too, and the files may have been changed since
        resources.dataset(known.dataset.name, known.dataset.fingerprint)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    face = st.session_state[_SHOWN]
    picture, facts = st.columns([1, 2], gap="medium")
    with picture:
        large = (_SIDE_PX, _SIDE_PX)
        st.image(
            data_uri(cv2.resize(known.dataset.images[face], large, interpolation=cv2.INTER_CUBIC))
        )
        with st.popover("Exclude…", icon=":material/block:"):
            exclusion_form(known.dataset, np.array([face]), BY_HAND)
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
    models, face_id = list_models(), str(known.dataset.ids[face])
    stored = {m.name: resources.said_of(m, known.dataset.fingerprint, face_id) for m in models}
    key = f"{known.dataset.fingerprint} {face_id}"
    recognised, wrong = st.session_state.get(_RECOGNISED, {}).get(key, ({}, []))
    said = {name: row for name, row in stored.items() if row is not None} | recognised
    missing = [model for model in models if model.name not in said]
    st.markdown("**What the models say**")
    if said:
        bar = st.column_config.ProgressColumn(
            format="%.1f %%", min_value=0, max_value=100, width=_BAR_PX
        )
        rows = {name: 100 * row for name, row in said.items()}
        table = pd.DataFrame.from_dict(rows, orient="index", columns=list(EMOTIONS))
        st.dataframe(table, column_config=dict.fromkeys(EMOTIONS, bar))
    for sentence in wrong:
        st.error(sentence, icon=":material/error:")
    words = f"Recognise with {len(missing)} model{'s' * (len(missing) > 1)}"
    if missing and st.button(words, icon=":material/psychology:"):
        with st.spinner("Recognising…"):
            found, wrong = _recognise(missing, known.dataset.images[face])
        st.session_state[_RECOGNISED] = {key: (recognised | found, wrong)}
        st.rerun(scope="fragment")


def _recognise(
    models: list[Run], face: NDArray[np.uint8]
) -> tuple[dict[str, NDArray[np.float32]], list[str]]:
    """Return what each model says of a face, and a sentence for each that cannot be used."""
    said, wrong = {}, []
    for model in models:
        try:
            said[model.name] = Recognizer.load(model, "f32").predict(face[np.newaxis])[0]
        except UserError as error:
            wrong.append(str(error))
    return said, wrong


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
