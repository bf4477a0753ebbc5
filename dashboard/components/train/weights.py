"""What the chosen class weights make of the training faces."""

import numpy as np
import pandas as pd
import streamlit as st

from pipeline.data.dataset import FaceDataset
from pipeline.labels import EMOTIONS
from pipeline.training.class_weights import class_weights
from pipeline.training.config import TrainConfig


def show_class_weights(config: TrainConfig, dataset: FaceDataset) -> None:
    """Show how many training faces each emotion has and what an error on one of them weighs.

    Args:
        config: what the form says.
        dataset: its faces.
    """
    labels = dataset.labels[dataset.indices("train")]
    weights = class_weights(labels, config.class_weights, config.given_weights)
    table = pd.DataFrame(
        {
            "emotion": EMOTIONS,
            "faces": np.bincount(labels, minlength=len(EMOTIONS)),
            "weight": weights,
        }
    )
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
                help="What an error on a face of this emotion counts; the mean over all is 1.",
            ),
        },
        alt="Training faces of each emotion and the weight of one",
    )
