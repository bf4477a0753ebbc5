"""Calibration: expected calibration error, reliability bins and temperature scaling.

Sources: Naeini et al. 2015, "Obtaining Well Calibrated Probabilities Using Bayesian Binning", for
the expected calibration error; Guo et al. 2017, https://arxiv.org/abs/1706.04599, for temperature
scaling.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.predictions import Predictions
from pipeline.runs import Calibration, Run
from pipeline.vision.confidence import scale_log_probabilities, scale_probabilities

N_BINS = 15
MIN_FACES = 20
"""A temperature is fitted on at least this many faces."""

_FOLDS = 5
_SEED = 0
_MIN_TEMPERATURE, _MAX_TEMPERATURE = 0.05, 20.0
_MAX_LOSS = -np.log(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class Reliability:
    """Accuracy and mean confidence in bins of confidence of equal width.

    Args:
        faces: int (15,), number of faces in each bin.
        confidence: float (15,), their mean confidence; NaN in an empty bin.
        accuracy: float (15,), their accuracy; NaN in an empty bin.
        ece: expected calibration error: mean gap between the two, weighted by faces, 0-1.
    """

    faces: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    ece: float


def confidence_bins(confidence: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the bin of each confidence, intp (n,), 0 to 14; a bin includes its upper end."""
    bins = np.ceil(confidence.astype(np.float64) * N_BINS).astype(np.intp) - 1
    return np.clip(bins, 0, N_BINS - 1)


def reliability(predictions: Predictions) -> Reliability:
    """Compute accuracy and mean confidence by bin of confidence, and the calibration error."""
    bins = confidence_bins(predictions.confidence)
    faces = np.bincount(bins, minlength=N_BINS)
    confidence = np.bincount(bins, predictions.confidence, N_BINS)
    correct = np.bincount(bins, predictions.correct, N_BINS)
    divisor = np.where(faces, faces, np.nan)
    ece = float(np.abs(confidence - correct).sum() / max(1, len(predictions)))
    return Reliability(faces, confidence / divisor, correct / divisor, ece)


def log_loss(predictions: Predictions, temperature: float = 1.0) -> float:
    """Return the mean negative natural logarithm of the label's probability at a temperature.

    The loss of one face is cut at 36, as in scikit-learn.
    """
    return float(np.minimum(_losses(predictions, temperature), _MAX_LOSS).mean())


def _losses(predictions: Predictions, temperature: float) -> NDArray[np.float64]:
    scaled = scale_log_probabilities(predictions.probabilities, temperature)
    return -np.asarray(scaled[np.arange(len(scaled)), predictions.y_true])


def fit_temperature(predictions: Predictions) -> float | None:
    """Return the temperature that minimizes the log loss.

    Returns:
        The temperature; None for fewer than 20 faces, or without a single mistake, where the loss
        has no minimum.
    """
    from scipy.optimize import minimize_scalar

    if len(predictions) < MIN_FACES or predictions.correct.all():
        return None
    result = minimize_scalar(
        lambda logarithm: float(_losses(predictions, np.exp(logarithm)).mean()),
        bounds=(np.log(_MIN_TEMPERATURE), np.log(_MAX_TEMPERATURE)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(result.x))


def apply_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """Return the same predictions with scaled probabilities."""
    return replace(
        predictions, probabilities=scale_probabilities(predictions.probabilities, temperature)
    )


def cross_fitted(predictions: Predictions) -> Predictions | None:
    """Scale each fold of the faces by the temperature fitted on the other four.

    The effect of a temperature on the faces it was fitted on is biased; this estimate is not. The
    five folds are random, and the same at each call.

    Returns:
        The scaled predictions; None where no temperature can be fitted.
    """
    n = len(predictions)
    folds = np.random.default_rng(_SEED).permutation(n) % _FOLDS
    scaled = np.empty_like(predictions.probabilities)
    for fold in range(_FOLDS):
        temperature = fit_temperature(predictions.take(folds != fold))
        if temperature is None:
            return None
        scaled[folds == fold] = scale_probabilities(
            predictions.probabilities[folds == fold], temperature
        )
    return replace(predictions, probabilities=scaled)


def calibrate(model: Run, predictions: Predictions) -> Calibration | None:
    """Fit a model's temperature on the split it was chosen on, and store it with the model.

    Args:
        model: the model that made the predictions.
        predictions: of all faces of the model-selection split.

    Returns:
        The stored calibration; None, and nothing is stored, where no temperature can be fitted.
    """
    temperature = fit_temperature(predictions)
    if temperature is None:
        return None
    calibration = Calibration(
        temperature=temperature,
        dataset=predictions.dataset,
        fingerprint=predictions.fingerprint,
        split=predictions.split,
        faces=len(predictions),
    )
    model.write_calibration(calibration)
    return calibration
