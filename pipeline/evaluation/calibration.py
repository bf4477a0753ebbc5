"""Whether a model is as sure as it is right, and the temperature that makes it so.

Sources: Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", for
the expected calibration error; Guo et al. 2017, https://arxiv.org/abs/1706.04599, for the
temperature.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.predictions import Predictions
from pipeline.runs import Calibration, Run
from pipeline.vision.temperature import log_scale, scale

BINS = 15
FEWEST = 20
"""Faces that a temperature is fitted on at least."""

_FOLDS = 5
_SEED = 0
_COOLEST, _WARMEST = 0.05, 20.0
_MOST_LOSS = -np.log(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Reliability:
    """How often a model is right when it is so sure, in bins of equal width.

    Args:
        faces: int (15,), faces whose confidence falls into the bin.
        confidence: float (15,), their mean confidence; NaN in an empty bin.
        accuracy: float (15,), the share of them that is right; NaN in an empty bin.
        ece: the mean gap between the two, weighted by faces, 0-1.
    """

    faces: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    ece: float


def bins_of(confidence: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the bin of each confidence, intp (n,), 0 to 14; a bin holds its upper end."""
    return np.clip(np.ceil(confidence.astype(np.float64) * BINS).astype(np.intp) - 1, 0, BINS - 1)


def reliability(predictions: Predictions) -> Reliability:
    """Bin the faces by how sure the model is of them."""
    bins = bins_of(predictions.confidence)
    faces = np.bincount(bins, minlength=BINS)
    sure = np.bincount(bins, predictions.confidence, BINS)
    right = np.bincount(bins, predictions.right, BINS)
    some = np.where(faces, faces, np.nan)
    ece = float(np.abs(sure - right).sum() / max(1, len(predictions)))
    return Reliability(faces, sure / some, right / some, ece)


def log_loss(predictions: Predictions, temperature: float = 1.0) -> float:
    """Return the mean negative natural logarithm of the label's probability at a temperature.

    A face counts 36 at most, as scikit-learn has it.
    """
    return float(np.minimum(_losses(predictions, temperature), _MOST_LOSS).mean())


def _losses(predictions: Predictions, temperature: float) -> NDArray[np.float64]:
    scaled = log_scale(predictions.probabilities, temperature)
    return -np.asarray(scaled[np.arange(len(scaled)), predictions.y_true])


def fit_temperature(predictions: Predictions) -> float | None:
    """Return the temperature of the least log loss.

    Returns:
        The temperature; None of fewer than 20 faces, or where none is a mistake: to be ever surer
        would then be ever better.
    """
    from scipy.optimize import minimize_scalar

    if len(predictions) < FEWEST or predictions.right.all():
        return None
    found = minimize_scalar(
        lambda logarithm: float(_losses(predictions, np.exp(logarithm)).mean()),
        bounds=(np.log(_COOLEST), np.log(_WARMEST)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def at_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """Return the same predictions with scaled probabilities."""
    return replace(predictions, probabilities=scale(predictions.probabilities, temperature))


def cross_fitted(predictions: Predictions) -> Predictions | None:
    """Scale each fifth of the faces by the temperature fitted on the other four.

    What a temperature does to the faces that it was fitted on flatters it; this does not. The
    fifths are drawn at random, the same ones each time.

    Returns:
        The scaled predictions; None where no temperature can be fitted.
    """
    n = len(predictions)
    fold = np.random.default_rng(_SEED).permutation(n) % _FOLDS
    scaled = np.empty_like(predictions.probabilities)
    for number in range(_FOLDS):
        temperature = fit_temperature(predictions.of(fold != number))
        if temperature is None:
            return None
        scaled[fold == number] = scale(predictions.probabilities[fold == number], temperature)
    return replace(predictions, probabilities=scaled)


def calibrate(model: Run, predictions: Predictions) -> Calibration | None:
    """Fit a model's temperature on the faces it was chosen on, and store it with the model.

    Args:
        model: the model that made the predictions.
        predictions: of all faces of the choosing split.

    Returns:
        What was stored; None where none can be fitted, and then nothing is.
    """
    temperature = fit_temperature(predictions)
    if temperature is None:
        return None
    made = Calibration(
        temperature=temperature,
        dataset=predictions.dataset,
        fingerprint=predictions.fingerprint,
        split=predictions.split,
        faces=len(predictions),
    )
    model.write_calibration(made)
    return made
