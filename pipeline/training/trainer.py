"""Trains a run's model: from its configuration and a data set to `model.keras`.

Steps of a training:
  1. `run_status.record_status` claims the run; how the training ends goes into its status and log.
  2. `checkpoint`: the last finished epoch's weights, optimizer and history, or nothing yet.
  3. `batches`: faces in the order and with the augmentation of (seed, epoch), toward `targets`.
  4. `keras_model.rebuild`, or a backbone's initial weights from `run_setup.resolve_weights`.
  5. For each phase (a backbone's head alone, then all that is trained) a compile and a `fit`.
  6. `callbacks` at each epoch's end, in order: average the weights, set the rate, stop early,
     write the checkpoint, append to history.csv, write status and log, check for a request to stop.
  7. A resume replays history rows through Keras' callbacks and continues as if without a break.
  8. The best epoch becomes `model.keras`: float32, without optimizer.
"""

import logging
from collections.abc import Callable
from dataclasses import replace

import keras

from models.backbone import WeightsError
from models.cpu_ops import optimize_for_cpu
from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.runs.history import write_history
from pipeline.storage import sync
from pipeline.training.batches import make_batches
from pipeline.training.callbacks import (
    EpochSetup,
    KeepHeaps,
    Progress,
    ReplayHistory,
    RunCheckpoint,
    SwapEMAWeights,
    epoch_callbacks,
)
from pipeline.training.checkpoint import TrainingCheckpoint
from pipeline.training.keras_model import load_keras, rebuild
from pipeline.training.run_setup import find_initial_model, resolve_weights
from pipeline.training.targets import Teacher
from pipeline.training.tensorboard import CurveWriter

log = logging.getLogger("pipeline.training")

_ADAPTED_TO = 256  # faces


def train(
    config: TrainConfig,
    dataset: FaceDataset,
    run: Run,
    on_progress: Callable[[float], None] = lambda fraction: None,
    teacher: Teacher | None = None,
) -> None:
    """Train a run to its end and save the best epoch as `model.keras`, float32 and uncompiled.

    It continues after the last epoch of the run's checkpoint, and trains as if it had never been
    interrupted. The checkpoint stays, so that more epochs can follow later.

    Args:
        config: the run's configuration.
        dataset: the faces; excluded ones are neither fitted on nor chosen on, nor do they count
            for the class weights.
        run: a run that this process has claimed, see `record_status`.
        on_progress: called with the fraction of all epochs that is done, 0 to 1.
        teacher: the configured teacher, see `make_batches`.

    Raises:
        UserError: the backbone's weights are not available, the checkpoint is damaged or cannot be
            written, or the loss is no longer a number.
        TrainingStopped: a stop after the present epoch was requested.
    """
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.precision)
    checkpoint = _with_best(TrainingCheckpoint.load(run), run)
    training, validation = make_batches(config, dataset, teacher)
    if checkpoint.history:
        model = rebuild(config)
    else:
        model = _build(config)
        indices = dataset.training_indices(config.seed)
        config.model.adapt(model, dataset.images[indices[:: max(1, len(indices) // _ADAPTED_TO)]])
    write_history(run.history_path, checkpoint.history)  # a kill may have come between both writes
    run.update_status(parameters=model.count_params(), epoch=len(checkpoint.history))
    log.info("%s: %s parameters", config.architecture, f"{model.count_params():,}")

    saver = RunCheckpoint(run, config, checkpoint)
    csv_logger = keras.callbacks.CSVLogger(run.history_path, append=True)
    progress = Progress(run, config, dataset, len(training), on_progress)
    for head_only, first, last in (
        (True, 0, config.head_epochs),
        (False, config.head_epochs, config.total_epochs),
    ):
        history = saver.checkpoint.history
        if len(history) >= last:
            continue
        resumed = len(history) > first
        begin_phase(model, config, saver.checkpoint, head_only=head_only, resumed=resumed)
        scheduling = epoch_callbacks(
            config, head_only=head_only, extended_from_epoch=run.config().extended_from_epoch
        )
        replay = ReplayHistory(history[first:], scheduling)
        if replay.stopped_early(model):
            continue
        averaging = [SwapEMAWeights(averaged=resumed)] if config.ema_momentum else []
        setup = EpochSetup(training, config.seed)
        callbacks = [KeepHeaps(), *averaging, setup, *scheduling, saver, csv_logger]
        curves = CurveWriter(run.tensorboard_path, history) if config.tensorboard else None
        if curves:
            callbacks.append(keras.callbacks.LambdaCallback(on_epoch_end=curves.add_epoch))
        try:
            model.fit(
                training,
                validation_data=validation,
                initial_epoch=len(history),
                epochs=last,
                shuffle=False,
                verbose=0,
                callbacks=[*callbacks, progress, replay],
            )
        finally:
            csv_logger.on_train_end()  # closes the file
            if curves:
                curves.close()
    _save_best(config, run, saver.checkpoint)


def save_best(run: Run) -> None:
    """Save the best epoch so far of a run that has ended as its `model.keras`, if not done yet.

    Raises:
        UserError: the checkpoint is damaged.
    """
    checkpoint = TrainingCheckpoint.load(run)
    if checkpoint.best is not None:
        _save_best(run.train_config(), run, checkpoint)


def _with_best(checkpoint: TrainingCheckpoint, run: Run) -> TrainingCheckpoint:
    """Add the best weights of a finished run, which are in its `model.keras`."""
    if not checkpoint.history or checkpoint.best is not None:
        return checkpoint
    try:
        best = keras.models.load_model(run.weights_path, compile=False).get_weights()
    except (OSError, ValueError) as error:
        raise UserError(
            f"Run '{run.name}' has no readable model.keras: train again with --config "
            f"{run.config_path}.",
            on_page=f"Run '{run.name}' has no readable model: clone it and train again.",
        ) from error
    return replace(checkpoint, best=best)


def _build(config: TrainConfig) -> keras.Model:
    initial = find_initial_model(config)
    if initial is not None:
        model = rebuild(config)
        try:
            model.set_weights(load_keras(initial).get_weights())
        except ValueError as error:
            raise UserError(
                f"'{initial.name}' is another network than the one configured, so training cannot "
                "start from its weights: take its network options, such as its widths."
            ) from error
        return model
    try:
        return resolve_weights(config).model.build()
    except WeightsError as error:
        raise UserError(str(error)) from error


def begin_phase(
    model: keras.Model,
    config: TrainConfig,
    checkpoint: TrainingCheckpoint,
    *,
    head_only: bool = False,
    resumed: bool = False,
) -> None:
    """Prepare the model for a phase: trainable layers, compile, the checkpoint's weights.

    Args:
        model: the model.
        config: the configuration.
        checkpoint: the training so far.
        head_only: whether this phase trains the head alone.
        resumed: whether epochs of this phase are finished, so that it continues their optimizer.

    Raises:
        UserError: the checkpoint is of another model.
    """
    config.model.set_phase(model, head_only=head_only)
    optimize_for_cpu(model)
    _compile(model, config)
    model.optimizer.build(model.trainable_variables)
    try:
        if checkpoint.history:
            model.set_weights(checkpoint.weights)
        if resumed:
            variables = zip(model.optimizer.variables, checkpoint.optimizer, strict=True)
            for variable, value in variables:
                variable.assign(value)
    except ValueError as error:
        raise UserError("The checkpoint of this run does not fit its configuration.") from error


def _compile(model: keras.Model, config: TrainConfig) -> None:
    kinds = {
        "sgd": lambda **options: keras.optimizers.SGD(momentum=0.9, nesterov=True, **options),
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
    }
    averaging = {"use_ema": True, "ema_momentum": config.ema_momentum}
    optimizer = kinds[config.optimizer](
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        **(averaging if config.ema_momentum else {}),
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=["accuracy", keras.metrics.F1Score(average="macro", name="macro_f1")],
    )


def _save_best(config: TrainConfig, run: Run, checkpoint: TrainingCheckpoint) -> None:
    """Save the best epoch without optimizer, in float32 whatever it was trained in."""
    keras.config.set_dtype_policy("float32")
    model = rebuild(config)
    model.set_weights(checkpoint.best)
    partial = run.path / ".partial.keras"  # one name, so that kills leave one such file at most
    model.save(partial)
    sync(partial)
    run.invalidate_results()
    partial.replace(run.weights_path)
    replace(checkpoint, best=None).write(run)
