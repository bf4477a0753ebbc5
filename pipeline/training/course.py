"""What follows from the finished epochs: the best one, the next rate, whether to go on.

Nothing here is remembered between epochs, so that a resumed training decides as an uninterrupted
one would. Loads no keras.
"""

import math

import numpy as np
from numpy.typing import NDArray

from pipeline.training.config import TrainConfig

History = list[dict[str, float]]
"""One row a finished epoch, counted from 0 across phases: `epoch`, `loss`, `val_accuracy`, …"""

_LEAST_PROGRESS = 1e-4  # below it the plateau's rate falls all the same


def best_epoch(history: History, monitor: str) -> int:
    """Return the first of the best epochs; one whose figure is no number is never better.

    Args:
        history: one row or more.
        monitor: the figure to go by; of a loss the least is best, else the greatest.
    """
    return int(np.argmax(_merits(history, monitor)))


def learning_rate(config: TrainConfig, history: History) -> float:
    """Return the rate of the epoch after the finished ones."""
    epoch = len(history) - config.head_epochs
    if epoch < 0:
        return config.model.head_learning_rate  # type: ignore[union-attr]
    rate = rate_of_epoch(config, epoch)
    if config.schedule == "plateau":
        rate *= config.plateau_factor ** _plateaus(config, history[config.head_epochs :])
    return rate


def rate_of_epoch(config: TrainConfig, epoch: int) -> float:
    """Return the learning rate of an epoch of the main phase, counted from 0, without plateaus.

    Linear warm-up, then a half cosine to a hundredth of the rate (Loshchilov & Hutter 2016,
    https://arxiv.org/abs/1608.03983), or constant.
    """
    if epoch < config.warmup_epochs:
        return config.learning_rate * (epoch + 1) / (config.warmup_epochs + 1)
    if config.schedule != "cosine":
        return config.learning_rate
    done = (epoch - config.warmup_epochs) / max(1, config.epochs - config.warmup_epochs)
    return config.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)


def ends_early(config: TrainConfig, history: History, extended_at: int = 0) -> bool:
    """Tell whether early stopping ends the training after the finished epochs.

    Args:
        config: the configuration.
        history: the finished epochs.
        extended_at: epochs that were finished when the run was last given more; progress is
            looked for among the later ones only.
    """
    watched = history[max(config.head_epochs, extended_at) :]
    if not watched or not config.early_stopping_patience:
        return False
    since_best = len(watched) - 1 - best_epoch(watched, config.stopping_monitor)
    return since_best >= config.early_stopping_patience


def _plateaus(config: TrainConfig, history: History) -> int:
    best, waited, plateaus = -math.inf, 0, 0
    for merit in _merits(history, config.monitor):
        if merit > best + _LEAST_PROGRESS:
            best, waited = float(merit), 0
        else:
            waited += 1
        if waited == config.plateau_patience:
            plateaus, waited = plateaus + 1, 0
    return plateaus


def _merits(history: History, monitor: str) -> NDArray[np.float64]:
    figures = np.array([row[monitor] for row in history], dtype=np.float64)
    merits = -figures if monitor.endswith("loss") else figures
    return np.where(np.isfinite(merits), merits, -np.inf)
