"""Which fields of the training form have an effect, by what is said above them."""

from collections.abc import Mapping
from typing import Any

from pipeline.data.exclusions import exclusion_names

NEEDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "plateau_patience": ("schedule", ("plateau",)),
    "plateau_factor": ("schedule", ("plateau",)),
    "warmup_epochs": ("schedule", ("cosine", "constant")),
    "vote_share": ("targets", ("blend",)),
    "given_weights": ("class_weights", ("given",)),
}
"""Field → the choice that it belongs to, and the values of it."""


def applies(name: str, values: Mapping[str, Any]) -> bool:
    """Tell whether a field has an effect, by what is said above it in the form.

    Args:
        name: the field.
        values: field → value, as far as known; the architecture's own below `model`.
    """
    if name == "exclude":
        return bool(lists_of(values))
    if name in ("trainable_share", "head_epochs", "head_learning_rate"):
        return bool(values.get("model", {}).get("weights") != "none")
    if name == "early_stopping_monitor":
        return values.get("early_stopping_patience") != 0
    choice, fitting = NEEDS.get(name, ("", ()))
    return not choice or values.get(choice) in fitting


def lists_of(values: Mapping[str, Any]) -> list[str]:
    """Return the exclusion lists of the chosen data set."""
    dataset = values.get("dataset")
    return exclusion_names(dataset) if dataset else []
