"""The widget of each field of the training form, and the session state it stores."""

from collections.abc import Mapping
from math import floor, log10
from typing import Any

import streamlit as st

from dashboard import resources
from dashboard.views.train.fields import ACCEPTS_NEW, FormField, choice_label, choices
from dashboard.widgets.markdown import escape_markdown
from pipeline.labels import EMOTIONS

_STEPS = {
    **{"weight_decay": 0.0001, "ema_momentum": 0.001, "rotation": 1.0},
    **{"early_stopping_min_delta": 0.001, "plateau_min_delta": 0.0001, "plateau_min_lr": 1e-6},
}
"""Step sizes other than the default of their kind of number."""

Options = dict[str, Any]


def field_widget(field: FormField, values: Mapping[str, Any]) -> Any:
    """Show the widget of a field and return its value, as TrainConfig takes it.

    Args:
        field: the field.
        values: the values of the fields above it in the form.
    """
    if not field.info.is_required():
        for key, state in widget_state(field, field.info.default).items():
            st.session_state.setdefault(key, state)
    options: Options = {"label": field.label, "help": field.help, "key": field.key}
    options["persist_state"] = "session"
    if field.name in ("dataset", "exclude", "weights") or choices(field, values):
        return _choice(field, values, options)
    if field.info.annotation is bool:
        return st.toggle(**options)
    if field.info.annotation is int:
        return _integer(field, options)
    if field.info.annotation is float:
        return _slider(field, options) if field.part == "augmentation" else _number(field, options)
    if field.name == "given_weights":
        return _weights(field)
    return _text(field, options)


def widget_state(field: FormField, value: Any) -> dict[str, Any]:
    """Return what the widget of a field stores for a value: key → state."""
    if field.name == "given_weights":
        return {_weight_key(field, e): w for e, w in zip(EMOTIONS, value, strict=True)}
    if field.name == "exclude":
        return {field.key: list(value)}
    return {field.key: ", ".join(map(str, value)) if isinstance(value, tuple) else value}


def step_size(field: FormField, value: float) -> float:
    """Return the step of the plus and minus buttons; that of learning rates follows their value.

    Args:
        field: a field of real numbers.
        value: its value.
    """
    if field.name in _STEPS:
        return _STEPS[field.name]
    if field.name.endswith("learning_rate") and value > 0:
        return round(10.0 ** (floor(log10(value)) - 1), 12)
    return 0.05


def _choice(field: FormField, values: Mapping[str, Any], options: Options) -> Any:
    offered = choices(field, values)
    if field.name == "dataset":
        trained = (row.dataset for row in resources.runs().rows() if row.dataset in offered)
        st.session_state.setdefault(field.key, next(trained, next(iter(offered), None)))
        # With 0 it cannot be cleared; with None one that is gone is not replaced by another.
        index = 0 if st.session_state[field.key] in offered else None
        return st.selectbox(options=offered, index=index, placeholder="choose one", **options)
    if field.name == "exclude":
        lists = st.session_state[field.key]
        st.session_state[field.key] = [name for name in lists if name in offered]
        return st.multiselect(options=offered, placeholder="none", **options)
    return st.selectbox(
        options=offered,
        format_func=choice_label(field, values),
        accept_new_options=field.name in ACCEPTS_NEW,
        **options,
    )


# Without bounds: with them a browser keeps what is out of them to itself, and the form would start
# with the value before.
def _integer(field: FormField, options: Options) -> int:
    return st.number_input(step=1, **options)


def _number(field: FormField, options: Options) -> float:
    step = step_size(field, st.session_state[field.key])
    return st.number_input(step=step, format="%g", **options)


def _slider(field: FormField, options: Options) -> Any:
    low, high = field.bounds
    step = _STEPS.get(field.name, 0.01)
    return st.slider(min_value=low, max_value=high, step=step, format="%.4g", **options)


def _weights(field: FormField) -> list[float]:
    st.caption(escape_markdown(field.label), help=escape_markdown(field.help))
    with st.grid(4, min_column_width=50, gap="xsmall"):
        return [
            st.number_input(
                emotion,
                min_value=0.0,
                step=0.1,
                format="%g",
                key=_weight_key(field, emotion),
                persist_state="session",
            )
            for emotion in EMOTIONS
        ]


def _weight_key(field: FormField, emotion: str) -> str:
    return f"{field.key}.{emotion}"


def _text(field: FormField, options: Options) -> str | list[str]:
    """Show a text input; a tuple's values are separated by commas."""
    text: str = st.text_input(**options)
    return text.split(",") if isinstance(field.info.default, tuple) else text
