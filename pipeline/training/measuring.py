"""Does a little of a training to learn what all of it will cost.

In a process of its own: the time until the first step and the memory are the process's.
"""

import math
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import psutil

from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.training.batches import FaceBatches, make_batches
from pipeline.training.config import TrainConfig
from pipeline.training.estimate import Estimate, room, training_now
from pipeline.training.keras_model import rebuild
from pipeline.training.layers import describe, leaves
from pipeline.training.state import TrainingState
from pipeline.training.trainer import begin_phase

_TRAINING_S, _VALIDATION_S = 5.0, 2.0
_WARM, _LEAST = 2, 3  # steps thrown away, and steps timed however long they take
_BEGUN = 0.1  # of the progress, once the network is built
_FLOAT = 4  # bytes
_FACE_ON_DISK = 64  # bytes of a face in an evaluation: seven probabilities, its id, its label

_CURE = "take a smaller batch, input size or network"

Advance = Callable[[float], None]


def measure(
    config: TrainConfig, dataset: FaceDataset, on_progress: Advance = lambda fraction: None
) -> Estimate:
    """Measure what a training costs by some warm steps of each phase and of the validation.

    A backbone's weights are random, which cost the same.

    Args:
        config: the configuration.
        dataset: its data set without the faces it leaves out.
        on_progress: called with how much is done, 0 to 1.

    Raises:
        UserError: there is nothing to train on or towards, or the memory does not suffice.
    """
    keras.config.set_dtype_policy(config.precision)
    try:
        with _memory_sufficing():
            return _measure(config, dataset, on_progress)
    finally:
        keras.config.set_dtype_policy("float32")


@contextmanager
def _memory_sufficing() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
            raise UserError(f"The memory does not suffice for a step: {_CURE}.") from error
        raise


def _check_memory(model: keras.Model, config: TrainConfig) -> None:
    """Refuse what cannot fit before the system would have to end this process, or others.

    Until a step's gradients are known, at least the outputs of the trained convolutions stay.
    """
    kept = [layer for layer in leaves(model) if hasattr(layer, "kernel") and layer.trainable]
    values = sum(math.prod(layer.output.shape[1:]) for layer in kept)
    least = config.batch_size * values * (_FLOAT if config.precision == "float32" else 2)
    if least > (there := room().memory):
        raise UserError(
            f"A step needs at least {least / 1e9:.1f} GB of memory, of which {there / 1e9:.1f} GB "
            f"are available: {_CURE}."
        )


def _measure(config: TrainConfig, dataset: FaceDataset, on_progress: Advance) -> Estimate:
    beside = training_now()
    training, validation = make_batches(config, dataset)
    model = rebuild(config)
    phases = [True, False] if config.head_epochs else [False]
    stages = len(phases) + 1
    on_progress(_BEGUN)
    meters = []
    for number, head_only in enumerate(phases):
        meters.append(_Meter(training, _TRAINING_S, _within(on_progress, number, stages)))
        begin_phase(model, config, TrainingState([]), head_only=head_only, anew=True)
        _check_memory(model, config)
        model.fit(training, epochs=sys.maxsize, shuffle=False, verbose=0, callbacks=meters[-1:])
    judging = _Meter(validation, _VALIDATION_S, _within(on_progress, len(phases), stages))
    while not judging.done:
        model.evaluate(validation, verbose=0, callbacks=[judging])
    return Estimate(
        **_sizes(model, judging.faces),
        images_per_s=meters[-1].faces_per_s,
        epoch_s=meters[-1].pass_s + judging.pass_s,
        head_epoch_s=meters[0].pass_s + judging.pass_s if config.head_epochs else None,
        start_s=meters[0].first_step_at - psutil.Process().create_time(),
        beside_training=beside,
        epochs=config.epochs,
        head_epochs=config.head_epochs,
    )


def _sizes(model: keras.Model, judged: int) -> dict[str, Any]:
    """Return the figures of an estimate that are no times, after the steps of the last phase."""
    parameters = model.count_params()
    layers = tuple(describe(layer) for layer in leaves(model))
    # As in `TrainingState`: the last weights, the best ones, and what the optimizer knows.
    state = _FLOAT * (2 * parameters + _count(model.optimizer.variables))
    model_and_export = 2 * _FLOAT * parameters
    return {
        "parameters": parameters,
        "trainable_parameters": _count(model.trainable_variables),
        "multiply_adds": sum(layer.multiply_adds for layer in layers),
        "layers": layers,
        "memory": _peak_memory() + state,
        "disk": 2 * state + model_and_export + _FACE_ON_DISK * judged,
    }


def _within(on_progress: Advance, number: int, stages: int) -> Advance:
    return lambda fraction: on_progress(_BEGUN + (1 - _BEGUN) * (number + fraction) / stages)


class _Meter(keras.callbacks.Callback):  # type: ignore[misc]
    """Times steps after the first few, and ends them as soon as there are enough.

    What an epoch's begin and end take is timed too where more than one is needed.
    """

    def __init__(self, batches: FaceBatches, seconds: float, advance: Advance) -> None:
        super().__init__()
        self._seconds, self._advance = seconds, advance
        self._steps, self._size = len(batches), len(batches[0][0])
        self._last_size = len(batches[self._steps - 1][0])
        self.faces = (self._steps - 1) * self._size + self._last_size
        self.first_step_at = 0.0
        self._done, self._timed_faces = 0, 0
        self._begun = self._now = 0.0

    @property
    def done(self) -> bool:
        """Whether enough steps were timed."""
        return self._done >= _WARM + _LEAST and self._now - self._begun >= self._seconds

    @property
    def faces_per_s(self) -> float:
        """Faces a second in the timed steps."""
        return self._timed_faces / (self._now - self._begun)

    @property
    def pass_s(self) -> float:
        """Seconds that all the faces take."""
        return self.faces / self.faces_per_s

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Note a training step."""
        self._note(batch)
        self.model.stop_training = self.done

    def on_test_batch_end(self, batch: int, logs: object = None) -> None:
        """Note a validation step."""
        self._note(batch)
        self.model.stop_evaluating = self.done

    def _note(self, batch: int) -> None:
        self._done += 1
        self._now = time.perf_counter()
        self.first_step_at = self.first_step_at or time.time()
        if self._done <= _WARM:
            self._begun = self._now
            return
        self._timed_faces += self._last_size if batch == self._steps - 1 else self._size
        self._advance(min(1.0, (self._now - self._begun) / self._seconds))


def _count(variables: Iterable[keras.Variable]) -> int:
    return sum(math.prod(variable.shape) for variable in variables)


def _peak_memory() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
