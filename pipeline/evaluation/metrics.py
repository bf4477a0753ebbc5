"""The figures that say how good a model is, computed from stored probabilities."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    auc,
    balanced_accuracy_score,
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
    roc_curve,
    top_k_accuracy_score,
)

from pipeline.evaluation.predictions import Predictions
from pipeline.labels import EMOTIONS
