"""Which fields of a configuration have an effect only beside a certain value of another one."""

from collections.abc import Mapping
from typing import Any

_NEEDS: Mapping[str, tuple[str, str]] = {
    "plateau_patience": ("schedule", "plateau"),
    "plateau_factor": ("schedule", "plateau"),
    "vote_share": ("targets", "blend"),
    "given_weights": ("class_weights", "given"),
}
"""Field → the other one, and the only value of that which gives this one an effect."""

_BARRED: Mapping[str, tuple[str, str | int]] = {
    "trainable_share": ("weights", "none"),
    "head_epochs": ("weights", "none"),
    "head_learning_rate": ("weights", "none"),
    "teacher_share": ("teacher", "none"),
    "early_stopping_monitor": ("early_stopping_patience", 0),
}
"""Field → the other one, and the only value of that which leaves this one without an effect."""


def lacks(name: str, values: Mapping[str, Any]) -> str:
    """Return what a field lacks to have an effect; nothing where it has one.

    Args:
        name: the field.
        values: field → value, as far as known; the architecture's own below `model`.

    Returns:
        The other field and its value, such as `targets blend`, or an empty text.
    """
    known = {**values.get("model", {}), **values}
    if name in _NEEDS:
        other, needed = _NEEDS[name]
        return "" if known.get(other) == needed else f"{other} {needed}"
    if name in _BARRED:
        other, barring = _BARRED[name]
        return f"{other} other than {barring}" if known.get(other) == barring else ""
    return ""
