"""Keras' callbacks for a run, and ours: the learning rate's course, the status, a check for NaN."""

import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.training.batches import FaceBatches
from pipeline.training.config import TrainConfig

log = logging.getLogger("pipeline.training")

_STATUS_EVERY_S = 0.5
_SHOWN = ("loss", "accuracy", "val_loss", "val_accuracy", "val_macro_f1", "learning_rate")


def mode_of(monitor: str) -> str:
    """Return whether more (`max`) or less (`min`) of a figure is better."""
    return "min" if monitor.endswith("loss") else "max"


def checkpoint(config: TrainConfig, run: Run) -> keras.callbacks.ModelCheckpoint:
    """Keep the weights of the best epoch; one for all phases, so that it remembers the best."""
    return keras.callbacks.ModelCheckpoint(
        run.state_folder / "best.weights.h5",
        monitor=config.monitor,
        mode=mode_of(config.monitor),
        save_best_only=True,
        save_weights_only=True,
    )


def phase_callbacks(
    config: TrainConfig, *, first_epoch: int, head_only: bool
) -> list[keras.callbacks.Callback]:
    """Return the callbacks of a phase in the order they must run in."""
    callbacks = [keras.callbacks.LearningRateScheduler(_course(config, first_epoch, head_only))]
    if not head_only:
        watched: dict[str, Any] = {"monitor": config.monitor, "mode": mode_of(config.monitor)}
        if config.schedule == "plateau":
            callbacks = [
                keras.callbacks.ReduceLROnPlateau(
                    patience=config.plateau_patience, factor=config.plateau_factor, **watched
                )
            ]
        if config.early_stopping_patience:
            callbacks.append(
                keras.callbacks.EarlyStopping(patience=config.early_stopping_patience, **watched)
            )
    return callbacks


def _course(config: TrainConfig, first_epoch: int, head_only: bool) -> Any:
    def learning_rate(epoch: int, _: float) -> float:
        if head_only:
            return config.model.head_learning_rate  # type: ignore[union-attr]
        return rate_of_epoch(config, epoch - first_epoch)

    return learning_rate


def rate_of_epoch(config: TrainConfig, epoch: int) -> float:
    """Return the learning rate of an epoch of the main phase, counted from 0.

    Linear warm-up, then a half cosine to a hundredth of the rate (Loshchilov & Hutter 2016,
    https://arxiv.org/abs/1608.03983), or constant.
    """
    if epoch < config.warmup_epochs:
        return config.learning_rate * (epoch + 1) / (config.warmup_epochs + 1)
    if config.schedule != "cosine":
        return config.learning_rate
    done = (epoch - config.warmup_epochs) / max(1, config.epochs - config.warmup_epochs)
    return config.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)


class EpochOrder(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells the batches which epoch begins."""

    def __init__(self, batches: FaceBatches) -> None:
        super().__init__()
        self._batches = batches

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Set the epoch's order and changes."""
        self._batches.set_epoch(epoch)


class Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes the run's status and log as the training goes on; stops it when the loss is NaN."""

    def __init__(
        self, run: Run, config: TrainConfig, steps: int, on_progress: Callable[[float], None]
    ) -> None:
        super().__init__()
        self._run, self._config, self._steps = run, config, steps
        self._on_progress = on_progress
        self._written = 0.0
        self._epoch, self._epoch_begun = 0, time.monotonic()
        self._last_epoch_s: float | None = None

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Note when the epoch began."""
        self._epoch, self._epoch_begun = epoch, time.monotonic()

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write the status, at most twice a second."""
        now = time.monotonic()
        if now - self._written < _STATUS_EVERY_S:
            return
        self._written = now
        self._check(logs)
        step = batch + 1
        epoch_s = self._last_epoch_s or (now - self._epoch_begun) / step * self._steps
        left = self._config.total_epochs - self._epoch - step / self._steps
        self._on_progress(1 - left / self._config.total_epochs)
        self._run.update_status(
            epoch=self._epoch,
            step=step,
            steps=self._steps,
            images_per_s=step * self._config.batch_size / (now - self._epoch_begun),
            eta_s=left * epoch_s,
        )

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Write the epoch's line into the log."""
        self._check(logs)
        figures = ", ".join(f"{key} {logs[key]:.4g}" for key in _SHOWN if logs and key in logs)
        self._last_epoch_s = time.monotonic() - self._epoch_begun
        log.info("epoch %d: %s (%.0f s)", epoch, figures, self._last_epoch_s)
        self._run.update_status(epoch=epoch + 1, step=0)

    def _check(self, logs: Mapping[str, float] | None) -> None:
        if logs and not np.isfinite(logs.get("loss", 0.0)):
            raise UserError(
                f"The loss is no longer a number in epoch {self._epoch}: lower the learning rate."
            )
