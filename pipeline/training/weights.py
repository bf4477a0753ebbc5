"""Where a backbone's first weights come from: a model's name becomes its file. Loads no keras."""

from collections.abc import Iterator
from pathlib import Path

from models.backbone import Backbone
from pipeline.errors import UserError
from pipeline.runs import Run, list_runs, list_shipped
from pipeline.training.config import TrainConfig


def resolve_weights(config: TrainConfig) -> TrainConfig:
    """Return the configuration with the model's file in place of a model's name.

    Raises:
        UserError: the weights are neither ImageNet's nor none, nor a file, nor a trained model
            of the same architecture.
    """
    model = config.model
    if not isinstance(model, Backbone) or model.weights in ("imagenet", "none"):
        return config
    if Path(model.weights).is_file():
        return config
    run = next((run for run in _fitting(config) if run.name == model.weights), None)
    if run is None:
        names = ", ".join(run.name for run in _fitting(config)) or "none yet"
        raise UserError(
            f"There are no weights '{model.weights}'. Choose from: imagenet, none, a weights file, "
            f"or a trained model of {config.architecture} ({names})."
        )
    weights = model.model_copy(update={"weights": str(run.weights_path)})
    return config.model_copy(update={"model": weights})


def _fitting(config: TrainConfig) -> Iterator[Run]:
    return (run for run in list_shipped() + list_runs() if may_start(config.architecture, run))


def may_start(architecture: str, run: Run) -> bool:
    """Tell whether a network of this architecture may start from a run or a shipped model."""
    try:
        same = run.config().train.architecture == architecture
    except UserError:
        return False
    return same and run.weights_path.is_file()
