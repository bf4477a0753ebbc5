"""A run's Keras model: trained, or with random weights to load trained ones into."""

import keras

from models.backbone import Backbone
from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.training.config import TrainConfig


def load_keras(run: Run) -> keras.Model:
    """Load a run's trained model, from its `model.keras` or its shipped float16 weights.

    Raises:
        UserError: the file is missing or damaged.
    """
    try:
        if not run.shipped:
            return keras.models.load_model(run.weights_path, compile=False)
        model = rebuild(run.config().train)
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
