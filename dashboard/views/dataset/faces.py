"""The view Faces: a control for each filter, and the gallery of the filtered faces."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import actions, resources
from dashboard.access import editors_only
from dashboard.resources import AnnotatedDataset
from dashboard.views.dataset.filters import (
    FILTERS,
    ORDERS,
    WRONG,
    chosen_groups,
    filtered_faces,
)
from dashboard.widgets.exclusion_form import (
    BY_HAND,
    exclusion_dialog,
    picked,
    reset_exclusion_form,
    toggle_picked,
)
from dashboard.widgets.face_detail import badges, show_detail
from dashboard.widgets.gallery import Tile, gallery
from dashboard.widgets.messages import show_error
from pipeline.data.audit import DUPLICATES, FINDINGS
from pipeline.data.dataset import split_name
from pipeline.data.exclusions import exclusion_names
from pipeline.data.votes import MAJORITIES
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.report.units import percent
from pipeline.runs import find_model

_PER_PAGE = 60


def show_filter_controls(faces: AnnotatedDataset) -> None:
    """Show a control for each filter."""
    with st.grid(4, min_column_width=150, gap="small", vertical_alignment="bottom"):
        _choice("Split", "split", faces.dataset.split_names())
        _choice("Label", "emotion", EMOTIONS)
        if faces.audit is not None:
            _choice("Finding", "finding", faces.audit.available())
        if faces.dataset.votes is not None:
            _choice("FER+ majority", "majority", MAJORITIES)
        _choice("Prediction", "predicted", _predictions(faces))
        _choice("Exclusion list", "excluded", exclusion_names(faces.dataset.name))
        _id_search()
        _choice("Order", "order", list(ORDERS))


def _choice(label: str, name: str, options: Sequence[Any]) -> None:
    """Show a selectbox for one filter; none without options."""
    if not options:
        return
    key, value = f"dataset.filter.{name}", FILTERS.active().get(name)
    st.session_state[key] = value
    models = resources.model_names() if name == "predicted" else {}

    def change() -> None:
        chosen = st.session_state[key]
        if chosen is None:
            FILTERS.drop(name)
        else:
            FILTERS.add(name, chosen)

    st.selectbox(
        label,
        options if value in (None, *options) else [*options, value],
        format_func=partial(_option_text, models),
        index=None,
        placeholder="any" if name != "order" else "default",
        key=key,
        on_change=change,
    )


def _option_text(models: Mapping[str, str], value: Any) -> str:
    if isinstance(value, tuple):  # model and emotion
        model, emotion = value
        return f"{emotion} · {models.get(model, model)}"
    return FINDINGS[value].title if value in FINDINGS else value.replace("_", " ")


def _predictions(faces: AnnotatedDataset) -> list[tuple[str, str]]:
    """Return the values of the filter `predicted` for the models with stored predictions."""
    fingerprint = faces.dataset.fingerprint
    models = [entry.run for entry in resources.models()]
    names = [m.name for m in models if resources.stored_evaluations(m, fingerprint)]
    return [(name, emotion) for name in names for emotion in (WRONG, *EMOTIONS)]


def _id_search() -> None:
    key = "dataset.filter.id"
    st.session_state[key] = FILTERS.active().get("id", "")

    def change() -> None:
        text = st.session_state[key].strip()
        if text:
            FILTERS.add("id", text)
        else:
            FILTERS.drop("id")

    st.text_input("Id", placeholder="fer0000123", key=key, on_change=change)


@st.fragment
def show_filtered_faces(faces: AnnotatedDataset, active: Mapping[str, Any]) -> None:
    """Show the gallery of the faces that match all filters, with chips and a button to exclude.

    Args:
        faces: all faces.
        active: name → value of the active filters.
    """
    try:
        # The fragment is rerun by itself, and the files may have changed since.
        resources.dataset(faces.dataset.name, faces.dataset.fingerprint)
        positions = filtered_faces(faces, active)
    except UserError as error:
        if FILTERS.show_chips(active):
            st.rerun()
        show_error(error)
    else:
        _show_gallery(faces, active, positions)


def _show_gallery(
    faces: AnnotatedDataset, active: Mapping[str, Any], positions: NDArray[np.intp]
) -> None:
    reveal = FILTERS.pop_reveal()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header(f"{len(positions):,} faces", width="content")
        if FILTERS.show_chips(active):
            st.rerun()
        st.space("stretch")
        picking = st.toggle(
            "Pick by hand",
            key="dataset.picking",
            help="A click on a face picks it instead of opening it.",
        )
        if picking or FILTERS.filters.keys() & active.keys():
            chosen = np.array(sorted(picked()), np.intp) if picking else positions
            _offer_removal(faces, active, chosen)
            _offer_exclusion(faces, active, chosen, picking)
    if not len(positions):
        st.caption("No face matches these filters.")
        return
    clicked = gallery(
        FILTERS.gallery_key,
        len(positions),
        lambda part: _tiles(faces, active, positions[part], picking),
        per_page=_PER_PAGE,
        reveal=reveal,
    )
    if clicked is not None and picking:
        toggle_picked(int(positions[clicked]))
        st.rerun(scope="fragment")
    elif clicked is not None:
        show_detail(faces, int(positions[clicked]), positions)


def _offer_exclusion(
    faces: AnnotatedDataset, active: Mapping[str, Any], chosen: NDArray[np.intp], picking: bool
) -> None:
    options = editors_only(disabled=not len(chosen))
    if not st.button(f"Exclude {len(chosen):,}…", icon=":material/block:", **options):
        return
    reset_exclusion_form()
    if picking:
        return exclusion_dialog(faces.dataset, chosen, BY_HAND)
    labels = [
        FILTERS.filters[name].label(value)
        for name, value in active.items()
        if name in FILTERS.filters
    ]
    groups = chosen_groups(faces, active) if active.get("finding") in DUPLICATES else None
    exclusion_dialog(faces.dataset, np.sort(chosen), ", ".join(labels), groups)


def _offer_removal(
    faces: AnnotatedDataset, active: Mapping[str, Any], chosen: NDArray[np.intp]
) -> None:
    name = active.get("excluded")
    options = editors_only(disabled=not len(chosen))
    if name and st.button(f"Remove {len(chosen):,} from the list", **options):
        try:
            actions.include(faces.dataset.name, name, faces.dataset.ids[chosen].tolist())
        except UserError as error:
            show_error(error)
        else:
            st.rerun()


def _tiles(
    faces: AnnotatedDataset, active: Mapping[str, Any], shown: NDArray[np.intp], picking: bool
) -> list[Tile]:
    dataset = faces.dataset
    predicted = [""] * len(shown)
    if "predicted" in active:
        probabilities = resources.probabilities(find_model(active["predicted"][0]), dataset)
        predicted = [_top_prediction(row) for row in probabilities[shown]]
    return [
        Tile(
            dataset.images[face],
            EMOTIONS[dataset.labels[face]],
            " · ".join(
                [
                    *filter(None, [prediction]),
                    split_name(str(dataset.splits[face])),
                    *badges(faces, int(face), active.get("finding")),
                ]
            ),
            picking and int(face) in picked(),
        )
        for face, prediction in zip(shown, predicted, strict=True)
    ]


def _top_prediction(probabilities: NDArray[np.float32]) -> str:
    top = int(probabilities.argmax())
    return f"{EMOTIONS[top]} {percent(float(probabilities[top]))}"
