"""Keras' callbacks of a run: what begins and keeps an epoch, averages weights, and tells how far.

Their order matters: `Averages`, `Keeper`, `Progress`.
"""

import logging
import time
from collections.abc import Callable, Mapping

import keras
import numpy as np

from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.runs.history import write_history
from pipeline.training.batches import FaceBatches
from pipeline.training.config import TrainConfig
from pipeline.training.course import best_epoch, ends_early, learning_rate
from pipeline.training.outcome import TrainingStopped
from pipeline.training.pace import Pace
from pipeline.training.state import TrainingState

log = logging.getLogger("pipeline.training")

_STATUS_EVERY_S = 0.5
_SHOWN = ("loss", "accuracy", "val_loss", "val_accuracy", "val_macro_f1", "learning_rate")
Logs = Mapping[str, float] | None


class Averages(keras.callbacks.Callback):  # type: ignore[misc]
    """Puts the moving average of the weights into the model to judge and keep it.

    From an epoch's validation to the next epoch's begin the model holds the average and the
    optimizer the plain weights. Statistics of batch normalisation are not averaged.

    Unlike `keras.callbacks.SwapEMAWeights` it never gives the plain weights up, which a resume
    goes on from.

    Args:
        swapped: whether the model holds the average now.
    """

    def __init__(self, *, swapped: bool) -> None:
        super().__init__()
        self._swapped = swapped

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Go on with the plain weights."""
        if self._swapped:
            self._swap()

    def on_test_begin(self, logs: Logs = None) -> None:
        """Judge the average."""
        self._swap()

    def _swap(self) -> None:
        self._swapped = not self._swapped
        optimizer = self.model.optimizer
        averages = optimizer._model_variables_moving_average  # there is no public name
        for variable, average in zip(self.model.trainable_variables, averages, strict=True):
            plain = np.array(variable)
            variable.assign(average)
            average.assign(plain)


class Keeper(keras.callbacks.Callback):  # type: ignore[misc]
    """Begins each epoch from the seed and the finished epochs alone, and keeps what came of it.

    Args:
        config: the run's configuration.
        run: the run.
        batches: the training faces.
        state: what the training goes on from.
    """

    def __init__(
        self, config: TrainConfig, run: Run, batches: FaceBatches, state: TrainingState
    ) -> None:
        super().__init__()
        self.state = state
        self._config, self._run, self._batches = config, run, batches
        self._extended_at = run.config().extended_at

    @property
    def done(self) -> bool:
        """Whether no epoch is to come."""
        history = self.state.history
        return len(history) >= self._config.total_epochs or ends_early(
            self._config, history, self._extended_at
        )

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Set the order, the seeds of dropout and the learning rate."""
        self._batches.set_epoch(epoch)
        seeds = [v for v in self.model.variables if v.name == "seed_generator_state"]
        for number, variable in enumerate(seeds):
            drawn = np.random.SeedSequence((self._config.seed, epoch, number)).generate_state(1)
            variable.assign(np.array([drawn[0] % 2**31, 0]))
        self.model.optimizer.learning_rate = learning_rate(self._config, self.state.history)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the state, then the history; end the training where early stopping says so."""
        check_finite(epoch, logs)
        figures = {**(logs or {}), "learning_rate": float(self.model.optimizer.learning_rate)}
        row = {"epoch": epoch} | {key: float(figures[key]) for key in sorted(figures)}
        history = [*self.state.history, row]
        weights = self.model.get_weights()
        better = best_epoch(history, self._config.monitor) == epoch
        self.state = TrainingState(
            history,
            weights,
            [np.array(variable) for variable in self.model.optimizer.variables],
            weights if better else self.state.best,
        )
        self.state.write(self._run)
        write_history(self._run.history_path, history)
        self.model.stop_training = self.done


class Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """Writes the run's status and log as the training goes on, and hears a request to stop."""

    def __init__(
        self, run: Run, config: TrainConfig, steps: int, on_progress: Callable[[float], None]
    ) -> None:
        super().__init__()
        self._run, self._config, self._steps = run, config, steps
        self._on_progress = on_progress
        self._written = 0.0
        self._epoch, self._pace = 0, Pace(steps)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Note that the epoch begins."""
        self._epoch = epoch
        self._pace.begin_epoch()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Write the status, at most twice a second."""
        self._pace.step()
        now = time.monotonic()
        if now - self._written < _STATUS_EVERY_S:
            return
        self._written = now
        check_finite(self._epoch, logs)
        step, steps_per_s = batch + 1, self._pace.steps_per_s
        left = self._config.total_epochs - self._epoch - step / self._steps
        self._on_progress(1 - left / self._config.total_epochs)
        self._run.update_status(
            epoch=self._epoch,
            step=step,
            steps=self._steps,
            loss=_figure(logs, "loss"),
            accuracy=_figure(logs, "accuracy"),
            images_per_s=steps_per_s and steps_per_s * self._config.batch_size,
            eta_s=self._pace.seconds_for(left),
        )

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write the epoch's line into the log; stop if asked to and more epochs were to come.

        Raises:
            TrainingStopped: somebody asked for it.
        """
        rate = float(self.model.optimizer.learning_rate)
        shown = {**(logs or {}), "learning_rate": rate}
        figures = ", ".join(f"{key} {shown[key]:.4g}" for key in _SHOWN if key in shown)
        log.info("epoch %d: %s (%.0f s)", epoch, figures, self._pace.end_epoch())
        self._run.update_status(epoch=epoch + 1, step=0)
        if self._run.stop_path.exists() and not self.model.stop_training:
            raise TrainingStopped


def _figure(logs: Logs, name: str) -> float | None:
    return float(logs[name]) if logs and name in logs else None


def check_finite(epoch: int, logs: Logs) -> None:
    """Make sure that the loss is a number.

    Raises:
        UserError: it is not.
    """
    if logs and not np.isfinite(logs.get("loss", 0.0)):
        raise UserError(
            f"The loss is no longer a number in epoch {epoch}: lower the learning rate."
        )
