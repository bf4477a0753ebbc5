"""One recognised face: the picture that the model sees, and its seven probabilities."""

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.faces import data_uri
from pipeline.labels import COLOURS, EMOTIONS

_SIDE = 96
_GRID = (
    "display:grid;grid-template-columns:max-content 1fr;gap:2px 8px;align-items:center;"
    "font-size:0.8rem;line-height:1.25"
)


def face_card(
    title: str, picture: NDArray[np.uint8] | None, probabilities: NDArray[np.float32]
) -> None:
    """Show a face, uint8 (48, 48), at twice its size beside its bars, float32 (7,).

    Args:
        title: Markdown.
        picture: what the model sees; None shows the bars alone.
        probabilities: in the order of `EMOTIONS`.
    """
    with st.container(border=True, gap="small"):
        st.markdown(title)
        with st.container(horizontal=True, vertical_alignment="center"):
            if picture is not None:
                large = cv2.resize(picture, (2 * _SIDE, 2 * _SIDE), interpolation=cv2.INTER_NEAREST)
                st.image(data_uri(large), width=_SIDE)
            st.html(probability_bars(probabilities), width="stretch")


def probability_bars(probabilities: NDArray[np.float32]) -> str:
    """Return a bar an emotion as HTML, which a browser redraws at next to no cost.

    Args:
        probabilities: float32 (7,); a bar of 1 takes all the room but for its number's.
    """
    rows = "".join(
        f'<span>{emotion}</span><span style="display:flex;align-items:center;gap:6px">'
        f'<span style="width:{80 * share:.1f}%;height:11px;min-width:1px;border-radius:2px;'
        f'background:{COLOURS[emotion]}"></span>{share:.1%}</span>'
        for emotion, share in zip(EMOTIONS, probabilities, strict=True)
    )
    return f'<div style="{_GRID}">{rows}</div>'
