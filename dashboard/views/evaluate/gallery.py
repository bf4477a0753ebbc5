"""Gallery of the filtered faces, with chips of the filters and class activation maps."""

from functools import partial

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.access import editors_only
from dashboard.views.evaluate.filters import (
    ALL,
    FILTERS,
    MISTAKES,
    SHOW_KEY,
    filtered_faces,
    mislabeled,
)
from dashboard.widgets.choice_bar import choice_bar
from dashboard.widgets.evaluated_faces import caption, next_best_predictions, show_faces
from dashboard.widgets.exclusion_form import exclusion_dialog, reset_exclusion_form
from dashboard.widgets.markdown import escape_markdown
from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.report.evaluation import Evaluation
from pipeline.runs import Run
from pipeline.vision.drawing import draw_activation_map

_COARSEST_MAP = 5
_MOST_CONFIDENT, _LEAST_CONFIDENT = "Most confident", "Least confident"


def show_filtered_faces(evaluation: Evaluation) -> None:
    """Show the faces that match the filters; without a filter, all mistakes."""
    heading = st.container(horizontal=True, vertical_alignment="center")
    with st.container(horizontal=True, vertical_alignment="center"):
        show = choice_bar("Show", [MISTAKES, ALL], SHOW_KEY)
        order = choice_bar(
            "Order",
            [_MOST_CONFIDENT, _LEAST_CONFIDENT],
            "evaluate_order",
            help="Of the least confident faces, the two highest probabilities are close to each "
            "other.",
        )
        maps = maps_toggle()
    mistakes = show == MISTAKES
    positions = filtered_faces(
        evaluation, mistakes=mistakes, least_confident=order == _LEAST_CONFIDENT
    )
    with heading:
        plural = "s" * (len(positions) != 1)
        st.header(
            f"{len(positions):,} {'mistake' if mistakes else 'face'}{plural}", width="content"
        )
        active = FILTERS.active(evaluation)
        FILTERS.show_chips(active, evaluation)
        if active:
            st.button(
                "All mistakes",
                icon=":material/arrow_back:",
                type="tertiary",
                on_click=FILTERS.clear,
            )
        else:
            st.caption("Click a mark above to see its faces.", width="content")
        if "mislabeled" not in active and mislabeled(evaluation)[positions].any():
            st.button(
                "Likely mislabeled",
                icon=":material/flag:",
                type="tertiary",
                key="evaluate.mislabeled",
                on_click=FILTERS.add,
                args=("mislabeled", "1"),
                help="Shows those of them whose label the best model confidently contradicts.",
            )
        labels = [FILTERS.filters[name].label(value) for name, value in active.items()]
        offer_exclusion(evaluation, positions, ", ".join(labels) or show.lower())
    show_positions(evaluation, positions, maps)


def offer_exclusion(evaluation: Evaluation, positions: NDArray[np.intp], reason: str) -> None:
    """Offer to add faces of an evaluation to an exclusion list.

    Args:
        evaluation: the evaluation.
        positions: intp (m,), indices into its predictions.
        reason: the proposed reason.
    """
    dataset, rows = evaluation.dataset, evaluation.rows[positions]
    rows = rows[rows >= 0]
    if dataset is None or not len(rows):
        return
    label = f"Exclude {len(rows):,}…"
    options = editors_only(type="tertiary", key="evaluate.exclude")
    if st.button(label, icon=":material/block:", **options):
        reset_exclusion_form()
        exclusion_dialog(dataset, np.sort(rows), reason)


def show_positions(evaluation: Evaluation, positions: NDArray[np.intp], maps: bool) -> None:
    """Show faces of an evaluation in their order, with class activation maps if wanted.

    Args:
        evaluation: the evaluation.
        positions: intp (m,), indices into its predictions.
        maps: whether to draw the maps over the faces.
    """
    predictions, dataset = evaluation.predictions, evaluation.dataset
    rows = evaluation.rows[positions]
    draw = None
    if maps and dataset is not None and (rows >= 0).any():
        problem = _maps_problem(evaluation.model, dataset, rows[rows >= 0][:1])
        if problem:
            st.caption(escape_markdown(problem))
        else:
            predicted = predictions.predicted[positions]
            draw = partial(_faces_with_maps, evaluation.model, dataset, rows, predicted)

    def texts(i: int) -> tuple[str, str]:
        face = int(positions[i])
        return caption(predictions, face), next_best_predictions(predictions.probabilities[face])

    reveal = FILTERS.pop_reveal()
    show_faces(FILTERS.gallery_key, evaluation.subset, dataset, rows, texts, draw, reveal)


def maps_toggle() -> bool:
    """Show a switch for class activation maps and return whether it is on."""
    return st.toggle(
        "Class activation map",
        key="evaluate_maps",
        bind="query-params",
        help="Tints the parts of the face that raise the predicted emotion's probability.",
    )


def _maps_problem(model: Run, dataset: FaceDataset, rows: NDArray[np.intp]) -> str:
    """Return why maps of a model cannot be shown; empty if they can."""
    try:
        _, height, width, _ = resources.activation_maps(model, dataset, rows).shape
    except UserError as error:
        return str(error)
    if min(height, width) >= _COARSEST_MAP:
        return ""
    if not height:
        return f"'{model.name}' has no class activation maps."
    return (
        f"The class activation maps of '{model.name}' are {height} × {width}: too coarse to be "
        "useful."
    )


def _faces_with_maps(
    model: Run,
    dataset: FaceDataset,
    rows: NDArray[np.intp],
    predicted: NDArray[np.intp],
    shown: NDArray[np.intp],
) -> list[NDArray[np.uint8]]:
    maps = resources.activation_maps(model, dataset, rows[shown])
    return [
        draw_activation_map(dataset.images[row], each[..., emotion])
        for row, each, emotion in zip(rows[shown], maps, predicted[shown], strict=True)
    ]
