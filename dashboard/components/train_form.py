"""The training form, made from TrainConfig: a new field there appears here by itself."""

from typing import Any, Literal, get_args, get_origin

import streamlit as st
from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from dashboard.components.train_rules import applies, lists_of
from models import ARCHITECTURES
from pipeline.data.store import dataset_names
from pipeline.training.augmentation import Augmentation
from pipeline.training.config import TrainConfig, explain

Values = dict[str, Any]

GROUPS = {
    "Model": ("architecture", "model"),
    "Data": (
        *("dataset", "exclude", "targets", "vote_share", "class_weights", "given_weights"),
        *("label_smoothing", "augmentation", "mixup"),
    ),
    "Callbacks": (
        *("monitor", "early_stopping_patience", "early_stopping_monitor"),
        *("plateau_patience", "plateau_factor"),
    ),
}
"""Which fields stand in which group; what is named nowhere belongs to the optimiser."""

ORDER = ("Model", "Optimiser", "Data", "Callbacks")

MAIN = {
    *("architecture", "widths", "activation", "weights", "input_size"),
    *("epochs", "batch_size", "optimizer", "learning_rate", "schedule"),
    *("dataset", "exclude", "targets", "vote_share", "class_weights", "given_weights"),
    *("rotation", "zoom", "shift", "flip"),
    *("monitor", "early_stopping_patience"),
}
"""The fields in sight; the others of a group are a click away."""

SUGGESTED = {"weights": ("imagenet", "none")}
"""Texts that are mostly one of a few."""


def show_train_form() -> TrainConfig:
    """Show the form and return what it says.

    Raises:
        UserError: a value is wrong; the sentence names it.
    """
    values: Values = {}
    columns = dict(zip(ORDER, st.columns(4, gap="medium"), strict=True))
    for group in ORDER:
        with columns[group].container(gap="small"):
            st.subheader(group)
            _show_group(_fields_of(group), values)
    try:
        return TrainConfig.model_validate(values)
    except ValidationError as error:
        raise explain(error) from error


def _fields_of(group: str) -> list[str]:
    placed = [name for names in GROUPS.values() for name in names]
    rest = [name for name in TrainConfig.model_fields if name not in placed]
    return list(GROUPS.get(group, rest))


def _show_group(names: list[str], values: Values) -> None:
    shown = st.container(gap="small")
    more = st.expander("More")
    hidden = 0
    for name in names:
        part = _part(name, values)
        if part is None:
            field = TrainConfig.model_fields[name]
            hidden += _place(name, field, values, values, f"train.{name}", (shown, more))
            continue
        inner: Values = values.setdefault(name, {})
        for own, field in part.model_fields.items():
            key = f"train.{part.__name__}.{own}"
            hidden += _place(own, field, inner, values, key, (shown, more))
    if not hidden:
        more.caption("No more fields.")


def _part(name: str, values: Values) -> type[BaseModel] | None:
    """Return the model a nested field is made from."""
    if name == "model":
        return ARCHITECTURES[values["architecture"]]
    return Augmentation if name == "augmentation" else None


def _place(
    name: str, field: FieldInfo, into: Values, values: Values, key: str, places: tuple[Any, Any]
) -> int:
    """Show one field in sight or a click away, if it applies; return how many are a click away."""
    if not applies(name, values):
        return 0
    with places[0] if name in MAIN else places[1]:
        into[name] = _widget(name, field, key, values)
    return int(name not in MAIN)


def _widget(name: str, field: FieldInfo, key: str, values: Values) -> Any:
    options: dict[str, Any] = {
        "label": name.replace("_", " ").capitalize(),
        "help": field.description,
        "key": key,
        "persist_state": "session",
    }
    kind = field.annotation
    if name == "dataset":
        return st.selectbox(options=dataset_names(), **options)
    if name == "exclude":
        return st.selectbox(options=lists_of(values), index=None, placeholder="none", **options)
    if name in SUGGESTED:
        choices = SUGGESTED[name]
        index = choices.index(field.default)
        return st.selectbox(options=choices, index=index, accept_new_options=True, **options)
    if get_origin(kind) is Literal:
        return st.selectbox(
            options=get_args(kind), index=get_args(kind).index(field.default), **options
        )
    if kind is bool:
        return st.toggle(value=field.default, **options)
    if kind in (int, float):
        return _number(field, options, whole=kind is int)
    return _text(field, options)


def _number(field: FieldInfo, options: Values, *, whole: bool) -> Any:
    low, high = bounds(field)
    if whole:
        return st.number_input(
            value=field.default,
            min_value=None if low is None else int(low),
            max_value=None if high is None else int(high),
            step=1,
            **options,
        )
    return st.number_input(
        value=float(field.default),
        min_value=low,
        max_value=high,
        step=step_of(field.default, high),
        format="%g",
        **options,
    )


def bounds(field: FieldInfo) -> tuple[float | None, float | None]:
    """Return the smallest and largest value to offer; an excluded end is checked afterwards."""
    low = high = None
    for rule in field.metadata:
        if isinstance(rule, (Ge, Gt)):
            low = float(str(rule.ge if isinstance(rule, Ge) else rule.gt))
        if isinstance(rule, (Le, Lt)):
            high = float(str(rule.le if isinstance(rule, Le) else rule.lt))
    return low, high


def step_of(default: float, high: float | None) -> float:
    """Return how far a click on plus or minus goes."""
    if high is not None and high > 10:
        return 1.0
    return 0.05 if default >= 0.05 or default == 0 else 0.0005


def _text(field: FieldInfo, options: Values) -> str | list[str]:
    """Ask for a text, or for a list separated by commas."""
    if isinstance(field.default, tuple):
        text = st.text_input(value=", ".join(map(str, field.default)), **options)
        return [word.strip() for word in text.split(",") if word.strip()]
    return st.text_input(value=str(field.default), **options)
