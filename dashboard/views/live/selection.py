"""Choice of the face detector."""

import streamlit as st

from pipeline.vision.detectors import available_detectors


def pick_detector() -> str:
    """Let the user choose a face detector, if there is more than one."""
    names = available_detectors()
    if len(names) == 1:
        return names[0]
    return str(
        st.selectbox(
            "Detector",
            names,
            key="live.detector",
            persist_state="session",
            width=140,
            help="What finds the faces: haar those seen from the front; yunet turned ones, too.",
        )
    )
