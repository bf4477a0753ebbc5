"""The Keras model of a run: loaded, rebuilt with random weights, or saved as float16."""

from pathlib import Path

import keras

from models.backbone import Backbone
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.runs import Run


def load_keras(run: Run) -> keras.Model:
    """Load a run's trained model, from its `model.keras` or its bundled float16 weights.

    Raises:
        UserError: the file is missing or damaged, or the model was not trained here.
    """
    if not run.weights_path.is_file():
        run.train_config()  # a model that was not trained here says so
    try:
        if not run.bundled:
            return keras.models.load_model(run.weights_path, compile=False)
        model = rebuild(run.train_config())
        model.load_weights(run.weights_path)
        return model
    except (OSError, ValueError) as error:
        raise UserError(
            f"'{run.name}' has no readable {run.weights_path.name}: train it to its end first."
        ) from error


def rebuild(config: TrainConfig) -> keras.Model:
    """Build the configured model with random weights, to load trained ones into."""
    architecture = config.model
    if isinstance(architecture, Backbone):
        architecture = architecture.model_copy(update={"weights": "none"})
    return architecture.build()


def save_float16(run: Run, path: Path) -> None:
    """Write the weights of a run's trained model as float16.

    Raises:
        UserError: the trained model is missing or damaged.
    """
    trained = load_keras(run)
    keras.config.set_dtype_policy("float16")
    try:
        small = rebuild(run.train_config())
    finally:
        keras.config.set_dtype_policy("float32")
    small.set_weights(trained.get_weights())
    small.save_weights(path)
