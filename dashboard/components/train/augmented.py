"""A few training faces, and what augmentation makes of them."""

from itertools import zip_longest

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.faces import sample_by_emotion, strip
from pipeline.data.dataset import FaceDataset
from pipeline.labels import EMOTIONS
from pipeline.training.augmentation import augment
from pipeline.training.config import TrainConfig

_SHOWN = 8
_ABREAST = 4
_DRAWN = "train.drawn"


def show_augmented(config: TrainConfig, dataset: FaceDataset) -> None:
    """Show training faces of all emotions, below each the same face as an epoch sees it.

    The changes are those of the training: they follow from the seed, the epoch and the face.

    Args:
        config: what the form says.
        dataset: its faces.
    """
    chosen = faces_to_show(dataset)
    epoch = st.session_state.get(_DRAWN, 0)
    faces = np.stack([dataset.images[i] for i in chosen])
    changed = np.stack(
        [
            augment(face, config.augmentation, (config.seed, epoch, int(i)))
            for i, face in zip(chosen, faces, strict=True)
        ]
    )
    names = [EMOTIONS[label] for label in dataset.labels[chosen]]
    for start in range(0, len(chosen), _ABREAST):
        part = slice(start, start + _ABREAST)
        with st.container(gap="xxsmall"):
            _show_strip(faces[part], f"training faces: {', '.join(names[part])}")
            _show_strip(changed[part], "the same faces, augmented")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(_words(config, epoch), width="stretch")
        st.button("Draw again", icon=":material/casino:", type="tertiary", on_click=_draw)


def _show_strip(faces: NDArray[np.uint8], alt: str) -> None:
    st.image(strip(faces, _ABREAST), width="stretch", alt=alt)


def faces_to_show(dataset: FaceDataset) -> NDArray[np.intp]:
    """Return up to 8 training faces, one an emotion before a second of any, by emotion."""
    train = dataset.indices("train")
    samples = [
        sample_by_emotion(dataset.labels, train, emotion, _SHOWN, seed=0)
        for emotion in range(len(EMOTIONS))
    ]
    turns = [i for turn in zip_longest(*samples) for i in turn if i is not None]
    chosen = np.array(turns[:_SHOWN])
    return chosen[np.argsort(dataset.labels[chosen], kind="stable")]


def _words(config: TrainConfig, epoch: int) -> str:
    words = f"Below as epoch {epoch + 1} sees them."
    return f"{words} Mixup comes on top." if config.mixup else words


def _draw() -> None:
    st.session_state[_DRAWN] = st.session_state.get(_DRAWN, 0) + 1
