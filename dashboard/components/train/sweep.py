"""Several values for a few fields: an experiment of one run for each combination."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count

import streamlit as st

from dashboard import resources
from dashboard.components.train.faces import faces_of
from dashboard.components.train.fields import FormField, Values, fields_of
from dashboard.components.train.rules import TYPED, applies, choices, shown_as
from dashboard.components.units import duration
from pipeline.data.exclusions import NO_LIST
from pipeline.training.config import TrainConfig
from pipeline.training.estimate import cost_key, kept_estimate
from pipeline.training.experiment import MOST_FIELDS, Varied, experiment_command, vary
from pipeline.training.options import as_text

SWITCH = "train.sweep"
"""Session state: whether several values are tried."""

_FIELDS = "train.sweep.fields"
_WANTED = "train.sweep.wanted"  # the fields chosen, with those that do not apply for the moment


@dataclass(frozen=True)
class Sweep:
    """What is to be tried.

    Args:
        name: the experiment's.
        varied: field → its values as texts.
        runs: title and configuration of each run; none while a field or its values are missing.
    """

    name: str
    varied: Varied
    runs: list[tuple[str, TrainConfig]]

    def command(self, config: TrainConfig) -> str:
        """Return the command that does the same.

        Args:
            config: what the runs have in common.
        """
        return experiment_command(self.name, config, self.varied)


def show_sweep(config: TrainConfig) -> Sweep:
    """Ask for fields and the values to try of each.

    Args:
        config: what the form says, which all runs have in common.

    Raises:
        UserError: a value is wrong, or there are too many runs.
    """
    values = config.model_dump()
    fields = {field.name: field for field in _variable_fields(values)}
    with st.container(border=True, gap="small"):
        varied = {name: _ask_values(fields[name], values) for name in _ask_fields(fields)}
        st.caption(
            "Spaces part values, commas the numbers of one value. Every combination is a run."
        )
        if not varied or not all(varied.values()):
            return Sweep("", varied, [])
        runs = vary(config, varied)
        sweep = Sweep(_ask_name(varied), varied, runs)
        st.markdown(_cost([each for _, each in runs]))
        return sweep


def _variable_fields(values: Values) -> list[FormField]:
    fields = fields_of(TrainConfig.model_fields, values)
    return [field for field in fields if field.name != "dataset" and applies(field.name, values)]


def _ask_fields(fields: Mapping[str, FormField]) -> list[str]:
    wanted = st.session_state.setdefault(_WANTED, [])
    chosen = [name for name in wanted if name in fields][:MOST_FIELDS]
    if st.session_state.get(_FIELDS) != chosen:
        st.session_state[_FIELDS] = chosen
    return st.multiselect(
        "Fields to vary",
        fields,
        format_func=lambda name: fields[name].words,
        max_selections=MOST_FIELDS,
        placeholder=f"up to {MOST_FIELDS}",
        key=_FIELDS,
        on_change=_remember,
        args=(list(fields),),
    )


def _remember(offered: Sequence[str]) -> None:
    """Keep what was chosen, and what was chosen before and is not offered now."""
    hidden = [name for name in st.session_state[_WANTED] if name not in offered]
    st.session_state[_WANTED] = [*st.session_state[_FIELDS], *hidden]


def _ask_values(field: FormField, values: Values) -> list[str]:
    """Ask for the values of a field, at first the one in the form."""
    now = as_text(field.get(values))
    key, label = f"train.sweep.{field.name}", field.label
    offered = _offered(field, values)
    if offered:
        st.session_state.setdefault(key, [now])
        return st.multiselect(
            label,
            dict.fromkeys([*offered, now]),
            format_func=shown_as(field, values),
            accept_new_options=field.name in TYPED,
            key=key,
            persist_state="session",
        )
    st.session_state.setdefault(key, now)
    text = st.text_input(label, help=field.help, key=key, persist_state="session")
    return text.split()


def _offered(field: FormField, values: Values) -> list[str]:
    if field.info.annotation is bool:
        return [as_text(True), as_text(False)]
    offered = [as_text(choice) for choice in choices(field, values)]
    return [NO_LIST, *offered] if field.name == "exclude" else offered


def _ask_name(varied: Varied) -> str:
    """Ask for the experiment's name; the one that stands there faintly is taken else."""
    names = {row.notes.experiment for row in resources.runs().rows()}
    suggested = unused(" × ".join(name.replace("_", " ") for name in varied), names)
    name = st.text_input(
        "Experiment", placeholder=suggested, key="train.sweep.name", persist_state="session"
    )
    if name.strip() in names - {""}:
        st.caption("There is an experiment of this name: these runs are added to it.")
    return name.strip() or suggested


def unused(name: str, taken: set[str]) -> str:
    """Return the name, with a number where it is taken."""
    numbered = (f"{name} {number}" for number in count(2))
    return next(free for free in chain([name], numbered) if free not in taken)


def _cost(configs: list[TrainConfig]) -> str:
    words, seconds = f"**{number_of(configs, 'run')}**", together(configs)
    return words if seconds is None else f"{words}, {duration(seconds)} together at most"


def number_of(things: Sequence[object], name: str) -> str:
    """Return how many there are, in words such as `2 runs`."""
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def together(configs: list[TrainConfig]) -> float | None:
    """Return the seconds that trainings take one after the other, if an estimate of each is kept.

    Args:
        configs: configurations on the same data set.
    """
    seconds = 0.0
    for config in configs:
        kept = kept_estimate(cost_key(config, faces_of(config)), config)
        if kept is None:
            return None
        seconds += kept.total_s
    return seconds
