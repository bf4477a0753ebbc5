"""Choice of one or several models, shown with their data set and accuracy, grouped by data set."""

from collections.abc import Sequence

import streamlit as st

from dashboard import resources
from dashboard.widgets.address import missing_choices, read_choice, write_choice
from dashboard.widgets.markdown import escape_markdown
from pipeline.report.model_list import ModelEntry, best_model
from pipeline.runs import Run

MAX_PRESELECTED = 6
_WIDTH_PX = 450  # narrow pages show it in a row of its own


def pick_model(key: str, models: Sequence[ModelEntry], *, real_faces: bool = False) -> Run | None:
    """Let the user choose a model; the best one is preselected.

    Args:
        key: `<key>_model` is the widget and the query parameter.
        models: see `model_entries`; at least one.
        real_faces: whether it is for real faces: a model of synthetic faces is never preselected
            then, and warned of.

    Returns:
        The model; None before one is chosen.
    """
    by_name, widget = {entry.run.name: entry for entry in models}, f"{key}_model"
    state = st.session_state
    state[f"{widget}.gone"] = missing_choices(widget, by_name)
    if asked := read_choice(widget, by_name):
        state[widget] = asked[0]
    if state.get(widget) not in by_name:
        first = best_model(models) or next((e for e in models if not e.synthetic), None)
        if first is None and not real_faces:
            first = models[0]
        state.pop(widget, None)
        if first is not None:
            state[widget] = first.run.name
    name = st.selectbox(
        "Model",
        list(by_name),
        index=0 if widget in state else None,
        format_func=lambda name: by_name[name].label,
        placeholder="Choose a model",
        key=widget,
        persist_state="session",
        width=_WIDTH_PX,
    )
    write_choice(widget, [name] if name else [])
    return by_name[name].run if name else None


def pick_models(key: str, models: Sequence[ModelEntry]) -> list[Run]:
    """Let the user choose any number of models, or all of them.

    Up to six are preselected: the first ones that learned from the same data as the best.

    Args:
        key: `<key>_models` is the widget and the query parameter.
        models: see `model_entries`; at least one.
    """
    by_name, widget = {entry.run.name: entry for entry in models}, f"{key}_models"
    state = st.session_state
    state[f"{widget}.gone"] = missing_choices(widget, by_name)
    if asked := read_choice(widget, by_name):
        state[widget] = asked
    if widget not in state:
        state[widget] = [entry.run.name for entry in _preselected(models)]
    state[widget] = [name for name in state[widget] if name in by_name]
    chosen = st.container()
    every = len(models) > MAX_PRESELECTED and st.toggle(
        f"All {len(models)} models", key=f"{key}_all", bind="query-params"
    )
    with chosen:
        names = st.multiselect(
            "Models",
            list(by_name),
            format_func=lambda name: by_name[name].label,
            key=widget,
            persist_state="session",
            placeholder="Choose models",
            wrap=True,
            disabled=every,
        )
    write_choice(widget, names)
    return [by_name[name].run for name in (by_name if every else names)]


def _preselected(models: Sequence[ModelEntry]) -> list[ModelEntry]:
    first = best_model(models) or models[0]
    same = [entry for entry in models if entry.fingerprint == first.fingerprint]
    return same[:MAX_PRESELECTED]


def show_notes(widget: str, shown: Sequence[Run], *, real_faces: bool = False) -> None:
    """Say, once, which models of the address do not exist, and warn of models of synthetic faces.

    Args:
        widget: `<key>_model` or `<key>_models`.
        shown: the models that were chosen.
        real_faces: whether they are used on real faces.
    """
    names = {entry.run.name: entry for entry in resources.models()}
    if gone := st.session_state.pop(f"{widget}.gone", []):
        instead = ", ".join(names[model.name].title for model in shown)
        st.warning(
            f"There is no model '{escape_markdown(', '.join(gone))}' any more"
            f"{f'; {escape_markdown(instead)} is taken in its place' if shown else ''}.",
            icon=":material/warning:",
        )
    synthetic = [names[model.name].title for model in shown if names[model.name].synthetic]
    if synthetic and real_faces:
        st.warning(
            f"{escape_markdown(', '.join(synthetic))}: trained on synthetic faces, so that on real "
            "faces the predictions mean little.",
            icon=":material/science:",
        )
