"""The training form, made from TrainConfig: a new field there appears here by itself."""

from collections.abc import Iterable

import streamlit as st
from pydantic import ValidationError

from dashboard.components.plain import plain
from dashboard.components.train.fields import FormField, Values, fields_of
from dashboard.components.train.rules import applies
from dashboard.components.train.sweep import SWITCH
from dashboard.components.train.widgets import ask, states
from pipeline.data.exclusions import exclusion_names
from pipeline.data.store import dataset_names, datasets_of, find_dataset
from pipeline.errors import UserError
from pipeline.training.config import TrainConfig, explain
from pipeline.training.weights import resolve_weights

GROUPS = {
    "Model": ("architecture", "model"),
    "Data": (
        *("dataset", "exclude", "targets", "vote_share", "class_weights", "given_weights"),
        *("teacher", "teacher_share", "label_smoothing", "augmentation", "mixup"),
    ),
    "Callbacks": (
        *("monitor", "early_stopping_patience", "early_stopping_monitor"),
        *("plateau_patience", "plateau_factor"),
    ),
}
"""Which fields stand in which group; what is named nowhere belongs to the optimization."""

ROWS = (("Model", "Optimization"), ("Data", "Callbacks"))

MAIN = {
    *("architecture", "widths", "convolutions", "activation", "weights", "input_size", "dropout"),
    *("epochs", "batch_size", "optimizer", "learning_rate", "schedule"),
    *("dataset", "exclude", "targets", "vote_share", "class_weights", "given_weights"),
    *("rotation", "zoom", "shift", "flip"),
    *("monitor", "early_stopping_patience", "plateau_patience", "plateau_factor"),
}
"""The fields in sight; the others of a group are a click away."""

_GONE = "train.gone"  # data set and list as the form was filled, and what of its data is not here


def show_form() -> TrainConfig:
    """Show the form and return what it says.

    Raises:
        UserError: a value is wrong; the sentence names it.
    """
    values: Values = {}
    above = st.container()
    for row in ROWS:
        for group, column in zip(row, st.columns(2, gap="medium"), strict=True):
            with column.container(gap="small"):
                st.subheader(group)
                _show_group(group, values)
    with above:
        _show_gone(values)
    if values["dataset"] is None:
        raise UserError("Choose a data set to train on.")
    try:
        config = TrainConfig.model_validate(values)
    except ValidationError as error:
        raise explain(error) from error
    resolve_weights(config)
    return config


def fill_form(config: TrainConfig, fingerprint: str | None = None) -> None:
    """Let the form show a configuration, without trying several values. For buttons' callbacks.

    A data set or exclusion list that is not here any more is left empty, and the form says so.

    Args:
        config: the configuration.
        fingerprint: of its data set, which may be renamed by now; None where it is not.
    """
    st.session_state[SWITCH] = False
    data, gone = _find_data(config, fingerprint)
    values = config.model_dump() | data
    for field in fields_of(TrainConfig.model_fields, values):
        st.session_state.update(states(field, field.get(values)))
    st.session_state[_GONE] = data, gone


def _find_data(config: TrainConfig, fingerprint: str | None) -> tuple[Values, str]:
    """Return the data set and list that are here, and a sentence if one of them is not."""
    name, listed, here = config.dataset, config.exclude, dataset_names()
    if fingerprint is not None:
        name = find_dataset(name, fingerprint)
        here = [info.name for info in datasets_of(fingerprint)]
    if name not in here:
        gone = f"Data set '{name}' is not here any more, or holds other faces now: choose one."
        return {"dataset": None, "exclude": None}, gone
    if listed not in (None, *exclusion_names(name)):
        gone = f"Data set '{name}' has no exclusion list '{listed}' any more: none is chosen."
        return {"dataset": name, "exclude": None}, gone
    return {"dataset": name, "exclude": listed}, ""


def _show_gone(values: Values) -> None:
    """Say what is not here any more, until something is chosen in its place."""
    data, gone = st.session_state.get(_GONE, ({}, ""))
    if gone and data == {name: values.get(name) for name in data}:
        st.warning(plain(gone), icon=":material/warning:")


def _show_group(group: str, values: Values) -> None:
    _show_fields(_fields_in(group, values, main=True), values)
    rest = [field for field in _fields_in(group, values, main=False) if applies(field.name, values)]
    if rest:
        with st.expander("More", key=f"train.more.{group}"):
            _show_fields(rest, values)


def _fields_in(group: str, values: Values, *, main: bool) -> Iterable[FormField]:
    """Give the fields of a group one by one, as later ones may follow from earlier ones."""
    placed = [name for names in GROUPS.values() for name in names]
    others = [name for name in TrainConfig.model_fields if name not in placed]
    fields = fields_of(GROUPS.get(group, others), values)
    return (field for field in fields if (field.name in MAIN) == main)


def _show_fields(fields: Iterable[FormField], values: Values) -> None:
    for field in fields:
        if applies(field.name, values):
            field.put(ask(field, values), values)
