"""Presenter mode: the video fills the window, with large labels and nothing else."""

from pathlib import Path

import streamlit as st

from dashboard.views.live.webrtc import is_playing

_PRESENTING = "live.presenting"
_CSS = Path(__file__).with_name("presenter.css")


def presenting() -> bool:
    """Return whether presenter mode is on; it ends with the video."""
    return bool(st.session_state.get(_PRESENTING)) and is_playing()


def presenter_css() -> str:
    """Return the style of presenter mode while it is on."""
    return _CSS.read_text() if presenting() else ""


def show_presenter() -> None:
    """Offer presenter mode."""
    st.button(
        "Presenter mode",
        icon=":material/fullscreen:",
        key="live.present",
        help="The video fills the window, with large labels. Esc leaves, Q stops the camera.",
        on_click=st.session_state.update,
        args=({_PRESENTING: True},),
    )


def show_leave() -> None:
    """Show the button that leaves presenter mode, and bind Esc to it."""
    if presenting():
        st.button(
            "Leave",
            icon=":material/fullscreen_exit:",
            key="live_leave",
            shortcut="Esc",
            on_click=st.session_state.pop,
            args=(_PRESENTING, None),
        )
    elif not is_playing():
        st.session_state.pop(_PRESENTING, None)
