"""The faces behind a figure: chips of the filters, a way back, and the class activation maps."""

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.components.evaluate import chosen
from dashboard.components.evaluate.judged import Judged
from dashboard.components.judged_faces import Picture, caption, others, show_faces
from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.vision.overlay import draw_map

_COARSEST_MAP = 5
_CONFIDENT, _DOUBTFUL = "Most confident", "Most doubtful"


def show_chosen(judged: Judged) -> None:
    """Show the chosen faces, or all mistakes, below what they were chosen by."""
    filters = chosen.filters(judged)
    heading = st.container(horizontal=True, vertical_alignment="center")
    with st.container(horizontal=True, vertical_alignment="center"):
        show = st.segmented_control(
            "Show", [chosen.MISTAKES, chosen.ALL], default=chosen.MISTAKES, required=True,
            label_visibility="collapsed", key=chosen.SHOW, bind="query-params",
        )  # fmt: skip
        order = st.segmented_control(
            "Order", [_CONFIDENT, _DOUBTFUL], default=_CONFIDENT, required=True,
            label_visibility="collapsed", key="evaluate_order", bind="query-params",
            help="doubtful: the two likeliest emotions are nearly level",
        )  # fmt: skip
        maps = offer_maps()
    found = chosen.faces(judged, mistakes=show == chosen.MISTAKES, doubtful=order == _DOUBTFUL)
    with heading:
        what = "mistake" if show == chosen.MISTAKES else "face"
        st.subheader(f"{len(found):,} {what}{'s' * (len(found) != 1)}", width="content")
        for kind, value in filters.items():
            st.button(
                chosen.FILTERS[kind].words(value), icon=":material/close:", key=f"chip {kind}",
                on_click=chosen.drop, args=(judged, kind),
            )  # fmt: skip
        if filters:
            st.button(
                "All mistakes", icon=":material/arrow_back:", type="tertiary",
                on_click=chosen.choose,
            )  # fmt: skip
        else:
            st.caption("Click a mark above to see its faces.", width="content")
    show_positions(judged, found, maps)


def show_positions(judged: Judged, found: NDArray[np.intp], maps: bool) -> None:
    """Show faces of an evaluation in their order, with class activation maps if wanted."""
    predictions, dataset, rows = judged.predictions, judged.dataset, judged.rows[found]
    pictures = None
    if maps and dataset is not None and (rows >= 0).any():
        problem = _no_maps(judged.model, dataset, rows[rows >= 0][:1])
        if problem:
            st.caption(problem)
        else:
            pictures = partial(
                _with_maps, judged.model, dataset, rows, predictions.predicted[found]
            )

    def words(number: int) -> tuple[str, str]:
        face = int(found[number])
        return caption(predictions, face), others(predictions.probabilities[face])

    reveal = chosen.just_chosen()
    show_faces(chosen.GALLERY, judged.target, dataset, rows, words, pictures, reveal)


def offer_maps() -> bool:
    """Show a switch for class activation maps and return whether it is on."""
    return st.toggle(
        "Class activation map", key="evaluate_maps", bind="query-params",
        help="where the model looked: what of the face speaks for the emotion it is taken for",
    )  # fmt: skip


def _no_maps(model: Run, dataset: FaceDataset, some: NDArray[np.intp]) -> str:
    """Return why no maps of a model can be shown; empty if they can."""
    try:
        _, height, width, _ = resources.activation_maps(model, dataset, some).shape
    except UserError as error:
        return str(error)
    if min(height, width) >= _COARSEST_MAP:
        return ""
    return (
        f"The class activation maps of '{model.name}' are {height} × {width}: too coarse to show "
        "where it looked."
    )


def _with_maps(
    model: Run,
    dataset: FaceDataset,
    rows: NDArray[np.intp],
    predicted: NDArray[np.intp],
    numbers: NDArray[np.intp],
) -> list[Picture]:
    maps = resources.activation_maps(model, dataset, rows[numbers])
    return [
        draw_map(dataset.images[row], each[..., emotion])
        for row, each, emotion in zip(rows[numbers], maps, predicted[numbers], strict=True)
    ]
