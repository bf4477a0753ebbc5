"""Fields of a configuration that have an effect only for certain values of another field."""

from collections.abc import Mapping
from typing import Any

_REQUIRED: Mapping[str, tuple[str, str]] = {
    "plateau_patience": ("schedule", "plateau"),
    "plateau_factor": ("schedule", "plateau"),
    "plateau_min_delta": ("schedule", "plateau"),
    "plateau_cooldown": ("schedule", "plateau"),
    "plateau_min_lr": ("schedule", "plateau"),
    "vote_share": ("targets", "blend"),
    "given_weights": ("class_weights", "given"),
}
"""Field → the other field, and its only value for which this one has an effect."""

_EXCLUDED: Mapping[str, tuple[str, str | int]] = {
    "trainable_share": ("weights", "none"),
    "head_epochs": ("weights", "none"),
    "head_learning_rate": ("weights", "none"),
    "freeze_share": ("initial_model", "none"),
    "distillation_weight": ("teacher", "none"),
    "early_stopping_min_delta": ("early_stopping_patience", 0),
    "early_stopping_monitor": ("early_stopping_patience", 0),
}
"""Field → the other field, and its only value for which this one has no effect."""


def unmet_condition(name: str, values: Mapping[str, Any]) -> str:
    """Return the condition that a field needs to have an effect; empty if it has one.

    Args:
        name: the field.
        values: field → value, as far as known; those of the architecture below `model`.

    Returns:
        The other field and its value, such as `targets blend`, or an empty string.
    """
    fields = {**values.get("model", {}), **values}
    if name in _REQUIRED:
        other, required = _REQUIRED[name]
        return "" if fields.get(other) == required else f"{other} {required}"
    if name in _EXCLUDED:
        other, excluded = _EXCLUDED[name]
        return f"{other} other than {excluded}" if fields.get(other) == excluded else ""
    return ""
