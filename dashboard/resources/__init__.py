"""The only place with st.cache_*: what is expensive to open and safe to share."""

from dashboard.resources.datasets import (
    dataset,
    dataset_by_fingerprint,
    exclusions,
    forget_datasets,
    twins,
)
from dashboard.resources.judgements import (
    Measured,
    is_evaluated,
    judged,
    made_of,
    made_of_all,
    measured,
    slices_of,
)
from dashboard.resources.models import (
    activation_maps,
    processor,
    recognizer,
    viewer_places,
)
from dashboard.resources.stored import (
    doubts,
    evaluations,
    probabilities,
    runs,
    said_of,
    stored_predictions,
)

__all__ = [
    "Measured",
    "activation_maps",
    "dataset",
    "dataset_by_fingerprint",
    "doubts",
    "evaluations",
    "exclusions",
    "forget_datasets",
    "is_evaluated",
    "judged",
    "made_of",
    "made_of_all",
    "measured",
    "probabilities",
    "processor",
    "recognizer",
    "runs",
    "said_of",
    "slices_of",
    "stored_predictions",
    "twins",
    "viewer_places",
]
