"""Trains a run's model: from its configuration and a data set to `model.keras`."""

import logging
import shutil
from collections.abc import Callable

import keras

from models.backbone import Backbone, WeightsError
from pipeline.data.dataset import FaceDataset
from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.training import callbacks
from pipeline.training.batches import FaceBatches
from pipeline.training.class_weights import class_weights
from pipeline.training.config import TrainConfig

log = logging.getLogger("pipeline.training")


def train(
    config: TrainConfig,
    dataset: FaceDataset,
    run: Run,
    on_progress: Callable[[float], None] = lambda fraction: None,
) -> None:
    """Train a run to its end and keep the best epoch as `model.keras`, float32 and uncompiled.

    Args:
        config: the run's configuration.
        dataset: the faces; excluded ones are neither fitted on nor chosen on, nor do they count
            for the class weights.
        run: a run that this process has claimed, see `outcome.recorded`.
        on_progress: called with the fraction of all epochs that is done, 0 to 1.

    Raises:
        UserError: the backbone's weights cannot be had, or the loss is no longer a number.
    """
    keras.utils.set_random_seed(config.seed)
    keras.config.set_dtype_policy(config.precision)
    training, validation = _batches(config, dataset)
    run.state_folder.mkdir(exist_ok=True)
    model = _build(config)
    run.update_status(parameters=model.count_params(), steps=len(training))
    log.info("%s: %s parameters", config.architecture, f"{model.count_params():,}")

    best = callbacks.checkpoint(config, run)
    progress = callbacks.Progress(run, config, len(training), on_progress)
    table = keras.callbacks.CSVLogger(run.history_path, append=True)
    phases = ((True, 0, config.head_epochs), (False, config.head_epochs, config.total_epochs))
    try:
        for head_only, first, last in phases:
            if first == last:
                continue
            if isinstance(config.model, Backbone):
                config.model.set_phase(model, head_only=head_only)
            _compile(model, config)
            phase = callbacks.phase_callbacks(config, first_epoch=first, head_only=head_only)
            model.fit(
                training,
                validation_data=validation,
                initial_epoch=first,
                epochs=last,
                shuffle=False,
                verbose=0,
                callbacks=[callbacks.EpochOrder(training), best, *phase, table, progress],
            )
    finally:
        table.on_train_end()  # closes the file when the training breaks off, too
    _keep_best(config, run)


def _build(config: TrainConfig) -> keras.Model:
    try:
        return config.model.build()
    except WeightsError as error:
        raise UserError(str(error)) from error


def _batches(config: TrainConfig, dataset: FaceDataset) -> tuple[FaceBatches, FaceBatches]:
    fit_on = dataset.training_indices(config.seed)
    choose_on = dataset.indices(dataset.choosing_split(), config.seed)
    weights = None
    if config.class_weights != "none":
        weights = class_weights(dataset.labels[fit_on], config.class_weights)
    training = FaceBatches(
        dataset.images,
        dataset.labels,
        fit_on,
        batch_size=config.batch_size,
        augmentation=config.augmentation,
        class_weights=weights,
        seed=config.seed,
    )
    return training, FaceBatches(dataset.images, dataset.labels, choose_on, batch_size=256)


def _compile(model: keras.Model, config: TrainConfig) -> None:
    kinds = {
        "sgd": lambda **options: keras.optimizers.SGD(momentum=0.9, nesterov=True, **options),
        "adam": keras.optimizers.Adam,
        "adamw": keras.optimizers.AdamW,
    }
    optimizer = kinds[config.optimizer](
        learning_rate=config.learning_rate, weight_decay=config.weight_decay
    )
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    model.compile(
        optimizer=optimizer,
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=config.label_smoothing),
        metrics=["accuracy", keras.metrics.F1Score(average="macro", name="macro_f1")],
    )


def _keep_best(config: TrainConfig, run: Run) -> None:
    """Save the best epoch without optimizer, in float32 whatever it was trained in."""
    keras.config.set_dtype_policy("float32")
    model = rebuild(config)
    model.load_weights(run.state_folder / "best.weights.h5")
    model.save(run.weights_path)
    shutil.rmtree(run.state_folder)


def rebuild(config: TrainConfig) -> keras.Model:
    """Build the configured model with random weights, to load trained ones into."""
    architecture = config.model
    if isinstance(architecture, Backbone):
        architecture = architecture.model_copy(update={"weights": "none"})
    return architecture.build()
