"""The filters of the Evaluate page, stored in query parameters."""

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.widgets.face_filters import FaceFilters, Filter, Mask
from pipeline.evaluation.calibration import N_BINS, confidence_bins
from pipeline.labels import EMOTIONS
from pipeline.report.evaluation import Evaluation

SHOW_KEY = "evaluate_show"
MISTAKES, ALL = "Mistakes", "All"


def slice_name(kind: str, name: str) -> str:
    """Return the value of the filter `slice` for a slice."""
    return f"{kind}: {name}"


def _slices(evaluation: Evaluation) -> dict[str, NDArray[np.intp]]:
    return {slice_name(each.kind, each.name): each.faces for each in evaluation.slices}


def _slice_mask(evaluation: Evaluation, value: str) -> Mask:
    mask = np.zeros(len(evaluation.predictions), np.bool_)
    mask[_slices(evaluation)[value]] = True
    return mask


def mislabeled(evaluation: Evaluation) -> Mask:
    """Return which faces are likely mislabeled, by the stored predictions of all models."""
    if evaluation.dataset is None:
        return np.zeros(len(evaluation.predictions), np.bool_)
    issues = resources.label_issues(evaluation.dataset).mask
    return np.asarray(issues[evaluation.rows] & (evaluation.rows >= 0))


def _bin_label(value: str) -> str:
    low, high = (100 * (int(value) + edge) / N_BINS for edge in (0, 1))
    return f"confidence {low:.0f}–{high:.0f}%"


def _show_all_or_mistakes() -> None:
    st.session_state[SHOW_KEY] = ALL if FILTERS.active() else MISTAKES


FILTERS: FaceFilters[Evaluation] = FaceFilters(
    "evaluate",
    {
        "labeled": Filter(
            lambda emotion: f"labeled {emotion}",
            lambda evaluation, emotion: np.asarray(
                evaluation.predictions.y_true == EMOTIONS.index(emotion)
            ),
            lambda evaluation, emotion: emotion in EMOTIONS,
        ),
        "predicted": Filter(
            lambda emotion: f"predicted {emotion}",
            lambda evaluation, emotion: np.asarray(
                evaluation.predictions.predicted == EMOTIONS.index(emotion)
            ),
            lambda evaluation, emotion: emotion in EMOTIONS,
        ),
        "bin": Filter(
            _bin_label,
            lambda evaluation, value: np.asarray(
                confidence_bins(evaluation.predictions.confidence) == int(value)
            ),
            lambda evaluation, value: value in map(str, range(N_BINS)),
        ),
        "mislabeled": Filter(
            lambda _: "likely mislabeled",
            lambda evaluation, _: mislabeled(evaluation),
            lambda evaluation, _: bool(mislabeled(evaluation).any()),
        ),
        "slice": Filter(str, _slice_mask, lambda evaluation, value: value in _slices(evaluation)),
    },
    in_address=True,
    on_change=_show_all_or_mistakes,
)


def filtered_faces(
    evaluation: Evaluation, *, mistakes: bool, least_confident: bool
) -> NDArray[np.intp]:
    """Return the positions of the faces that match the filters.

    Args:
        evaluation: the evaluation.
        mistakes: only those that the model gets wrong.
        least_confident: those first whose two highest probabilities are closest; else those of the
            highest confidence.
    """
    predictions = evaluation.predictions
    mask = FILTERS.mask(evaluation, len(predictions), FILTERS.active(evaluation))
    positions = np.flatnonzero(mask & ~predictions.correct if mistakes else mask)
    if least_confident:
        second, first = np.sort(predictions.probabilities[positions], axis=1)[:, -2:].T
        return positions[np.argsort(first - second, kind="stable")]
    return positions[np.argsort(-predictions.confidence[positions], kind="stable")]
