"""Labels in doubt: a model that has not learnt a face is confident of another emotion.

Source: Northcutt et al. 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels",
https://arxiv.org/abs/1911.00068, as `cleanlab` has it.
"""

from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.evaluation.predictions import Predictions, load_predictions
from pipeline.runs import Run, list_models


def doubted(predictions: Predictions) -> NDArray[np.bool_]:
    """Return the faces that the model confidently gives another emotion than their label.

    Confident is a probability of at least what the model gives that emotion, on average, on the
    faces that are labelled with it. An emotion that no face is labelled with raises no doubt.

    Args:
        predictions: of faces that the model was not trained on.

    Returns:
        bool (n,).
    """
    if len(np.unique(predictions.y_true)) < 2:
        return np.zeros(len(predictions), np.bool_)  # which cleanlab refuses
    from cleanlab.filter import find_label_issues  # half a second, for those who ask only

    # The other ways to filter work on global variables and disturb each other in threads.
    found = find_label_issues(
        predictions.y_true.astype(np.int64),
        predictions.probabilities,
        filter_by="confident_learning",
        n_jobs=1,
    )
    return np.asarray(found, np.bool_)


def doubts_by_model(dataset: FaceDataset) -> dict[str, NDArray[np.bool_]]:
    """Return which labels of a data set each model doubts, by the models' names.

    The largest stored evaluation of each split counts, but none on `train`: what a model was
    trained on it has learnt, so that its probabilities show no doubt. Models without any are left
    out.

    Returns:
        Model -> bool (n,) over the faces of the data set; False also where it was not asked.
    """
    found = {}
    for model in list_models():
        stored = _stored(model, dataset.fingerprint)
        if stored:
            ids = np.concatenate([each.ids[doubted(each)] for each in stored])
            found[model.name] = np.isin(dataset.ids, ids)
    return found


def _stored(model: Run, fingerprint: str) -> list[Predictions]:
    readable = []
    for folder in model.evaluation_paths():
        with suppress(UserError):
            readable.append(load_predictions(model, folder))
    ours = [each for each in readable if each.fingerprint == fingerprint and each.split != "train"]
    return list({each.split: each for each in sorted(ours, key=len)}.values())
