"""Several values for a few fields: an experiment with one run for each combination."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count

import streamlit as st

from dashboard import resources
from dashboard.views.train.fields import (
    ACCEPTS_NEW,
    FormField,
    Values,
    applies,
    choice_label,
    choices,
    form_fields,
)
from dashboard.views.train.training_data import checked, open_dataset
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.config.options import as_text
from pipeline.config.train_config import TrainConfig
from pipeline.data.exclusions import NO_LIST
from pipeline.errors import UserError
from pipeline.queue.experiment import MAX_FIELDS, Varied, experiment_command, vary
from pipeline.queue.search import find_search
from pipeline.report.units import duration
from pipeline.training.estimate import cost_key, load_estimate

SWEEP_ON = "train.sweep"
"""Session state: whether the form asks for several values."""

_FIELDS = "train.sweep.fields"
_SELECTED = "train.sweep.selected"  # the selected fields, also those that do not apply at present


@dataclass(frozen=True)
class Sweep:
    """The runs to start.

    Args:
        name: the experiment's.
        varied: field → its values as texts.
        runs: title and configuration of each run; empty while a field or its values are missing.
    """

    name: str
    varied: Varied
    runs: list[tuple[str, TrainConfig]]

    @property
    def ready(self) -> bool:
        """Whether there is something to start."""
        return bool(self.runs)

    @property
    def start_label(self) -> str:
        """The label of the button that starts it."""
        return f"Start {counted(self.runs, 'training')}"

    def summary(self) -> tuple[str, str]:
        """Return the number of runs, and their total time if all were estimated."""
        seconds, missing = self.total_s(), len(self.without_estimate())
        if seconds is not None:
            time = f"at most {duration(seconds)} in total"
        elif missing == 1:
            time = "total time after an estimate"
        else:
            time = f"total time after {missing:,} estimates"
        single = ": a plain training, add values to compare" if len(self.runs) == 1 else ""
        return f"{counted(self.runs, 'run')}{single}", time

    def total_s(self) -> float | None:
        """Return the seconds that all runs take one after the other; None without all estimates."""
        return total_time([config for _, config in self.runs])

    def without_estimate(self) -> list[TrainConfig]:
        """Return one configuration for each cost that is not estimated yet."""
        missing: dict[str, TrainConfig] = {}
        for _, config in self.runs:
            key = cost_key(config, open_dataset(config))
            if load_estimate(key, config) is None:
                missing.setdefault(key, config)
        return list(missing.values())

    def command(self, config: TrainConfig) -> str:
        """Return the equivalent command.

        Args:
            config: the configuration that all runs have in common.
        """
        return experiment_command(self.name, config, self.varied)


def show_sweep(config: TrainConfig, name: str) -> Sweep:
    """Ask for fields and the values to try of each.

    Args:
        config: the form's configuration, which all runs have in common.
        name: of the experiment, suggested; empty for one made of the fields' names.

    Returns:
        The sweep, without runs while values are missing or wrong, which is said beside them.
    """
    values = config.model_dump()
    fields = sweepable_fields(values)
    varied = {name: ask_values(fields[name], values) for name in ask_fields(fields, MAX_FIELDS)}
    st.caption("Every combination of the values is a run.")
    if not varied or not all(varied.values()):
        return Sweep("", varied, [])
    try:
        runs = [(title, checked(run)) for title, run in vary(config, varied)]
    except UserError as error:
        show_error(error)
        return Sweep("", varied, [])
    return Sweep(ask_name(varied, name), varied, runs)


def sweepable_fields(values: Values) -> dict[str, FormField]:
    """Return the fields that have an effect beside the form's values, without the data set."""
    fields = form_fields(TrainConfig.model_fields, values)
    return {
        field.name: field
        for field in fields
        if field.name != "dataset" and applies(field.name, values)
    }


def ask_fields(fields: Mapping[str, FormField], most: int, key: str = _FIELDS) -> list[str]:
    """Ask which fields differ between the runs.

    Args:
        fields: name → field, those to choose from.
        most: how many may be chosen.
        key: of the widget; one with another limit needs another key.
    """
    selected = st.session_state.setdefault(_SELECTED, [])
    offered = [name for name in selected if name in fields][:most]
    if st.session_state.get(key) != offered:
        st.session_state[key] = offered
    return st.multiselect(
        "Fields to vary",
        fields,
        format_func=lambda name: fields[name].words,
        max_selections=most,
        select_all=False,  # it would choose too many, and fail
        placeholder=f"up to {most}",
        key=key,
        on_change=_remember_fields,
        args=(list(fields), key),
    )


def _remember_fields(offered: Sequence[str], key: str) -> None:
    """Store the selected fields, and those selected before that are not offered at present."""
    hidden = [name for name in st.session_state[_SELECTED] if name not in offered]
    st.session_state[_SELECTED] = [*st.session_state[key], *hidden]


def ask_values(field: FormField, values: Values) -> list[str]:
    """Ask for the values of a field, each a chip; the first is the form's value."""
    current = as_text(field.get(values))
    key, offered = f"train.sweep.{field.name}", _value_choices(field, values)
    st.session_state.setdefault(key, [current])
    return st.multiselect(
        escape_markdown(field.label),
        dict.fromkeys([*offered, current, *st.session_state[key]]),
        format_func=choice_label(field, values),
        accept_new_options=not offered or field.name in (*ACCEPTS_NEW, "exclude"),
        placeholder=_placeholder(field) if not offered else None,
        help=escape_markdown(field.help),
        key=key,
        persist_state="session",
    )


def _placeholder(field: FormField) -> str:
    several = isinstance(field.info.default, tuple)
    return "such as 16,32,64, then Enter" if several else "type a value, then Enter"


def _value_choices(field: FormField, values: Values) -> list[str]:
    if field.info.annotation is bool:
        return [as_text(True), as_text(False)]
    offered = [as_text(choice) for choice in choices(field, values)]
    return [NO_LIST, *offered] if field.name == "exclude" else offered


def ask_name(varied: Iterable[str], suggestion: str, *, searched: bool = False) -> str:
    """Ask for the experiment's name; without a suggestion, it is made of the fields' names.

    Args:
        varied: the fields.
        suggestion: a name; empty for one made of the fields' names.
        searched: whether a search is to start, of which an experiment has one.
    """
    names = {row.notes.experiment for row in resources.runs().rows()}
    suggested = suggestion or " × ".join(name.replace("_", " ") for name in varied)
    suggested = unused_name(suggested, names)
    name = st.text_input(
        "Experiment", placeholder=suggested, key="train.sweep.name", persist_state="session"
    )
    if name.strip() in names - {""}:
        if searched and find_search(name.strip()):
            st.caption("This experiment has a search: it can get more trials, no other search.")
        else:
            st.caption("This experiment exists: these runs are added to it.")
    return name.strip() or suggested


def unused_name(name: str, taken: set[str]) -> str:
    """Return the name, followed by a number if it is taken."""
    numbered = (f"{name} {number}" for number in count(2))
    return next(free for free in chain([name], numbered) if free not in taken)


def counted(things: Sequence[object], noun: str) -> str:
    """Return a count with its noun, such as `2 runs`."""
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def total_time(configs: Sequence[TrainConfig]) -> float | None:
    """Return the seconds that trainings take one after the other; None without all estimates.

    Args:
        configs: configurations on the same data set.
    """
    seconds = 0.0
    for config in configs:
        estimate = load_estimate(cost_key(config, open_dataset(config)), config)
        if estimate is None:
            return None
        seconds += estimate.total_s
    return seconds
