"""Trains a run's model: from its configuration and a data set to `model.keras`."""

import logging
from collections.abc import Callable
from dataclasses import replace

import keras

from models.backbone import Backbone, WeightsError
from models.processor import quicken
from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.runs.history import write_history
from pipeline.training.batches import make_batches
from pipeline.training.callbacks import Averages, Keeper, Progress
from pipeline.training.config import TrainConfig
from pipeline.training.keras_model import rebuild
from pipeline.training.state import Arrays, TrainingState
from pipeline.training.weights import resolve_weights

log = logging.getLogger("pipeline.training")


def train(
    config: TrainConfig,
    dataset: FaceDataset,
    run: Run,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> None:
    """Train a run to its end and keep the best epoch as `model.keras`, float32 and uncompiled.

    It goes on after the last epoch that the run's state knows of, and trains as if there had been
    no break. The state stays, so that more epochs can follow later.

    Args:
        config: the run's configuration.
        dataset: the faces; excluded ones are neither fitted on nor chosen on, nor do they count
            for the class weights.
        run: a run that this process has claimed, see `outcome.recorded`.
        on_progress: called with the fraction of all epochs that is done, 0 to 1.

    Raises:
        UserError: the backbone's weights cannot be had, the state is damaged or cannot be written,
            or the loss is no longer a number.
        TrainingStopped: somebody asked for the end after the present epoch.
    """
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.precision)
    state = _with_best(TrainingState.of(run), run)
    training, validation = make_batches(config, dataset)
    model = rebuild(config) if state.history else _build(config)
    write_history(run.history_path, state.history)  # a kill may have come between the state and it
    run.update_status(parameters=model.count_params(), epoch=len(state.history))
    log.info("%s: %s parameters", config.architecture, f"{model.count_params():,}")

    keeper = Keeper(config, run, training, state)
    progress = Progress(run, config, len(training), on_progress)
    for head_only, first, last in (
        (True, 0, config.head_epochs),
        (False, config.head_epochs, config.total_epochs),
    ):
        begun = len(keeper.state.history)
        if begun >= last or keeper.done:
            continue
        begin_phase(model, config, keeper.state, head_only=head_only, anew=begun == first)
        averages = [Averages(swapped=begun > first)] if config.ema_momentum else []
        model.fit(
            training,
            validation_data=validation,
            initial_epoch=begun,
            epochs=last,
            shuffle=False,
            verbose=0,
            callbacks=[*averages, keeper, progress],
        )
    _keep_best(config, run, keeper.state)


def keep_best(run: Run) -> None:
    """Make the best epoch so far of a run that has ended its `model.keras`, if it is not yet.

    Raises:
        UserError: the state is damaged.
    """
    state = TrainingState.of(run)
    if state.best is not None:
        _keep_best(run.config().train, run, state)


def _with_best(state: TrainingState, run: Run) -> TrainingState:
    """Take the best weights of a finished run back from its model."""
    if not state.history or state.best is not None:
        return state
    try:
        best = keras.models.load_model(run.weights_path, compile=False).get_weights()
    except (OSError, ValueError) as error:
        raise UserError(
            f"Run '{run.name}' has no readable model.keras: train anew with --config "
            f"{run.path / 'config.json'}."
        ) from error
    return replace(state, best=best)


def _build(config: TrainConfig) -> keras.Model:
    try:
        return resolve_weights(config).model.build()
    except WeightsError as error:
        raise UserError(str(error)) from error


def begin_phase(
    model: keras.Model, config: TrainConfig, state: TrainingState, *, head_only: bool, anew: bool
) -> None:
    """Make the model ready for a phase, from the state's weights.

    Args:
        model: the model.
        config: the configuration.
        state: what has been trained.
        head_only: whether this phase trains the head alone.
        anew: whether no epoch of this phase is finished, so that its optimizer starts afresh.

    Raises:
        UserError: the state is of another model.
    """
    if isinstance(config.model, Backbone):
        config.model.set_phase(model, head_only=head_only)
    quicken(model)
    _compile(model, config)
    model.optimizer.build(model.trainable_variables)
    try:
        if state.history:
            model.set_weights(state.weights)
        if not anew:
            _restore(model.optimizer, state.optimizer)
    except ValueError as error:
        raise UserError("The state of this run does not fit its configuration.") from error


def _restore(optimizer: keras.Optimizer, values: Arrays) -> None:
    for variable, value in zip(optimizer.variables, values, strict=True):
        variable.assign(value)


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


def _keep_best(config: TrainConfig, run: Run, state: TrainingState) -> None:
    """Save the best epoch without optimizer, in float32 whatever it was trained in."""
    keras.config.set_dtype_policy("float32")
    model = rebuild(config)
    model.set_weights(state.best)
    partial = run.path / ".partial.keras"
    model.save(partial)
    run.discard_results()
    partial.replace(run.weights_path)
    replace(state, best=None).write(run)
