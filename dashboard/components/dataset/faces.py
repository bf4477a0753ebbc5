"""All faces of a data set, filtered as its user likes."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import resources
from dashboard.components.dataset import selection
from dashboard.components.dataset.filters import ORDERS, WRONG, Filters
from dashboard.components.dataset.known import KnownFaces
from pipeline.data.exclusions import exclusion_names
from pipeline.data.votes import MAJORITIES
from pipeline.labels import EMOTIONS
from pipeline.runs import list_models


def show_filters(known: KnownFaces, filters: Filters) -> None:
    """Show the choices that leave some of the faces; each follows the chosen filters.

    Args:
        known: what is known of the data set.
        filters: the chosen filters.
    """
    with st.grid(4, min_column_width=150, gap="small", vertical_alignment="bottom"):
        _choice("Split", "split", known.dataset.split_names(), filters)
        _choice("Label", "emotion", EMOTIONS, filters)
        if known.audit is not None:
            _choice("Defect", "finding", known.audit.known(), filters)
        if known.dataset.votes is not None:
            _choice("FER+ says", "majority", MAJORITIES, filters)
        _choice("A model says", "said", _sayings(known), filters)
        _choice("Exclusion list", "excluded", exclusion_names(known.dataset.name), filters)
        _id_search(filters)
        _choice("Order", "order", list(ORDERS), filters)


def _choice(label: str, kind: str, options: Sequence[Any], filters: Filters) -> None:
    """Show a choice of one filter's value; nothing to choose from is no choice."""
    if not options:
        return
    key = f"dataset.filter.{kind}"
    st.session_state[key] = filters.get(kind)

    def change() -> None:
        value = st.session_state[key]
        if value is None:
            selection.drop(kind)
        else:
            selection.add(kind, value)

    st.selectbox(
        label,
        options if filters.get(kind) in (None, *options) else [*options, filters[kind]],
        format_func=_words,
        index=None,
        placeholder="any" if kind != "order" else "as it comes",
        key=key,
        on_change=change,
    )


def _words(value: Any) -> str:
    """Return a value as its box shows it: what was said goes before who said it."""
    return " · ".join(reversed(value)) if isinstance(value, tuple) else value.replace("_", " ")


def _id_search(filters: Filters) -> None:
    st.session_state["dataset.filter.id"] = filters.get("id", "")

    def change() -> None:
        text = st.session_state["dataset.filter.id"].strip()
        if text:
            selection.add("id", text)
        else:
            selection.drop("id")

    st.text_input("Id", placeholder="fer0000123", key="dataset.filter.id", on_change=change)


def _sayings(known: KnownFaces) -> list[tuple[str, str]]:
    """Return what can be asked of each model whose word on these faces is stored."""
    names = [m.name for m in list_models() if resources.evaluations(m, known.dataset.fingerprint)]
    return [(name, said) for name in names for said in (WRONG, *EMOTIONS)]
