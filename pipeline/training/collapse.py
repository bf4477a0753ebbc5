"""Whether a training has collapsed: it predicts one emotion whatever the face. Loads no keras."""

import numpy as np
import pandas as pd

from pipeline.data.dataset import FaceDataset
from pipeline.labels import EMOTIONS

SHARE = "val_top_share"
"""Column of a history: share of the validation faces that get the most predicted emotion."""

_MAX_SHARE = 0.95
_EPOCHS = 3
_TOLERANCE = 1e-5  # of float32
_CURE = "A lower learning rate, a warm-up or class weights usually help."


def collapse_warning(
    history: pd.DataFrame, faces: FaceDataset, seed: int, *, ended: bool = False
) -> str:
    """Return a sentence on how a training has collapsed, and what usually helps; empty if not.

    It has if one emotion took over 95% of the validation predictions in each of the last three
    epochs, or if no epoch was more accurate than predicting the most frequent emotion always.

    Args:
        history: a run's history.
        faces: the data set without the run's excluded faces.
        seed: the run's, which draws the faces to choose on where no split has them.
        ended: whether the training has ended; else the second sign counts after three epochs only.
    """
    last = history.get(SHARE, pd.Series(dtype=float)).tail(_EPOCHS)
    if len(last) == _EPOCHS and (last > _MAX_SHARE).all():
        return (
            f"The training has collapsed: one emotion takes over {_MAX_SHARE:.0%} of the "
            f"validation predictions in each of the last {_EPOCHS} epochs. {_CURE}"
        )
    if len(history) < (1 if ended else _EPOCHS):
        return ""
    best = history.get("val_accuracy", pd.Series(dtype=float)).max()
    counts = np.bincount(faces.labels[faces.indices(faces.choosing_split(), seed)])
    if best <= counts.max() / counts.sum() + _TOLERANCE:
        return (
            f"The training has not learned: its best validation accuracy, {best:.1%}, is no better "
            f"than that of always predicting {EMOTIONS[counts.argmax()]}. {_CURE}"
        )
    return ""
