"""The training form, generated from the fields of TrainConfig."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import streamlit as st
from pydantic import ValidationError

from dashboard.views.train.field_widgets import field_widget, widget_state
from dashboard.views.train.fields import FormField, Values, applies, form_fields
from dashboard.views.train.sweep import SWEEP_ON
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_warning
from pipeline.config.conditions import unmet_condition
from pipeline.config.train_config import TrainConfig, explain
from pipeline.data.exclusions import exclusion_names
from pipeline.data.store import dataset_names, datasets_of, find_dataset
from pipeline.errors import UserError


@dataclass(frozen=True)
class Section:
    """A group of fields in the form.

    Args:
        fields: fields of TrainConfig.
        title: a small heading; empty for none.
        caption: the text below the heading.
    """

    fields: tuple[str, ...]
    title: str = ""
    caption: str = ""


def _fields_named(prefix: str) -> tuple[str, ...]:
    return tuple(name for name in TrainConfig.model_fields if name.startswith(prefix))


_MODEL = Section(("architecture", "model"))
_DATA = Section(
    (
        *("dataset", "exclude", "targets", "vote_share", "class_weights", "given_weights"),
        *("teacher", "distillation_weight", "label_smoothing", "augmentation", "mixup"),
    )
)
_CALLBACKS = (
    Section(("monitor",), "ModelCheckpoint", "Saves the model of the best epoch."),
    Section(
        _fields_named("early_stopping_"),
        "EarlyStopping",
        "Stops training when a monitored metric has stopped improving.",
    ),
    Section(
        _fields_named("plateau_"),
        "ReduceLROnPlateau",
        "Reduces the learning rate when a metric has stopped improving.",
    ),
    Section((), "CSVLogger", "Streams epoch results to history.csv; always on."),
)
_PLACED = {name for section in (_MODEL, _DATA, *_CALLBACKS) for name in section.fields}
_OPTIMIZATION = Section(tuple(name for name in TrainConfig.model_fields if name not in _PLACED))

_ROWS: tuple[dict[str, tuple[Section, ...]], ...] = (
    {"Model": (_MODEL,), "Optimization": (_OPTIMIZATION,)},
    {"Data": (_DATA,), "Callbacks": _CALLBACKS},
)

_MAIN = {
    *("architecture", "widths", "convolutions", "activation", "weights", "input_size", "dropout"),
    *("epochs", "batch_size", "optimizer", "learning_rate", "schedule"),
    *("dataset", "exclude", "targets", "vote_share", "class_weights", "given_weights"),
    *("rotation", "zoom", "shift", "flip"),
    *("monitor", "early_stopping_patience", "plateau_patience", "plateau_factor"),
}
"""The fields that are always visible; the others are in a section's expander "More"."""

_MISSING_DATA = "train.missing_data"
"""Session state: data set and exclusion lists as `fill_form` set them, and a warning if one of the
configuration's is gone."""


def show_form() -> TrainConfig:
    """Show the form and return its configuration.

    Raises:
        UserError: a value is wrong; the sentence names it.
    """
    values: Values = {}
    warning = st.container()
    for row in _ROWS:
        for column, (group, sections) in zip(st.columns(2, gap="medium"), row.items(), strict=True):
            with column.container(gap="small"):
                st.subheader(escape_markdown(group))
                for section in sections:
                    _show_section(section, values, key=f"train.more.{group}.{section.title}")
    with warning:
        _warn_of_missing_data(values)
    if values["dataset"] is None:
        raise UserError("Choose a data set to train on.")
    try:
        config = TrainConfig.model_validate(values)
    except ValidationError as error:
        raise explain(error) from error
    return config


def fill_form(config: TrainConfig, fingerprint: str | None = None) -> None:
    """Set the form to a configuration and turn the sweep off. For callbacks of buttons.

    A data set or exclusion list that no longer exists is left out, with a warning.

    Args:
        config: the configuration.
        fingerprint: of its data set, which may have been renamed; None if it was not.
    """
    st.session_state[SWEEP_ON] = False
    data, warning = _find_data(config, fingerprint)
    values = config.model_dump() | data
    for field in form_fields(TrainConfig.model_fields, values):
        st.session_state.update(widget_state(field, field.get(values)))
    st.session_state[_MISSING_DATA] = data, warning


def _find_data(config: TrainConfig, fingerprint: str | None) -> tuple[Values, str]:
    """Return the data set and exclusion lists that still exist, and a warning if one does not."""
    name, names = config.dataset, dataset_names()
    if fingerprint is not None:
        name = find_dataset(name, fingerprint)
        names = [info.name for info in datasets_of(fingerprint)]
    if name not in names:
        warning = f"Data set '{name}' is gone or holds other faces now: choose one."
        return {"dataset": None, "exclude": []}, warning
    exclude = [each for each in config.exclude if each in exclusion_names(name)]
    gone = [each for each in config.exclude if each not in exclude]
    selected = f"{', '.join(exclude)} is selected" if exclude else "none is selected"
    warning = f"Exclusion list '{', '.join(gone)}' of data set '{name}' is gone: {selected}."
    return {"dataset": name, "exclude": exclude}, warning if gone else ""


def _warn_of_missing_data(values: Values) -> None:
    """Show the warning of `fill_form` until another data set or list is selected."""
    data, warning = st.session_state.get(_MISSING_DATA, ({}, ""))
    if warning and data == {name: values.get(name, shown) for name, shown in data.items()}:
        show_warning(warning)


def _show_section(section: Section, values: Values, key: str) -> None:
    if section.title:
        with st.container(gap=None):
            st.markdown(f"**{escape_markdown(section.title)}**")
            unmet = {unmet_condition(name, values) for name in section.fields}
            off = bool(unmet) and "" not in unmet
            caption = f"Off: needs {', '.join(unmet)}." if off else section.caption
            st.caption(escape_markdown(caption))
    _show_fields(_fields_of(section, values, main=True), values)
    more = [
        field for field in _fields_of(section, values, main=False) if applies(field.name, values)
    ]
    if more:
        with st.expander("More", key=key):
            _show_fields(more, values)


def _fields_of(section: Section, values: Values, *, main: bool) -> Iterator[FormField]:
    """Yield a section's fields one by one, since later ones depend on earlier ones' values."""
    return (f for f in form_fields(section.fields, values) if (f.name in _MAIN) == main)


def _show_fields(fields: Iterable[FormField], values: Values) -> None:
    for field in fields:
        if applies(field.name, values):
            field.put(field_widget(field, values), values)
