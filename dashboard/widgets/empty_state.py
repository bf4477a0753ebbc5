"""What a view shows before it has results: what they are, and the one step to get them."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st


@contextmanager
def empty_state(title: str, text: str) -> Iterator[None]:
    """Show in a frame what a view is for; within, show the button of the next step.

    Args:
        title: what is missing, such as "No audit yet"; a literal, Markdown.
        text: what the view would show and what that takes; a literal, Markdown.
    """
    with st.container(border=True):
        st.markdown(f"**{title}**")
        st.markdown(text)
        yield
