"""Inputs of a run: its data set, exclusion list, teacher and initial weights.

Loads no keras.
"""

from collections.abc import Iterator
from pathlib import Path

from models.backbone import Backbone
from pipeline.config.train_config import TrainConfig
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import ExclusionList, load_exclusions, read_exclusions
from pipeline.data.store import find_dataset, load_dataset
from pipeline.errors import UserError
from pipeline.installation import check_tensorflow
from pipeline.runs import Exclusion, Notes, Run, create_run, find_model, list_bundled, list_runs
from pipeline.training.targets import check_votes
from pipeline.training.tensorboard import check_tensorboard


def validate(config: TrainConfig, dataset: FaceDataset) -> None:
    """Check, before a run is created, that all exists that it needs beside its faces.

    Args:
        config: the configuration.
        dataset: its data set.

    Raises:
        UserError: the votes, the teacher, the initial weights or tensorboardX are missing, or
            random weights are to be frozen.
    """
    check_votes(config, dataset)
    if config.tensorboard:
        check_tensorboard()
    find_teacher(config)
    find_initial_model(config)
    if getattr(config.model, "freeze_share", 0) and config.initial_model == "none":
        raise UserError(
            "freeze_share keeps the weights of an initial model: give initial_model, too, or set "
            "it to 0.",
            field="freeze_share",
        )
    resolve_weights(config)


def new_run(config: TrainConfig, *, notes: Notes | None = None, claimed: bool = False) -> Run:
    """Create a run from a configuration, with a copy of its exclusion lists in one.

    Later changes of the lists do not affect the run.

    Args:
        config: the configuration.
        notes: its first notes.
        claimed: whether this process trains the run; else it is queued.

    Raises:
        UserError: there is no such data set or list, they do not belong together, or the votes,
            teacher, weights or TensorFlow are missing; no run is created then.
    """
    check_tensorflow()
    dataset = load_dataset(config.dataset)
    validate(config, dataset)
    exclusions = find_exclusions(config, dataset)
    if exclusions is None:
        return create_run(config, dataset.fingerprint, notes=notes, claimed=claimed)
    return create_run(
        config,
        dataset.fingerprint,
        exclusion=Exclusion(
            name=exclusions.name, faces=len(exclusions), fingerprint=exclusions.fingerprint
        ),
        exclusion_csv=exclusions.csv(),
        notes=notes,
        claimed=claimed,
    )


def find_exclusions(config: TrainConfig, dataset: FaceDataset) -> ExclusionList | None:
    """Return the exclusion lists of a configuration as one; None without any.

    Raises:
        UserError: a list is missing, damaged or of other faces.
    """
    if not config.exclude:
        return None
    exclusions = load_exclusions(config.dataset, *config.exclude)
    dataset.without(exclusions.reasons)  # raises if a list is of other faces
    return exclusions


def dataset_of(run: Run) -> FaceDataset:
    """Open the whole data set of a run, even if it was renamed since.

    Raises:
        UserError: it is missing or damaged, or holds other faces now, or there was none.
    """
    config = run.config()
    if not config.dataset_fingerprint:
        raise UserError(
            f"'{run.name}' was not tried on a data set when it was added: add it again with one."
        )
    name = find_dataset(config.dataset, config.dataset_fingerprint)
    dataset = load_dataset(name)
    if dataset.fingerprint != config.dataset_fingerprint:
        raise UserError(
            f"Data set '{name}' holds other faces than run '{run.name}' was made for: import "
            f"those again (fingerprint {config.dataset_fingerprint[:12]}), or make a new run."
        )
    return dataset


def training_faces(run: Run) -> FaceDataset:
    """Open the data set of a run without its excluded faces.

    Raises:
        UserError: the data set is missing, or the run's list is damaged.
    """
    dataset, exclusion = dataset_of(run), run.config().exclusion
    if exclusion is None:
        return dataset
    exclusions = read_exclusions(run.exclusions_path, exclusion.name)
    if exclusions.fingerprint != exclusion.fingerprint:
        raise UserError(
            f"The {run.exclusions_path.name} of run '{run.name}' is not the list it was made "
            "with: make a new run."
        )
    return dataset.without(exclusions.reasons)


def find_teacher(config: TrainConfig) -> Run | None:
    """Return the model that the training distills; None without a teacher.

    Raises:
        UserError: there is no such model.
    """
    if config.teacher == "none":
        return None
    try:
        return find_model(config.teacher)
    except UserError as error:
        raise UserError(str(error), field="teacher") from error


def find_initial_model(config: TrainConfig) -> Run | None:
    """Return the model whose weights the training starts from; None for random ones.

    Raises:
        UserError: there is no trained model of this name and architecture.
    """
    if config.initial_model == "none":
        return None
    compatible = {run.name: run for run in _compatible(config)}
    if config.initial_model not in compatible:
        raise UserError(
            f"There is no trained model '{config.initial_model}' of {config.architecture} to start "
            f"from. Choose from: {', '.join(['none', *compatible])}.",
            field="initial_model",
        )
    return compatible[config.initial_model]


def resolve_weights(config: TrainConfig) -> TrainConfig:
    """Return the configuration with a file in place of the model that a backbone starts from.

    Raises:
        UserError: the weights are neither one of the architecture's names for them, nor a file,
            nor a trained model of the same architecture.
    """
    model = config.model
    if not isinstance(model, Backbone) or model.weights in model.named_weights:
        return config
    if config.initial_model != "none":  # which replaces them
        return config
    if Path(model.weights).is_file():
        return config
    run = next((run for run in _compatible(config) if run.name == model.weights), None)
    if run is None:
        names = ", ".join(run.name for run in _compatible(config)) or "none yet"
        raise UserError(
            f"There are no weights '{model.weights}'. Choose from: "
            f"{', '.join(model.named_weights)}, a weights file, or a trained model of "
            f"{config.architecture} ({names}).",
            field="weights",
        )
    weights = model.model_copy(update={"weights": str(run.weights_path)})
    return config.model_copy(update={"model": weights})


def _compatible(config: TrainConfig) -> Iterator[Run]:
    return (run for run in list_bundled() + list_runs() if is_compatible(config.architecture, run))


def is_compatible(architecture: str, run: Run) -> bool:
    """Return whether a network of this architecture may start from a run or a bundled model."""
    try:
        same = run.config().architecture == architecture
    except UserError:
        return False
    return same and run.weights_path.is_file()
