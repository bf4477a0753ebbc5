"""The faces that a configuration trains on: augmented samples, class counts and class weights."""

from itertools import zip_longest

import cv2
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from dashboard import actions, resources
from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import load_exclusions
from pipeline.data.store import dataset_info
from pipeline.labels import EMOTIONS
from pipeline.report.face_images import face_strip, sample_by_emotion
from pipeline.training.augmentation import augment
from pipeline.training.estimate import cost_key
from pipeline.training.run_setup import validate
from pipeline.training.targets import class_weights

_SAMPLES = 8
_COLUMNS = 4
_PREVIEW_EPOCH = "train.preview_epoch"


def open_dataset(config: TrainConfig) -> FaceDataset:
    """Open the data set of a configuration without the faces of its exclusion lists.

    Raises:
        UserError: the data set or a list is missing or damaged.
    """
    info = dataset_info(config.dataset)
    dataset = resources.dataset(info.name, info.fingerprint)
    if not config.exclude:
        return dataset
    return dataset.without(load_exclusions(config.dataset, *config.exclude).reasons)


def checked(config: TrainConfig) -> TrainConfig:
    """Return a configuration that a run can be made from, see `actions.with_allowed_weights`.

    Raises:
        UserError: what it names does not exist, or no face is left to train or choose on.
    """
    config = actions.with_allowed_weights(config)
    dataset = open_dataset(config)
    validate(config, dataset)
    cost_key(config, dataset)
    return config


def show_augmentation(config: TrainConfig, dataset: FaceDataset) -> None:
    """Show training faces of all emotions, below each the same face augmented as in an epoch.

    Args:
        config: its seed, with the epoch and the face, determines the augmentation, as in training.
        dataset: its data set.
    """
    indices = sample_faces(dataset)
    epoch = st.session_state.get(_PREVIEW_EPOCH, 0)
    faces = np.stack([dataset.images[i] for i in indices])
    augmented = np.stack(
        [
            augment(face, config.augmentation, (config.seed, epoch, int(i)))
            for i, face in zip(indices, faces, strict=True)
        ]
    )
    names = [EMOTIONS[label] for label in dataset.labels[indices]]
    for start in range(0, len(indices), _COLUMNS):
        part = slice(start, start + _COLUMNS)
        with st.container(gap="xxsmall"):
            _show_strip(faces[part], f"training faces: {', '.join(names[part])}")
            _show_strip(augmented[part], "the same faces, augmented")
    caption = f"Every second row: augmented as in epoch {epoch + 1:,}"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{caption}, before mixup" if config.mixup else caption, width="stretch")
        st.button("Resample", icon=":material/casino:", type="tertiary", on_click=_next_epoch)


def _show_strip(faces: NDArray[np.uint8], alt: str) -> None:
    png = cv2.imencode(".png", face_strip(faces, _COLUMNS))[1]  # Streamlit's own takes long
    st.image(png.tobytes(), width="stretch", alt=alt)


def sample_faces(dataset: FaceDataset) -> NDArray[np.intp]:
    """Return indices of up to 8 training faces, sorted by emotion, each emotion before a second."""
    train = dataset.indices("train")
    samples = [
        sample_by_emotion(dataset.labels, train, emotion, _SAMPLES, seed=0)
        for emotion in range(len(EMOTIONS))
    ]
    rounds = [i for one_each in zip_longest(*samples) for i in one_each if i is not None]
    indices = np.array(rounds[:_SAMPLES])
    return indices[np.argsort(dataset.labels[indices], kind="stable")]


def _next_epoch() -> None:
    st.session_state[_PREVIEW_EPOCH] = st.session_state.get(_PREVIEW_EPOCH, 0) + 1


def show_class_weights(config: TrainConfig, dataset: FaceDataset) -> None:
    """Show the number of training faces of each emotion and its class weight.

    Args:
        config: its class weights.
        dataset: its data set.
    """
    counts = resources.training_counts(dataset, config.seed)
    weights = class_weights(counts, config.class_weights, config.given_weights)
    table = pd.DataFrame({"emotion": EMOTIONS, "faces": counts, "weight": weights})
    st.dataframe(
        table,
        hide_index=True,
        row_height=28,
        column_config={
            "faces": st.column_config.NumberColumn(format="localized"),
            "weight": st.column_config.ProgressColumn(
                format="%.2f",
                min_value=0.0,
                max_value=float(weights.max()),
                help="Factor of the loss of a face of this emotion; the mean over all faces is 1.",
            ),
        },
        alt="Training faces and class weight of each emotion",
    )
