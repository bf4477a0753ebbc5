"""The training form, generated from the fields of TrainConfig."""

from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st
from pydantic import ValidationError
from streamlit.delta_generator import DeltaGenerator

from dashboard.views.train.field_widgets import field_widget, widget_state
from dashboard.views.train.fields import FormField, Values, applies, form_fields
from dashboard.views.train.sweep import SWEEP_ON
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error, show_warning
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


_MAIN = ("dataset", "exclude", "architecture", "epochs", "learning_rate")
"""The fields that matter most; the others are under "Advanced"."""

_MODEL = Section(("initial_model", "model"))
_DATA = Section(
    (
        *("targets", "vote_share", "class_weights", "given_weights"),
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
    Section(("tensorboard",), "TensorBoard", "Streams them to files for TensorBoard, too."),
)
_PLACED = {*_MAIN} | {name for part in (_MODEL, _DATA, *_CALLBACKS) for name in part.fields}
_OPTIMIZATION = Section(tuple(name for name in TrainConfig.model_fields if name not in _PLACED))

_ROWS: tuple[dict[str, tuple[Section, ...]], ...] = (
    {"Model": (_MODEL,), "Optimization": (_OPTIMIZATION,)},
    {"Data": (_DATA,), "Callbacks": _CALLBACKS},
)

PRESET = "train.preset"
"""Session state: the preset that the form was filled with last; None for another configuration."""

_MISSING_DATA = "train.missing_data"
"""Session state: data set and exclusion lists as `fill_form` set them, and a warning if one of the
configuration's is gone."""


class Form:
    """The form as shown: its values, and below each field's widget the place for an error."""

    def __init__(self) -> None:
        self.values: Values = {}
        self._shown: dict[str, tuple[FormField, DeltaGenerator]] = {}

    def config(self) -> TrainConfig:
        """Return the configuration.

        Raises:
            UserError: a value is wrong; the sentence names it.
        """
        if self.values["dataset"] is None:
            raise UserError("Choose a data set to train on.", field="dataset")
        try:
            return TrainConfig.model_validate(self.values)
        except ValidationError as error:
            raise explain(error) from error

    def show_error(self, error: UserError) -> str:
        """Show an error at its field, and return where to look for it; empty if it has no field."""
        if error.field not in self._shown:
            return ""
        field, place = self._shown[error.field]
        with place:
            show_error(error)
        return field.label if error.field in _MAIN else f"{field.label} (under Advanced)"

    def show_fields(self, names: Iterable[str]) -> None:
        """Show those fields that have an effect, see `form_fields`."""
        for field in form_fields(names, self.values):
            if applies(field.name, self.values):
                with st.container(gap="xsmall"):
                    field.put(field_widget(field, self.values), self.values)
                    self._shown[field.name] = field, st.container()


def show_form() -> Form:
    """Show the form."""
    form = Form()
    warning = st.container()
    with st.grid(2, min_column_width=140, gap="small"):
        form.show_fields(_MAIN)
    with warning:
        _warn_of_missing_data(form.values)
    with st.expander("Advanced", key="train.advanced"):
        for row in _ROWS:
            columns = st.columns(2, gap="medium")
            for column, (group, sections) in zip(columns, row.items(), strict=True):
                with column.container(gap="small"):
                    st.header(escape_markdown(group))
                    for section in sections:
                        _show_section(section, form)
    return form


def fill_form(
    config: TrainConfig, fingerprint: str | None = None, preset: str | None = None
) -> None:
    """Set the form to a configuration and turn the sweep off. For callbacks of buttons.

    A data set or exclusion list that no longer exists is left out, with a warning.

    Args:
        config: the configuration.
        fingerprint: of its data set, which may have been renamed; None if it was not.
        preset: whose configuration it is, if it is one's.
    """
    st.session_state.update({SWEEP_ON: False, PRESET: preset})
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


def _show_section(section: Section, form: Form) -> None:
    if section.title:
        with st.container(gap=None):
            st.markdown(f"**{escape_markdown(section.title)}**")
            unmet = {unmet_condition(name, form.values) for name in section.fields}
            off = bool(unmet) and "" not in unmet
            caption = f"Off: needs {', '.join(unmet)}." if off else section.caption
            st.caption(escape_markdown(caption))
    form.show_fields(section.fields)
