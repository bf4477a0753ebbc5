"""Which faces of an evaluation are chosen: filters that any mark on the page can set.

They stand in the page's address, and nowhere else, so that it can be sent to a colleague.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.evaluate.judged import Judged
from pipeline.evaluation.calibration import BINS, bins_of
from pipeline.labels import EMOTIONS

SHOW = "evaluate_show"
MISTAKES, ALL = "Mistakes", "All"
GALLERY = "evaluate.gallery"

_PREFIX = "evaluate_"
_NEW = "evaluate.new"


@dataclass(frozen=True)
class Filter:
    """A way to choose faces.

    Args:
        words: what its chip says of a value.
        mask: which faces a value leaves, bool (n,); None of a value that means nothing here.
    """

    words: Callable[[str], str]
    mask: Callable[[Judged, str], NDArray[np.bool_] | None]


def _emotion(value: str) -> int | None:
    return EMOTIONS.index(value) if value in EMOTIONS else None


def _labelled(judged: Judged, value: str) -> NDArray[np.bool_] | None:
    label = _emotion(value)
    return None if label is None else np.asarray(judged.predictions.y_true == label)


def _predicted(judged: Judged, value: str) -> NDArray[np.bool_] | None:
    label = _emotion(value)
    return None if label is None else np.asarray(judged.predictions.predicted == label)


def _bin(judged: Judged, value: str) -> NDArray[np.bool_] | None:
    if not (value.isdecimal() and int(value) < BINS):
        return None
    return np.asarray(bins_of(judged.predictions.confidence) == int(value))


def _bin_words(value: str) -> str:
    number = int(value)
    return f"confidence {100 * number / BINS:.0f} – {100 * (number + 1) / BINS:.0f} %"


def _slice(judged: Judged, value: str) -> NDArray[np.bool_] | None:
    for each in judged.slices:
        if slice_name(each.kind, each.name) == value:
            mask = np.zeros(len(judged.predictions), np.bool_)
            mask[each.faces] = True
            return mask
    return None


def slice_name(kind: str, name: str) -> str:
    """Return the value of the filter that leaves a slice."""
    return f"{kind}: {name}"


FILTERS = {
    "labelled": Filter(lambda value: f"labelled {value}", _labelled),
    "predicted": Filter(lambda value: f"predicted {value}", _predicted),
    "bin": Filter(_bin_words, _bin),
    "slice": Filter(str, _slice),
}
"""Kind of filter → how its chip reads, and what it leaves."""


def filters(judged: Judged) -> dict[str, str]:
    """Return the chosen filters, kind → value, less those that mean nothing here."""
    asked = {kind: st.query_params.get(_PREFIX + kind) for kind in FILTERS}
    return {
        kind: value
        for kind, value in asked.items()
        if value is not None and FILTERS[kind].mask(judged, value) is not None
    }


def choose(**values: str) -> None:
    """Choose the faces that these filters leave, in place of those chosen before. For callbacks."""
    for kind in FILTERS:
        if kind in values:
            st.query_params[_PREFIX + kind] = values[kind]
        else:
            st.query_params.pop(_PREFIX + kind, None)
    st.session_state[SHOW] = ALL if values else MISTAKES
    st.session_state[_NEW] = bool(values)
    st.session_state.pop(GALLERY, None)


def just_chosen() -> bool:
    """Tell, once, whether a mark was clicked since this was last asked."""
    return bool(st.session_state.pop(_NEW, False))


def drop(judged: Judged, kind: str) -> None:
    """Take one filter away. For callbacks."""
    left = filters(judged)
    left.pop(kind, None)
    choose(**left)
    st.session_state.pop(_NEW, None)


def faces(judged: Judged, *, mistakes: bool, doubtful: bool) -> NDArray[np.intp]:
    """Return the positions of the chosen faces.

    Args:
        judged: the evaluation.
        mistakes: only those that the model gets wrong.
        doubtful: the most doubtful first, whose two likeliest emotions are nearly level; else the
            most confident.
    """
    predictions = judged.predictions
    chosen = ~predictions.right if mistakes else np.ones(len(predictions), np.bool_)
    for kind, value in filters(judged).items():
        mask = FILTERS[kind].mask(judged, value)
        if mask is not None:
            chosen = chosen & mask
    found = np.flatnonzero(chosen)
    return found[np.argsort(_key(judged, found, doubtful), kind="stable")]


def _key(judged: Judged, found: NDArray[np.intp], doubtful: bool) -> NDArray[np.float32]:
    if not doubtful:
        return -judged.predictions.confidence[found]
    two = np.sort(judged.predictions.probabilities[found], axis=1)[:, -2:]
    return np.asarray(two[:, 1] - two[:, 0])
