"""The space of a search: what each searched field may be. Loads no keras.

It is written as `learning_rate=log(1e-4,1e-1) dropout=0..0.5 widths=16,32|32,64`.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

from pipeline.config.options import FIELDS
from pipeline.config.train_config import OLD_NAMES, TrainConfig
from pipeline.errors import UserError
from pipeline.queue.experiment import check_effects, check_variable, effective_fields, variant

Values = Mapping[str, str | float]
"""Field → a value of it: a number of a range, or the text of a choice."""

_EXAMPLES = "learning_rate=log(1e-4,1e-1), dropout=0..0.5 or optimizer=sgd|adam"
_DIGITS = 3


@dataclass(frozen=True)
class Axis:
    """What one field may be: a range of numbers, or some choices.

    Args:
        field: the field.
        text: as it was written, without the field.
        low: the smallest number.
        high: the largest number.
        log: whether the logarithm is drawn uniformly, not the number.
        choices: values as texts; then there is no range.
    """

    field: str
    text: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    choices: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether the numbers are whole ones."""
        return FIELDS[self.field].annotation is int

    @property
    def count(self) -> float:
        """How many values there are; infinite for real numbers."""
        if self.choices:
            return len(self.choices)
        return self.high - self.low + 1 if self.whole else math.inf

    @property
    def ends(self) -> tuple[str, ...]:
        """The choices, or the smallest and the largest number, as texts."""
        return self.choices or (self.as_text(self.low), self.as_text(self.high))

    @property
    def texts(self) -> Iterable[str]:
        """All values of choices or whole numbers, as texts."""
        return self.choices or map(str, range(round(self.low), round(self.high) + 1))

    def as_text(self, value: str | float) -> str:
        """Return a value as an option takes it; a real number has three digits."""
        if isinstance(value, str):
            return value
        if self.whole:
            return str(round(value))
        rounded = float(f"{value:.{_DIGITS}g}")
        return str(min(max(rounded, self.low), self.high))


def parse_space(text: str) -> tuple[Axis, ...]:
    """Return the axes of a space.

    Args:
        text: `field=low..high`, `field=log(low,high)` or `field=a|b|c`, several with spaces
            between them; the values of a list are separated by commas.

    Raises:
        UserError: a field is unknown or given twice, or its range or choices are wrong.
    """
    axes: dict[str, Axis] = {}
    for part in re.split(r"\s+(?=[\w-]+\s*=)", text.strip()):
        name, sign, values = part.partition("=")
        if not sign:
            raise UserError(f"The space {text!r} is wrong: write such as {_EXAMPLES}.")
        field = name.strip().replace("-", "_")
        field = OLD_NAMES.get(field, field)
        check_variable(field)
        if field in axes:
            raise UserError(f"{field} is twice in the space: give it once.")
        axes[field] = _parse_axis(field, values.strip())
    return tuple(axes.values())


def space_text(axes: Sequence[Axis]) -> str:
    """Return a space as it is written, without superfluous blanks."""
    return " ".join(f"{axis.field}={axis.text}" for axis in axes)


def _parse_axis(field: str, given: str) -> Axis:
    text = "".join(given.split())
    logarithm = re.fullmatch(r"log\((.*)\)", text)
    if not logarithm and ("|" in text or ".." not in text):
        return _parse_choices(field, given)
    ends = logarithm[1].split(",") if logarithm else text.split("..", 1)
    if FIELDS[field].annotation not in (int, float):
        raise UserError(f"{field} is no number and has no range: give its values as a|b|c.")
    try:
        low, high = map(float, ends)
    except ValueError:
        raise UserError(
            f"{field}={text} is wrong: write a range as 0..0.5 or log(1e-4,1e-1)."
        ) from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise UserError(f"{field}={text} is no range: the first number should be the smaller one.")
    if logarithm and low <= 0:
        raise UserError(f"{field}={text} is wrong: a logarithm needs numbers above 0.")
    axis = Axis(field, text, low, high, bool(logarithm))
    if axis.whole and not (low.is_integer() and high.is_integer()):
        raise UserError(f"{field}={text} is wrong: {field} is a whole number.")
    return axis


def _parse_choices(field: str, text: str) -> Axis:
    if isinstance(FIELDS[field].default, tuple):
        text = "".join(text.split())  # of lists; a path may have blanks
    different: dict[str | float, str] = {}
    for choice in filter(None, map(str.strip, text.split("|"))):
        different.setdefault(_value(field, choice), choice)
    choices = tuple(different.values())
    if len(choices) < 2:
        raise UserError(
            f"{field}={text} leaves nothing to search: give two values or a range at least, such "
            f"as {_EXAMPLES}."
        )
    return Axis(field, "|".join(choices), choices=choices)


def _value(field: str, choice: str) -> str | float:
    """Return a choice as a number where the field is one."""
    with suppress(ValueError):
        return float(choice) if FIELDS[field].annotation in (int, float) else choice
    return choice


def space_size(axes: Sequence[Axis]) -> float:
    """Return how many configurations a space has; infinite if a field is a real number."""
    return math.prod(axis.count for axis in axes)


def check_size(config: TrainConfig, axes: Sequence[Axis], samples: int) -> None:
    """Check that a space has as many different trainings as a search takes.

    Raises:
        UserError: it has fewer, or values of a finite space do not belong together.
    """
    size = space_size(axes)
    if size == math.inf:
        return
    if samples > size:
        too_few = (
            f"The space has {size:,.0f} configurations, fewer than {samples} samples: take fewer"
        )
        raise UserError(
            f"{too_few}, or try them all with --vary.",
            on_page=f"{too_few}, or try all combinations.",
        )
    different = set()
    for values in product(*(axis.texts for axis in axes)):
        given = dict(zip((axis.field for axis in axes), values, strict=True))
        different.add(effective_fields(variant(config, given)[1]))
        if len(different) == samples:
            return
    raise UserError(
        f"The space has {len(different)} different trainings, fewer than {samples} samples: take "
        "fewer."
    )


def at_ends(config: TrainConfig, axes: Sequence[Axis]) -> list[TrainConfig]:
    """Return the configurations at the ends of each axis, the other fields at their first values.

    Raises:
        UserError: a value is wrong or outside its field's bounds, or a field has no effect in any
            of these configurations.
    """
    first = {axis.field: axis.ends[0] for axis in axes}
    given = [first | {axis.field: end} for axis in axes for end in axis.ends]
    configs = [variant(config, each)[1] for each in given]
    check_effects(list(first), configs)
    return configs


def configuration(
    config: TrainConfig, axes: Sequence[Axis], values: Values
) -> tuple[str, TrainConfig]:
    """Return title and configuration of the trial at a point of the space.

    Raises:
        UserError: its values do not belong together.
    """
    return variant(config, {axis.field: axis.as_text(values[axis.field]) for axis in axes})
