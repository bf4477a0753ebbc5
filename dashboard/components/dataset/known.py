"""Everything that is known of a data set's faces."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.data import votes
from pipeline.data.audit import Audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.statistics import Statistics


@dataclass(frozen=True)
class KnownFaces:
    """A data set with what was measured and found; the votes are read when first asked for.

    Args:
        dataset: the data set.
        statistics: its light and mean faces.
        audit: its defects, or None before the first audit.
    """

    dataset: FaceDataset
    statistics: Statistics
    audit: Audit | None

    @cached_property
    def majority(self) -> NDArray[np.uint8] | None:
        """What most votes of each face say, indices into `votes.MAJORITIES`, or None."""
        return None if self.dataset.votes is None else votes.majority(self.dataset.votes)

    @cached_property
    def agreement(self) -> NDArray[np.float32] | None:
        """The share of each face's votes that agree, 0-1, or None without votes."""
        return None if self.dataset.votes is None else votes.agreement(self.dataset.votes)

    @cached_property
    def entropy(self) -> NDArray[np.float32] | None:
        """The spread of each face's votes in bits, or None without votes."""
        return None if self.dataset.votes is None else votes.entropy(self.dataset.votes)
