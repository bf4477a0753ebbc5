"""The gallery of the chosen faces, with a chip for each filter; a click opens or picks a face."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.components.dataset import selection
from dashboard.components.dataset.detail import show_detail
from dashboard.components.dataset.exclude import BY_HAND, ask_exclude, forget_exclusion
from dashboard.components.dataset.filters import FILTERS, Filters, positions, twin_groups
from dashboard.components.dataset.known import KnownFaces
from dashboard.components.dataset.marks import marks
from dashboard.components.gallery import Tile, gallery
from dashboard.components.units import percent
from pipeline.data.exclusions import include
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.runs import find_model

_PER_PAGE = 60


@st.fragment
def show_chosen(known: KnownFaces, filters: Filters) -> None:
    """Show the faces that filters leave, a chip to take each filter away, and how to exclude.

    Args:
        known: what is known of the data set.
        filters: the chosen filters.
    """
    try:
        # The fragment runs by itself, too, and the files may have been changed since.
        resources.dataset(known.dataset.name, known.dataset.fingerprint)
        found = positions(known, filters)
    except UserError as error:
        _show_chips(filters)
        st.error(str(error), icon=":material/error:")
    else:
        _show_gallery(known, filters, found)


def _show_gallery(known: KnownFaces, filters: Filters, found: NDArray[np.intp]) -> None:
    reveal = selection.just_chosen()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{len(found):,} faces", width="content")
        _show_chips(filters)
        st.space("stretch")
        picking = st.toggle("Pick by hand", key="dataset.picking", help="a click picks a face")
        if picking or FILTERS.keys() & filters.keys():
            taken = np.array(sorted(selection.picked()), np.intp) if picking else found
            _offer_return(known, filters, taken)
            _offer_exclusion(known, filters, taken, picking)
    if not len(found):
        st.caption("No face is left by these filters.")
        return
    clicked = gallery(
        selection.GALLERY,
        len(found),
        lambda part: _tiles(known, filters, found[part], picking),
        per_page=_PER_PAGE,
        reveal=reveal,
    )
    if clicked is not None and picking:
        selection.pick(int(found[clicked]))
        st.rerun(scope="fragment")
    elif clicked is not None:
        show_detail(known, int(found[clicked]))


def _show_chips(filters: Filters) -> None:
    for kind, value in filters.items():
        if kind in FILTERS:
            words = FILTERS[kind].words(value)
            gone = st.button(
                words, icon=":material/close:", key=f"chip {kind}",
                on_click=selection.drop, args=(kind,),
            )  # fmt: skip
            if gone:
                st.rerun()


def _offer_exclusion(
    known: KnownFaces, filters: Filters, faces: NDArray[np.intp], picking: bool
) -> None:
    clicked = st.button(
        f"Exclude {len(faces):,}…", icon=":material/block:", disabled=not len(faces)
    )
    if not clicked:
        return
    forget_exclusion()
    if picking:
        return ask_exclude(known.dataset, faces, BY_HAND)
    words = [FILTERS[kind].words(value) for kind, value in filters.items() if kind in FILTERS]
    copies = filters.get("finding") in ("identical", "near_identical")
    groups = twin_groups(known, filters) if copies else None
    ask_exclude(known.dataset, np.sort(faces), ", ".join(words), groups)


def _offer_return(known: KnownFaces, filters: Filters, faces: NDArray[np.intp]) -> None:
    name = filters.get("excluded")
    if name and st.button(f"Take {len(faces):,} off the list", disabled=not len(faces)):
        try:
            include(known.dataset.name, name, known.dataset.ids[faces].tolist())
        except UserError as error:
            st.error(str(error))
        else:
            st.rerun()


def _tiles(
    known: KnownFaces, filters: Filters, faces: NDArray[np.intp], picking: bool
) -> list[Tile]:
    said = [""] * len(faces)
    if "said" in filters:
        probabilities = resources.probabilities(find_model(filters["said"][0]), known.dataset)
        said = [_words(row) for row in probabilities[faces]]
    return [
        Tile(
            known.dataset.images[face],
            EMOTIONS[known.dataset.labels[face]],
            " · ".join(
                [*filter(None, [said[i]]), str(known.dataset.splits[face])]
                + marks(known, int(face), filters.get("finding"))
            ),
            picking and int(face) in selection.picked(),
        )
        for i, face in enumerate(faces)
    ]


def _words(probabilities: NDArray[np.float32]) -> str:
    likeliest = int(probabilities.argmax())
    return f"{EMOTIONS[likeliest]} {percent(float(probabilities[likeliest]))}"
