"""One recognised face: the picture that the model sees, and its seven probabilities."""

import base64

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.charts.probabilities import probability_bars

_SIDE = 96


def face_card(
    title: str, picture: NDArray[np.uint8], probabilities: NDArray[np.float32], key: str
) -> None:
    """Show a face, uint8 (48, 48), at twice its size beside its bars, float32 (7,)."""
    with st.container(border=True):
        st.markdown(title)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.image(_data_uri(picture), width=_SIDE)
            st.plotly_chart(
                probability_bars(probabilities), key=key, config={"displayModeBar": False}
            )


def _data_uri(picture: NDArray[np.uint8]) -> str:
    """Encode inside the page: a picture that changes twice a second needs no file on the server."""
    large = cv2.resize(picture, (2 * _SIDE, 2 * _SIDE), interpolation=cv2.INTER_NEAREST)
    png = cv2.imencode(".png", large)[1].tobytes()
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
