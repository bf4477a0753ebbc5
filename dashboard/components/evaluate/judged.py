"""An evaluation that is shown: the model, its faces, and what it said of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboard import resources
from pipeline.data.dataset import FaceDataset
from pipeline.evaluation.metrics import Metrics
from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.slices import Slice
from pipeline.evaluation.target import Target
from pipeline.runs import Run


@dataclass(frozen=True)
class Judged:
    """An evaluation that is shown.

    Args:
        model: a run or a shipped model.
        target: the faces.
        predictions: what the model said of them.
        metrics: its figures.
        interval: the 95 % interval of its accuracy.
        dataset: the data set, or None if it is not in the workspace.
    """

    model: Run
    target: Target
    predictions: Predictions
    metrics: Metrics
    interval: tuple[float, float]
    dataset: FaceDataset | None

    @cached_property
    def rows(self) -> NDArray[np.intp]:
        """Where the faces are in the data set, intp (n,); -1 for one that is not."""
        if self.dataset is None:
            return np.full(len(self.predictions), -1, np.intp)
        return pd.Index(self.dataset.ids).get_indexer(pd.Index(self.predictions.ids))

    @property
    def slices(self) -> list[Slice]:
        """Its slices; none without the data set."""
        if self.dataset is None:
            return []
        return resources.slices_of(self.model, self.target, self.dataset)


def judge(model: Run, target: Target) -> Judged:
    """Gather an evaluation.

    Raises:
        UserError: it is missing or damaged, or no face is left of the target.
    """
    measured = resources.measured(model, target)
    return Judged(
        model,
        target,
        resources.judged(model, target),
        measured.metrics,
        measured.interval,
        resources.dataset_by_fingerprint(target.fingerprint),
    )
