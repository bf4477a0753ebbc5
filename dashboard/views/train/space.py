"""Ranges and choices for a few fields: an experiment whose trials a search chooses."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.views.train.fields import FormField, Values
from dashboard.views.train.sweep import ask_fields, ask_name, ask_values, sweepable_fields
from dashboard.views.train.training_data import checked
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.queue.search import (
    MAX_SAMPLES,
    MIN_SAMPLES,
    Search,
    check_search_installed,
    search_command,
)

MAX_FIELDS = 6
_METHODS = {
    "asha": "asha: random, cuts early what is behind",
    "random": "random: every trial to its end",
    "bayes": "bayes: chooses by the results so far",
}
_LOGARITHMIC = ("weight_decay", "batch_size", "plateau_min_lr")
"""Fields whose range is drawn by its logarithm, beside learning rates and smallest changes."""

_RULES = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}


@dataclass(frozen=True)
class SpaceSearch:
    """The search to start.

    Args:
        search: with all that was entered; None while something is missing or wrong.
    """

    search: Search | None = None

    @property
    def ready(self) -> bool:
        """Whether there is something to start."""
        return self.search is not None

    def checked(self) -> Search:
        """Return the search of a form that is ready."""
        if self.search is None:
            raise UserError("Select the fields to search and their ranges.")
        return self.search

    @property
    def start_label(self) -> str:
        """The label of the button that starts it."""
        return f"Search {self.checked().samples} trials"

    def summary(self) -> tuple[str, str]:
        """Return the number of trials, and how they are chosen and how long they are."""
        search = self.checked()
        epochs = f"at most {search.samples * search.config.total_epochs:,} epochs"
        return f"{search.samples} trials", f"{search.algorithm} · {epochs} in total"

    def without_estimate(self) -> Sequence[TrainConfig]:
        """Return nothing: what a trial costs is known once it is chosen."""
        return ()

    def command(self, config: TrainConfig) -> str:
        """Return the equivalent command."""
        return search_command(self.checked())


def show_space(config: TrainConfig, name: str) -> SpaceSearch:
    """Ask for fields, the range or choices of each, and how to search them.

    Args:
        config: the form's configuration, which all trials have in common.
        name: of the experiment, suggested; empty for one made of the fields' names.

    Returns:
        The search; nothing to start while values are missing or wrong, which is said beside them.
    """
    try:
        check_search_installed()
    except UserError as error:
        show_error(error)
        return SpaceSearch()
    values = config.model_dump()
    fields = sweepable_fields(values)
    fields.pop("monitor")  # trials are compared by it
    chosen = ask_fields(fields, MAX_FIELDS, "train.space.fields")
    space = {field: _ask_axis(fields[field], values) for field in chosen}
    method, samples = _ask_method()
    if not space or not all(space.values()):
        return SpaceSearch()
    text = " ".join(f"{field}={axis}" for field, axis in space.items())
    named = ask_name(space, name, searched=True)
    try:
        return SpaceSearch(Search.make(named, checked(config), text, samples, method))
    except UserError as error:
        show_error(error)
        return SpaceSearch()


def _ask_method() -> tuple[str, int]:
    """Ask how trials are chosen, and for how many."""
    left, right = st.columns([2, 1])
    method = left.selectbox(
        "Search",
        _METHODS,
        format_func=_METHODS.__getitem__,
        key="train.space.method",
        persist_state="session",
        help="ASHA compares trials after equal epochs, so a slow start counts against them: with a "
        "cosine schedule or a warm-up, rates that are good late may be cut.",
    )
    samples = right.number_input(
        "Trials",
        min(MIN_SAMPLES.values()),
        MAX_SAMPLES,
        16,
        key="train.space.samples",
        persist_state="session",
    )
    return method, samples


def _ask_axis(field: FormField, values: Values) -> str:
    """Ask for the range or the choices of a field; return them as a space has them."""
    if field.info.annotation not in (int, float) or field.name == "seed":
        chosen = ask_values(field, values)
        return "|".join(chosen) if len(chosen) > 1 else ""
    marks = _marks(field)
    current = float(field.get(values))
    below, above = [m for m in marks if m <= current], [m for m in marks if m > current]
    around = ((below or marks[:1])[-2:][0], (above or marks[-1:])[:2][-1])
    low, high = st.select_slider(
        escape_markdown(field.label),
        marks,
        around,
        format_func=lambda mark: f"{mark:g}",
        help=escape_markdown(field.help),
        key=f"train.space.{field.name}",
        persist_state="session",
    )
    if low == high:
        return ""
    return f"log({low:g},{high:g})" if _is_logarithmic(field) else f"{low:g}..{high:g}"


def _is_logarithmic(field: FormField) -> bool:
    return field.name in _LOGARITHMIC or field.name.endswith(("learning_rate", "min_delta"))


def _marks(field: FormField) -> list[float]:
    """Return the values that a slider of a field stops at, within the field's bounds."""
    whole = [*map(float, range(21)), *map(float, range(25, 205, 5))]
    if not _is_logarithmic(field):
        parts = [step / 20 for step in range(20)] if field.info.annotation is float else []
        marks = sorted({*parts, *whole})
    elif field.info.annotation is int:
        marks = [2.0**power for power in range(13)]
    else:
        marks = [float(f"{digit}e{power}") for power in range(-7, 1) for digit in (1, 2, 5)]
    return [mark for mark in marks if _is_within_bounds(field, mark)]


def _is_within_bounds(field: FormField, value: float) -> bool:
    bounds = [
        (holds, getattr(rule, name))
        for rule in field.info.metadata
        for name, holds in _RULES.items()
        if hasattr(rule, name)
    ]
    return all(holds(value, bound) for holds, bound in bounds)
