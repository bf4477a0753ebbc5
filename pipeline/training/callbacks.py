"""Keras' own callbacks made resumable, and the few that a run adds."""

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np

from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.heaps import keep_heaps
from pipeline.runs import Run
from pipeline.training import collapse
from pipeline.training.batches import FaceBatches
from pipeline.training.checkpoint import History, TrainingCheckpoint
from pipeline.training.run_status import TrainingStopped, check_stop
from pipeline.training.schedule import learning_rate_schedule
from pipeline.training.throughput import ThroughputMeter

log = logging.getLogger("pipeline.training")

_STATUS_EVERY_S = 0.5
_LOGGED = ("loss", "accuracy", "val_loss", "val_accuracy", "val_macro_f1", "learning_rate")
_WORST = {"min": math.inf, "max": -math.inf}
Logs = Mapping[str, float] | None


class SwapEMAWeights(keras.callbacks.SwapEMAWeights):  # type: ignore[misc]
    """Keras' SwapEMAWeights, but the plain weights stay after the last epoch: a resume needs them.

    Between an epoch's validation and the next epoch the model holds the moving average and the
    optimizer the plain weights. Statistics of batch normalization are not averaged.

    Args:
        averaged: whether the model holds the average now.
    """

    def __init__(self, *, averaged: bool) -> None:
        super().__init__(swap_on_epoch=True)
        self._ema_weights_in_model = averaged

    def _finalize_ema_values(self) -> None:
        """Leave the plain weights in the optimizer."""


class EpochSetup(keras.callbacks.Callback):  # type: ignore[misc]
    """Makes an epoch depend on (seed, epoch) alone; adds `seconds` and `val_top_share` to the logs.

    Args:
        batches: the training faces.
        seed: the run's seed.
    """

    def __init__(self, batches: FaceBatches, seed: int) -> None:
        super().__init__()
        self._batches, self._seed = batches, seed
        self._began = 0.0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Set the order and the augmentation of the faces, and the seeds of dropout."""
        self._began = time.monotonic()
        self._batches.set_epoch(epoch)
        seeds = [v for v in self.model.variables if v.name == "seed_generator_state"]
        for number, variable in enumerate(seeds):
            (state,) = np.random.SeedSequence((self._seed, epoch, number)).generate_state(1)
            variable.assign(np.array([state % 2**31, 0]))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Add the epoch's seconds, validation included, and how one-sided its predictions are.

        Raises:
            UserError: the loss is not a number.
        """
        _check_finite(epoch, logs)
        logs["seconds"] = round(time.monotonic() - self._began, 2)
        logs[collapse.SHARE] = _top_share(self.model)


class KeepHeaps(keras.callbacks.Callback):  # type: ignore[misc]
    """Makes training steps faster, see `keep_heaps`."""

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Keep what steps free for the next ones, once TensorFlow has read the first batch."""
        if batch == 0:
            keep_heaps()


class RunCheckpoint(keras.callbacks.ModelCheckpoint):  # type: ignore[misc]
    """Keras' ModelCheckpoint, which chooses the best epoch, writing the run's checkpoint instead.

    Each epoch replaces that one file, which holds the last weights, all else that a resume needs,
    and the best weights. The latter become `model.keras` at the end of the training.

    Args:
        run: the run.
        config: its configuration.
        checkpoint: where the training starts.
    """

    def __init__(self, run: Run, config: TrainConfig, checkpoint: TrainingCheckpoint) -> None:
        mode = _mode(config.monitor)
        values = [row[config.monitor] for row in checkpoint.history]
        best = (min if mode == "min" else max)(filter(math.isfinite, values), default=_WORST[mode])
        super().__init__(
            run.weights_path,
            monitor=config.monitor,
            mode=mode,
            save_best_only=True,
            initial_value_threshold=best,
        )
        self.checkpoint, self._run = checkpoint, run

    def _save_model(self, epoch: int, batch: None, logs: Mapping[str, float]) -> None:
        row = {"epoch": epoch} | {name: float(logs[name]) for name in sorted(logs)}
        weights, best = self.model.get_weights(), self.checkpoint.best
        if self._should_save_model(epoch, batch, logs, self.filepath) or best is None:
            best = weights
        optimizer = [np.array(variable) for variable in self.model.optimizer.variables]
        self.checkpoint = TrainingCheckpoint(
            [*self.checkpoint.history, row], weights, optimizer, best
        )
        self.checkpoint.write(self._run)


class Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes the run's status and log during the training, and stops it on request.

    Args:
        run: the run.
        config: its configuration.
        dataset: its faces.
        steps: batches per epoch.
        on_progress: called with the fraction of all epochs that is done, 0 to 1.
    """

    def __init__(
        self,
        run: Run,
        config: TrainConfig,
        dataset: FaceDataset,
        steps: int,
        on_progress: Callable[[float], None],
    ) -> None:
        super().__init__()
        self._run, self._config, self._dataset, self._steps = run, config, dataset, steps
        self._on_progress = on_progress
        self._written = 0.0
        self._epoch, self._meter = 0, ThroughputMeter(steps)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Begin to time the epoch."""
        self._epoch = epoch
        self._meter.begin_epoch()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Write the status, and look for a request to stop at once, at most twice a second.

        Raises:
            TrainingStopped: the process or its run was asked to stop.
        """
        check_stop()
        self._meter.step()
        now = time.monotonic()
        if now - self._written < _STATUS_EVERY_S:
            return
        self._written = now
        if self._run.asked_to_stop_now():
            raise TrainingStopped
        _check_finite(self._epoch, logs)
        step, steps_per_s = batch + 1, self._meter.steps_per_s
        remaining = self._config.total_epochs - self._epoch - step / self._steps
        self._on_progress(1 - remaining / self._config.total_epochs)
        self._run.update_status(
            epoch=self._epoch,
            step=step,
            steps=self._steps,
            loss=_metric(logs, "loss"),
            accuracy=_metric(logs, "accuracy"),
            images_per_s=steps_per_s and steps_per_s * self._config.batch_size,
            eta_s=self._meter.seconds_for(remaining),
        )

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the epoch's line into the log, and whether the training has collapsed.

        It stops on request unless this was the last epoch.

        Raises:
            TrainingStopped: a stop was requested.
        """
        self._meter.end_epoch()
        logs, epochs = logs or {}, self._config.total_epochs
        metrics = ", ".join(f"{name} {logs[name]:.4g}" for name in _LOGGED if name in logs)
        log.info("epoch %d/%d: %s (%.0f s)", epoch + 1, epochs, metrics, logs["seconds"])
        is_last = self.model.stop_training or epoch + 1 == epochs
        warning = collapse.collapse_warning(
            self._run.history(), self._dataset, self._config.seed, ended=is_last
        )
        if warning:
            log.warning(warning)
        early = bool(self.model.stop_training) and epoch + 1 < epochs
        self._run.update_status(epoch=epoch + 1, step=0, message=warning, stopped_early=early)
        if self._run.stop_path.exists() and not is_last:
            raise TrainingStopped


def epoch_callbacks(
    config: TrainConfig, *, head_only: bool = False, extended_from_epoch: int = 0
) -> list[keras.callbacks.Callback]:
    """Return Keras' callbacks that set the learning rate and stop early, as configured.

    Args:
        config: the run's configuration.
        head_only: whether the phase trains the head alone, at a constant rate and to its end.
        extended_from_epoch: epochs that were finished when the run was last given more; early
            stopping looks for progress among the later ones only.
    """
    schedule = learning_rate_schedule(config, head_only=head_only)
    callbacks = [keras.callbacks.LearningRateScheduler(schedule)]
    if config.schedule == "plateau" and not head_only:
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(
                monitor=config.monitor,
                mode=_mode(config.monitor),
                factor=config.plateau_factor,
                patience=config.plateau_patience,
                min_delta=config.plateau_min_delta,
                cooldown=config.plateau_cooldown,
                min_lr=config.plateau_min_lr,
            )
        )
    if config.early_stopping_patience and not head_only:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                monitor=config.stopping_monitor,
                mode=_mode(config.stopping_monitor),
                min_delta=config.early_stopping_min_delta,
                patience=config.early_stopping_patience,
                start_from_epoch=max(config.head_epochs, extended_from_epoch),
            )
        )
    return callbacks


class ReplayHistory(keras.callbacks.Callback):  # type: ignore[misc]
    """Restores the state of Keras' callbacks after the finished epochs, as `fit` begins.

    Keras resets their counters then. This callback, which comes after them in the list, calls them
    with the finished epochs again, so that `wait`, `best`, `cooldown_counter` and the learning rate
    are those of a training without a break.

    Args:
        rows: the finished epochs of the phase.
        callbacks: what `epoch_callbacks` returned.
    """

    def __init__(self, rows: History, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        super().__init__()
        self._rows, self._callbacks = rows, callbacks

    def on_train_begin(self, logs: Logs = None) -> None:
        """Replay the finished epochs."""
        for callback in self._callbacks:
            if hasattr(callback, "best"):
                # Keras would take the first value for the best, and nothing is better than NaN.
                callback.best = _WORST[callback.mode]
        for row in self._rows:
            for callback in self._callbacks:
                callback.on_epoch_begin(int(row["epoch"]))
            for callback in self._callbacks:
                callback.on_epoch_end(int(row["epoch"]), dict(row))

    def stopped_early(self, model: keras.Model) -> bool:
        """Return whether early stopping has ended the training with the last of these epochs.

        Args:
            model: the compiled model.
        """
        model.stop_training = False
        for callback in self._callbacks:
            callback.set_model(model)
        self.on_train_begin()
        return bool(model.stop_training)


def _check_finite(epoch: int, logs: Logs) -> None:
    """Check that the loss of an epoch, counted from 0, is a number.

    Raises:
        UserError: it is not.
    """
    if logs and not np.isfinite(logs.get("loss", 0.0)):
        raise UserError(
            f"The loss is no longer a number in epoch {epoch + 1}: lower the learning rate."
        )


def _top_share(model: keras.Model) -> float:
    """Return the share of faces that get the most predicted emotion, from the F1 score's counts.

    At the end of an epoch these are of the validation faces.
    """
    compiled = (each for group in model.metrics for each in getattr(group, "metrics", ()))
    f1 = next(each for each in compiled if isinstance(each, keras.metrics.F1Score))
    predicted = np.asarray(f1.true_positives) + np.asarray(f1.false_positives)
    return float(predicted.max() / predicted.sum())


def _mode(monitor: str) -> str:
    return "min" if monitor.endswith("loss") else "max"


def _metric(logs: Logs, name: str) -> float | None:
    return float(logs[name]) if logs and name in logs else None
