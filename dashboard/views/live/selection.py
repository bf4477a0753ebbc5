"""Choice of the face detector."""

import streamlit as st

from pipeline.vision.detectors import available_detectors

_HELP = (
    "What finds the faces. haar: upright faces, seen from the front. blazeface: tilted and partly "
    "covered ones, too, but fewer of the upright ones. auto: both, where there is time. yunet: if "
    "its file is there."
)


def pick_detector() -> str:
    """Let the user choose a face detector, if there is more than one."""
    names = available_detectors()
    if len(names) == 1:
        return names[0]
    return str(
        st.selectbox(
            "Detector",
            names,
            key="live_detector",
            bind="query-params",
            width=140,
            help=_HELP,
        )
    )
