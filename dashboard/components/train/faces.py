"""The faces that a configuration trains on."""

from dashboard import resources
from pipeline.data.dataset import FaceDataset
from pipeline.data.exclusions import load_exclusions
from pipeline.data.store import dataset_info
from pipeline.training.config import TrainConfig


def faces_of(config: TrainConfig) -> FaceDataset:
    """Open the data set of a configuration without the faces that it leaves out.

    Raises:
        UserError: the data set or its list is not here, or damaged.
    """
    info = dataset_info(config.dataset)
    dataset = resources.dataset(info.name, info.fingerprint)
    if config.exclude is None:
        return dataset
    return dataset.without(load_exclusions(config.dataset, config.exclude).reasons)
