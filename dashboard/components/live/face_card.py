"""One recognised face: the picture that the model sees, and its seven probabilities."""

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.charts.probabilities import probability_bars
from dashboard.components.faces import data_uri

_SIDE = 96


def face_card(
    title: str, picture: NDArray[np.uint8] | None, probabilities: NDArray[np.float32], key: str
) -> None:
    """Show a face, uint8 (48, 48), at twice its size beside its bars, float32 (7,).

    Args:
        title: Markdown.
        picture: what the model sees; None shows the bars alone.
        probabilities: in the order of `EMOTIONS`.
        key: names the chart.
    """
    with st.container(border=True):
        st.markdown(title)
        with st.container(horizontal=True, vertical_alignment="center"):
            if picture is not None:
                large = cv2.resize(picture, (2 * _SIDE, 2 * _SIDE), interpolation=cv2.INTER_NEAREST)
                st.image(data_uri(large), width=_SIDE)
            st.plotly_chart(
                probability_bars(probabilities), key=key, config={"displayModeBar": False}
            )
