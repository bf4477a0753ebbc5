"""A segmented control without a visible label."""

from collections.abc import Iterable
from typing import Any, TypeVar, cast

import streamlit as st

Option = TypeVar("Option", bound=str)


def choice_bar(
    label: str,
    options: Iterable[Option],
    key: str,
    default: Option | None = None,
    **parameters: Any,
) -> Option:
    """Show a segmented control in which one option is always selected, and return that option.

    Args:
        label: hidden; for screen readers.
        options: at least one.
        key: of the control; by default also its query parameter.
        default: the option selected at first, by default the first one.
        parameters: of `st.segmented_control`; `persist_state` replaces the query parameter.
    """
    options = list(options)
    if "persist_state" not in parameters:
        parameters["bind"] = "query-params"
    parameters |= {"default": default or options[0], "required": True, "key": key}
    selected = st.segmented_control(label, options, label_visibility="collapsed", **parameters)
    return cast(Option, selected)
