"""Keep the keyboard's place on the page when what has the focus vanishes."""

from pathlib import Path

import streamlit as st

_KEEPER = st.components.v2.component(
    "focus", html="<div></div>", js=Path(__file__).with_suffix(".js").read_text()
)


def keep_focus() -> None:
    """Move the focus to what stands in place of an element that vanishes; once on each page."""
    _KEEPER(key="focus")
