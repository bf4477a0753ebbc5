"""The faces of a run: settled when it is made, the same when it trains. Loads no keras."""

from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import load_exclusions, read_exclusions
from pipeline.data.store import find_dataset, load_dataset
from pipeline.errors import UserError
from pipeline.runs import Exclusion, Notes, Run, create_run
from pipeline.training.config import TrainConfig
from pipeline.training.targets import check_targets
from pipeline.training.weights import resolve_weights


def new_run(config: TrainConfig, *, notes: Notes | None = None, claimed: bool = False) -> Run:
    """Make a run on the data set and without the faces that its configuration names.

    The run brings a copy of the exclusion list, so that it trains on what was chosen now even if
    the list is changed or removed before its turn comes.

    Args:
        config: the configuration.
        notes: what to note of the run from the first.
        claimed: the run is this process's own from the first; else it is queued.

    Raises:
        UserError: there is no such data set or list, they do not belong together, or the votes or
            weights to train with are not there; no run is made then.
    """
    dataset = load_dataset(config.dataset)
    check_targets(config, dataset)
    resolve_weights(config)
    if config.exclude is None:
        return create_run(config, dataset.fingerprint, notes=notes, claimed=claimed)
    listed = load_exclusions(config.dataset, config.exclude)
    dataset.without(listed.reasons)
    return create_run(
        config,
        dataset.fingerprint,
        exclusion=Exclusion(name=listed.name, faces=len(listed), fingerprint=listed.fingerprint),
        exclusion_csv=listed.csv(),
        notes=notes,
        claimed=claimed,
    )


def dataset_of(run: Run) -> FaceDataset:
    """Open the whole data set that a run was made for, whatever its name is by now.

    Raises:
        UserError: it is not here, damaged, or not what it was.
    """
    config = run.config()
    name = find_dataset(config.train.dataset, config.dataset_fingerprint)
    dataset = load_dataset(name)
    if dataset.fingerprint != config.dataset_fingerprint:
        raise UserError(
            f"Data set '{name}' holds other faces than run '{run.name}' was made for: import "
            f"those again (fingerprint {config.dataset_fingerprint[:12]}), or make a new run."
        )
    return dataset


def training_faces(run: Run) -> FaceDataset:
    """Open the data set of a run without the faces that it leaves out.

    Raises:
        UserError: the data set is not here, or the run's list is damaged.
    """
    dataset, exclusion = dataset_of(run), run.config().exclusion
    if exclusion is None:
        return dataset
    listed = read_exclusions(run.exclusions_path, exclusion.name)
    if listed.fingerprint != exclusion.fingerprint:
        raise UserError(
            f"The {run.exclusions_path.name} of run '{run.name}' is not the list it was made "
            "with: make a new run."
        )
    return dataset.without(listed.reasons)
