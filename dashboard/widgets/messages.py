"""Messages whose text is shown as it is, such as an error that quotes a name."""

import streamlit as st

from dashboard.widgets.markdown import escape_markdown
from pipeline.errors import UserError


def show_error(message: str | Exception) -> None:
    """Show what failed, and how to mend it."""
    st.error(_text(message), icon=":material/error:")


def show_warning(message: str | Exception) -> None:
    """Show what to look at, or what is missing because it failed."""
    st.warning(_text(message), icon=":material/warning:")


def _text(message: str | Exception) -> str:
    return escape_markdown(message.on_page if isinstance(message, UserError) else str(message))
