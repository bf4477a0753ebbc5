"""The view Overview: classes by split, mean images, brightness, contrast, class weights."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard import resources
from dashboard.resources import AnnotatedDataset
from dashboard.views.dataset.filters import FILTERS, split_choice, split_mask
from dashboard.widgets.choice_bar import choice_bar
from dashboard.widgets.face_filters import highlighted
from dashboard.widgets.gallery import Tile, tile_grid
from dashboard.widgets.markdown import escape_markdown
from pipeline.data.dataset import HELD_OUT, FaceDataset, choosing_split, split_name
from pipeline.data.store import DatasetInfo
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.report.charts.brightness import boxes_by_emotion, percentiles_by_emotion
from pipeline.report.charts.distribution import axis_end, class_distribution, imbalance
from pipeline.training.targets import CLASS_WEIGHT_POWERS, class_weights


def show_overview(info: DatasetInfo, faces: AnnotatedDataset) -> None:
    """Show what a data set holds; a click on a mark filters the faces below."""
    _show_distribution(info)
    _show_images(faces)
    _show_weights(info, faces.dataset)


def _show_distribution(info: DatasetInfo) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Classes by split", width="stretch")
        unit = choice_bar(
            "Bars show", ["counts", "shares"], "overview.unit", persist_state="session"
        )
    shares = unit == "shares"
    ends = axis_end(info.counts, shares=shares)
    with st.grid(min(3, len(info.counts)), min_column_width=280, gap="medium"):
        for split, counts in info.counts.items():
            with st.container(gap="xsmall"):
                _show_split(split, counts, shares, ends[split])
    st.caption(
        "Imbalance: faces of the most frequent emotion for each face of the rarest. Above about "
        "5, look at macro F1 beside accuracy, and try class weights."
    )


def _show_split(split: str, counts: dict[str, int], shares: bool, end: float) -> None:
    ratio = imbalance(counts)
    missing = f"{sum(not counts.get(e) for e in EMOTIONS)} of {len(EMOTIONS)} emotions missing"
    words = f"imbalance {ratio:.1f} : 1" if ratio else missing
    st.markdown(
        f"**{escape_markdown(split_name(split))}** · {sum(counts.values()):,} faces · {words}"
    )
    emotion = highlighted(FILTERS.active(), "emotion", {"split": split})
    FILTERS.show_chart(
        f"overview.classes {split}",
        class_distribution(counts, shares=shares, largest=end, chosen=emotion),
        lambda mark: {"split": split, "emotion": mark[0]},
        alt=f"Faces of each emotion in {split_name(split)}",
    )


def _show_images(faces: AnnotatedDataset) -> None:
    """Show mean images, and boxes of brightness and contrast, of one split or of all faces."""
    dataset = faces.dataset
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Mean image, brightness and contrast by emotion", width="stretch")
        of_split = split_choice(f"overview.light {dataset.name}", dataset.split_names())
    _show_mean_images(faces, of_split)
    mask = split_mask(faces, of_split)
    for column, what, values, order in zip(
        st.columns(2, gap="medium"),
        ("brightness", "contrast"),
        (faces.statistics.brightness, faces.statistics.contrast),
        ("darkest", "lowest contrast"),
        strict=True,
    ):
        percentiles = percentiles_by_emotion(values[mask], dataset.labels[mask])
        with column:
            _show_boxes(what, percentiles, {**of_split, "order": order})
    st.caption(
        "Mean and standard deviation of a face's gray levels, 0 to 255. A box spans half of the "
        "faces, its whiskers 90%. A click shows the darkest faces, or those of the lowest "
        "contrast, first."
    )


def _show_mean_images(faces: AnnotatedDataset, of_split: Mapping[str, str]) -> None:
    split = of_split.get("split")
    statistics = {
        emotion: images
        for label, emotion in enumerate(EMOTIONS)
        if (images := faces.statistics.mean_face(label, split)) is not None
    }
    low, high = gray_range([deviation for _, deviation in statistics.values()])
    active = highlighted(FILTERS.active(), "emotion", of_split)
    st.caption("Mean image")
    means = {emotion: np.rint(mean).astype(np.uint8) for emotion, (mean, _) in statistics.items()}
    clicked = _show_row("overview.mean", means, active)
    st.caption(
        f"Standard deviation of each pixel: black is ±{low:.0f} gray levels of 255, white "
        f"±{high:.0f}"
    )
    deviations = {emotion: stretched(each, low, high) for emotion, (_, each) in statistics.items()}
    clicked = _show_row("overview.spread", deviations, active) or clicked
    if clicked:
        FILTERS.set(**of_split, emotion=clicked)
        st.rerun()  # the charts above highlight the chosen emotion


def _show_row(key: str, images: Mapping[str, NDArray[np.uint8]], active: str | None) -> str | None:
    tiles = [Tile(image, emotion, picked=emotion == active) for emotion, image in images.items()]
    clicked = tile_grid(key, tiles)
    return None if clicked is None else tiles[clicked].caption


def gray_range(deviations: Sequence[NDArray[np.float32]]) -> tuple[float, float]:
    """Return the multiples of ten between which all these standard deviations lie."""
    low = 10 * np.floor(min(float(each.min()) for each in deviations) / 10)
    high = 10 * np.ceil(max(float(each.max()) for each in deviations) / 10)
    return float(low), float(max(high, low + 10))


def stretched(image: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """Return an image uint8 with `low` as black and `high` as white."""
    return np.asarray(np.rint(255 * (image - low) / (high - low)), np.uint8)


def _show_boxes(what: str, percentiles: NDArray[np.float64], others: Mapping[str, Any]) -> None:
    emotion = highlighted(FILTERS.active(), "emotion", others)
    FILTERS.show_chart(
        f"overview.{what}",
        boxes_by_emotion(percentiles, f"{what}, gray levels", emotion),
        lambda mark: {**others, "emotion": mark[0]},
        alt=f"{what.capitalize()} by emotion",
    )


def _show_weights(info: DatasetInfo, dataset: FaceDataset) -> None:
    """Show the class weights of each scheme for the training faces."""
    st.header("Training faces and class weights")
    if "train" not in info.counts:
        st.caption("There is no training split, and so no class weights.")
        return
    try:
        counts = resources.training_counts(dataset)
    except UserError as error:
        st.caption(escape_markdown(str(error)))
        return
    emotion = highlighted(FILTERS.active(), "emotion", {"split": "train"})
    cells = [] if emotion is None else [(EMOTIONS.index(emotion), "emotion")]
    key = f"overview.weights {emotion}"  # under one key, a table keeps its selection
    weight = st.column_config.NumberColumn(format="%.2f")
    st.dataframe(
        _weights_table(counts),
        key=key,
        column_config={
            "faces": st.column_config.NumberColumn(format="localized"),
            "share": st.column_config.NumberColumn(format="%.1f%%"),
            **dict.fromkeys(CLASS_WEIGHT_POWERS, weight),
        },
        hide_index=True,
        on_select=lambda: FILTERS.set_by_row(
            key, lambda row: {"split": "train", "emotion": EMOTIONS[row]}
        ),
        selection_mode="single-cell",
        selection_default={"selection": {"cells": cells}},
        alt="Training faces of each emotion and its weight by scheme",
    )
    caption = (
        "The weight of each emotion's loss in training, by scheme; the mean over all faces is 1."
    )
    if choosing_split(info.counts) == HELD_OUT:
        caption += " 10% of `train` is held out for validation and not counted here."
    st.caption(caption)


def _weights_table(counts: NDArray[np.int64]) -> pd.DataFrame:
    """Return a row for each emotion: its training faces, their share in percent, its weights.

    Args:
        counts: int (7,), the faces of each emotion that a training fits on.
    """
    weights = {scheme: class_weights(counts, scheme) for scheme in CLASS_WEIGHT_POWERS}
    shares = 100 * counts / counts.sum()
    return pd.DataFrame({"emotion": EMOTIONS, "faces": counts, "share": shares, **weights})
