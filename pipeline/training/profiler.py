"""Profiles a few steps of a training to estimate the cost of the whole.

It needs a process of its own: the time until the first step and the memory are the process's.
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

from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.training.batches import FaceBatches, make_batches
from pipeline.training.callbacks import KeepHeaps
from pipeline.training.checkpoint import TrainingCheckpoint
from pipeline.training.estimate import Estimate, Layer, available_resources, training_now
from pipeline.training.keras_model import rebuild
from pipeline.training.targets import Teacher
from pipeline.training.trainer import begin_phase

_TRAINING_S, _VALIDATION_S = 5.0, 2.0
_WARMUP_STEPS, _MIN_STEPS = 2, 3  # steps that are not timed, and that always are
_BUILT = 0.1  # of the progress, once the network is built
_FLOAT_BYTES = 4
_EVALUATED_FACE_BYTES = 64  # seven probabilities, id and label

_CURE = "take a smaller batch, input size or network"

Advance = Callable[[float], None]


def measure(
    config: TrainConfig,
    dataset: FaceDataset,
    on_progress: Advance = lambda fraction: None,
    teacher: Teacher | None = None,
) -> Estimate:
    """Measure what a training costs by some steps of each phase and of the validation.

    A backbone has random weights here, which cost the same.

    Args:
        config: the configuration.
        dataset: its data set without the faces it leaves out.
        on_progress: called with the fraction that is done, 0 to 1.
        teacher: the configured teacher, see `make_batches`.

    Raises:
        UserError: faces or targets to train with are missing, or the memory does not suffice.
    """
    keras.config.set_dtype_policy(config.precision)
    try:
        with _explain_exhausted_memory():
            return _measure(config, dataset, on_progress, teacher)
    finally:
        keras.config.set_dtype_policy("float32")


@contextmanager
def _explain_exhausted_memory() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(error, MemoryError) or type(error).__name__ == "ResourceExhaustedError":
            raise UserError(f"The memory does not suffice for a step: {_CURE}.") from error
        raise


def _check_memory(model: keras.Model, config: TrainConfig) -> None:
    """Raise where a step cannot fit, before the system kills this process or others.

    A step holds at least the outputs of the trained convolutions until it has their gradients.
    """
    trained = [layer for layer in leaves(model) if hasattr(layer, "kernel") and layer.trainable]
    values = sum(math.prod(layer.output.shape[1:]) for layer in trained)
    least = config.batch_size * values * (_FLOAT_BYTES if config.precision == "float32" else 2)
    if least > (available := available_resources().memory):
        raise UserError(
            f"A step needs at least {least / 1e9:.1f} GB of memory, of which "
            f"{available / 1e9:.1f} GB are available: {_CURE}."
        )


def _measure(
    config: TrainConfig, dataset: FaceDataset, on_progress: Advance, teacher: Teacher | None
) -> Estimate:
    beside_training = training_now()
    training, validation = make_batches(config, dataset, teacher)
    model = rebuild(config)
    phases = [True, False] if config.head_epochs else [False]
    stages = len(phases) + 1
    on_progress(_BUILT)
    meters = []
    for number, head_only in enumerate(phases):
        meters.append(_Meter(training, _TRAINING_S, _within(on_progress, number, stages)))
        begin_phase(model, config, TrainingCheckpoint([]), head_only=head_only)
        _check_memory(model, config)
        callbacks = [KeepHeaps(), meters[-1]]
        model.fit(training, epochs=sys.maxsize, shuffle=False, verbose=0, callbacks=callbacks)
    evaluating = _Meter(validation, _VALIDATION_S, _within(on_progress, len(phases), stages))
    while not evaluating.done:
        model.evaluate(validation, verbose=0, callbacks=[evaluating])
    return Estimate(
        **_sizes(model, evaluating.faces),
        images_per_s=meters[-1].faces_per_s,
        epoch_s=meters[-1].epoch_s + evaluating.epoch_s,
        head_epoch_s=meters[0].epoch_s + evaluating.epoch_s if config.head_epochs else None,
        start_s=meters[0].first_step_at - psutil.Process().create_time(),
        beside_training=beside_training,
        epochs=config.epochs,
        head_epochs=config.head_epochs,
    )


def _sizes(model: keras.Model, evaluated: int) -> dict[str, Any]:
    """Return the fields of an estimate that are sizes, after the steps of the last phase."""
    parameters = model.count_params()
    layers = tuple(describe(layer) for layer in leaves(model))
    # As in `TrainingCheckpoint`: the last weights, the best ones, and the optimizer's variables.
    checkpoint = _FLOAT_BYTES * (2 * parameters + _count(model.optimizer.variables))
    model_and_export = 2 * _FLOAT_BYTES * parameters
    return {
        "parameters": parameters,
        "trainable_parameters": _count(model.trainable_variables),
        "multiply_adds": sum(layer.multiply_adds for layer in layers),
        "layers": layers,
        "memory": _peak_memory() + checkpoint,
        "disk": 2 * checkpoint + model_and_export + _EVALUATED_FACE_BYTES * evaluated,
    }


def _within(on_progress: Advance, number: int, stages: int) -> Advance:
    return lambda fraction: on_progress(_BUILT + (1 - _BUILT) * (number + fraction) / stages)


class _Meter(keras.callbacks.Callback):  # type: ignore[misc]
    """Times steps after the first few, and ends the epochs as soon as there are enough of them.

    The beginning and end of an epoch are timed too where more than one epoch is needed.
    """

    def __init__(self, batches: FaceBatches, seconds: float, advance: Advance) -> None:
        super().__init__()
        self._seconds, self._advance = seconds, advance
        self._steps, self._size = len(batches), len(batches[0][0])
        self._last_size = len(batches[self._steps - 1][0])
        self.faces = (self._steps - 1) * self._size + self._last_size
        self.first_step_at = 0.0
        self._done, self._timed_faces = 0, 0
        self._began = self._now = 0.0

    @property
    def done(self) -> bool:
        """Whether enough steps were timed."""
        return self._done >= _WARMUP_STEPS + _MIN_STEPS and self._now - self._began >= self._seconds

    @property
    def faces_per_s(self) -> float:
        """Faces per second in the timed steps."""
        return self._timed_faces / (self._now - self._began)

    @property
    def epoch_s(self) -> float:
        """Seconds that all faces take once."""
        return self.faces / self.faces_per_s

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        """Count a training step."""
        self._count_step(batch)
        self.model.stop_training = self.done

    def on_test_batch_end(self, batch: int, logs: object = None) -> None:
        """Count a validation step."""
        self._count_step(batch)
        self.model.stop_evaluating = self.done

    def _count_step(self, batch: int) -> None:
        self._done += 1
        self._now = time.perf_counter()
        self.first_step_at = self.first_step_at or time.time()
        if self._done <= _WARMUP_STEPS:
            self._began = self._now
            return
        self._timed_faces += self._last_size if batch == self._steps - 1 else self._size
        self._advance(min(1.0, (self._now - self._began) / self._seconds))


def leaves(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield a model's layers from the first to the last, a backbone's own in its place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaves(layer)
        else:
            yield layer


def describe(layer: keras.Layer) -> Layer:
    """Return the size and the cost of a built layer that is used once."""
    shape = layer.output.shape[1:]
    kernel = getattr(layer, "kernel", None)
    # Every position of the output takes one product with the whole kernel.
    products = 0 if kernel is None else math.prod(kernel.shape) * math.prod(shape[:-1])
    return Layer(
        name=layer.name,
        kind=type(layer).__name__,
        output_shape=shape,
        parameters=layer.count_params(),
        multiply_adds=products,
    )


def _count(variables: Iterable[keras.Variable]) -> int:
    return sum(math.prod(variable.shape) for variable in variables)


def _peak_memory() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
