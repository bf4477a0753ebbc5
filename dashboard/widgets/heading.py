"""A heading that is level with one beside it."""

import streamlit as st

_ROW_PX = 30


def level_heading(text: str, help: str | None = None) -> None:
    """Show a heading as high as a row of a heading and a segmented control, to stand beside it.

    What stands below both lines up, too.
    """
    with st.container(horizontal=True, vertical_alignment="center", height=_ROW_PX, border=False):
        st.header(text, help=help)
