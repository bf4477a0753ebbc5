"""How the faces of each emotion look on the whole: mean faces, brightness, contrast."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.charts.light import light_by_emotion, percentiles_by_emotion
from dashboard.components.dataset.clickable import chosen_with, clickable_chart, pick_split
from dashboard.components.dataset.filters import FILTERS
from dashboard.components.dataset.known import KnownFaces
from dashboard.components.dataset.selection import choose
from dashboard.components.gallery import Tile, tile_grid
from pipeline.labels import EMOTIONS


def show_light(known: KnownFaces, filters: Mapping[str, Any]) -> None:
    """Show mean faces and boxes of brightness and contrast, of a split or of all faces."""
    dataset = known.dataset
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Mean face and light by emotion", width="stretch")
        of_split = pick_split(f"overview.light {dataset.name}", dataset.split_names())
    _show_mean_faces(known, of_split, filters)
    _show_boxes(known, of_split, filters)


def _show_mean_faces(
    known: KnownFaces, of_split: Mapping[str, Any], filters: Mapping[str, Any]
) -> None:
    split = of_split.get("split")
    found = {
        emotion: faces
        for label, emotion in enumerate(EMOTIONS)
        if (faces := known.statistics.mean_face(label, split)) is not None
    }
    means = {emotion: np.rint(mean).astype(np.uint8) for emotion, (mean, _) in found.items()}
    low, high = grey_range([spread for _, spread in found.values()])
    spreads = {emotion: stretched(spread, low, high) for emotion, (_, spread) in found.items()}
    picked = chosen_with(filters, "emotion", of_split)
    st.caption("Mean of each pixel")
    clicked = _show_row("overview.mean", means, picked)
    st.caption(
        f"Standard deviation of each pixel: black is ±{low:.0f} grey levels of 255, white "
        f"±{high:.0f}"
    )
    clicked = _show_row("overview.spread", spreads, picked) or clicked
    if clicked:
        choose(**of_split, emotion=clicked)
        st.rerun()  # what stands above shows what is chosen


def _show_row(
    key: str, pictures: Mapping[str, NDArray[np.uint8]], picked: str | None
) -> str | None:
    tiles = [Tile(face, emotion, picked=emotion == picked) for emotion, face in pictures.items()]
    clicked = tile_grid(key, tiles)
    return None if clicked is None else tiles[clicked].caption


def grey_range(spreads: Sequence[NDArray[np.float32]]) -> tuple[float, float]:
    """Return the tens of grey levels between which all these standard deviations lie."""
    low = 10 * np.floor(min(float(spread.min()) for spread in spreads) / 10)
    high = 10 * np.ceil(max(float(spread.max()) for spread in spreads) / 10)
    return float(low), float(max(high, low + 10))


def stretched(face: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """Return a picture uint8 whose black is low and whose white is high."""
    return np.asarray(np.rint(255 * (face - low) / (high - low)), np.uint8)


def _show_boxes(known: KnownFaces, of_split: Mapping[str, Any], filters: Mapping[str, Any]) -> None:
    mine = FILTERS["split"].mask(known, of_split["split"]) if of_split else slice(None)
    measured = {
        "brightness": (known.statistics.brightness, "darkest"),
        "contrast": (known.statistics.contrast, "flattest"),
    }
    for column, what in zip(st.columns(2, gap="medium"), measured, strict=True):
        values, order = measured[what]
        percentiles = percentiles_by_emotion(values[mine], known.dataset.labels[mine])
        with column:
            _show_box(what, percentiles, {**of_split, "order": order}, filters)
    st.caption(
        "Mean and standard deviation of a face's grey levels, 0 to 255. A box holds half of the "
        "faces, its whiskers nine of ten. A click opens the darkest or the flattest first."
    )


def _show_box(
    what: str,
    percentiles: NDArray[np.float64],
    others: Mapping[str, Any],
    filters: Mapping[str, Any],
) -> None:
    emotion = chosen_with(filters, "emotion", others)
    clickable_chart(
        f"overview.{what}",
        light_by_emotion(percentiles, f"{what}, grey levels", emotion),
        lambda mark: {**others, "emotion": mark[0]},
        alt=f"{what.capitalize()} by emotion",
    )
