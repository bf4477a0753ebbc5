"""The presets above the form: what each is for, how long it takes, how accurate it becomes."""

from contextlib import suppress

import streamlit as st

from dashboard.views.train.form import PRESET, fill_form
from dashboard.widgets.markdown import escape_markdown
from pipeline.config.presets import PRESETS, preset_config
from pipeline.config.train_config import TrainConfig
from pipeline.data.store import dataset_names
from pipeline.errors import UserError
from pipeline.queue.experiment import fields_of

_FIRST = "quick"
_MAX_NAMED = 4


def show_presets() -> None:
    """Show the presets to choose from; the form is filled with the chosen one."""
    if PRESET not in st.session_state:
        st.session_state[PRESET] = _FIRST
        _fill()
    st.radio(
        "Preset",
        PRESETS,
        format_func=lambda name: escape_markdown(PRESETS[name].label),
        captions=[escape_markdown(f"{each.summary} {each.measured}") for each in PRESETS.values()],
        key=PRESET,
        on_change=_fill,
        persist_state="session",
    )
    st.caption(
        "As we measured them: times on 2 processor cores (Balanced and Best: Intel Xeon with AMX), "
        "accuracies on the sample's validation faces and on FER-2013's PublicTest."
    )


def _fill() -> None:
    """Fill the form with the chosen preset, for the data set that the form has."""
    name, dataset = st.session_state[PRESET], st.session_state.get("train.dataset")
    names = dataset_names()
    with suppress(UserError):  # a damaged data set, which the form itself names
        config = preset_config(name, dataset if dataset in names else names[0])
        exclude = tuple(st.session_state.get("train.exclude", ()))
        fill_form(config.model_copy(update={"exclude": exclude}), preset=name)


def show_changes(config: TrainConfig) -> None:
    """Say which fields of the form's configuration differ from the chosen preset, if any do."""
    name, label, start = _start(config)
    if name and (differing := _differing(config, start)):
        st.caption(escape_markdown(f"Changed from {label}: {_listed(differing)}."))


def show_reset(config: TrainConfig) -> None:
    """Offer to reset the form to the chosen preset, or to the defaults.

    The button is always there: one that vanished when it is pressed would lose the focus.
    """
    name, label, start = _start(config)
    reset = f"Reset to {escape_markdown(label)}"
    st.button(reset, type="tertiary", on_click=fill_form, args=(start, None, name))


def _start(config: TrainConfig) -> tuple[str | None, str, TrainConfig]:
    """Return the preset that the form started from, its label and its configuration."""
    if name := st.session_state.get(PRESET):
        start = preset_config(name, config.dataset)
        return name, PRESETS[name].label, start.model_copy(update={"exclude": config.exclude})
    return None, "defaults", TrainConfig.model_validate({"dataset": config.dataset})


def _differing(config: TrainConfig, start: TrainConfig) -> list[str]:
    """Return the names of the fields that differ, those of another architecture as one."""
    if config.architecture != start.architecture:
        return ["architecture"]
    values, before = fields_of(config), fields_of(start)
    return [name for name in values if values[name] != before[name]]


def _listed(names: list[str]) -> str:
    words = [name.replace("_", " ") for name in names]
    more = len(words) - _MAX_NAMED
    return ", ".join(words[:_MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
