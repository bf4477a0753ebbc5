"""A grid of faces with a chip each, in pages. Sends one block of HTML a page, not one element."""

import base64
from collections.abc import Sequence
from html import escape

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pipeline.labels import COLOURS

_SIDE_PX = 96
_STYLE = f"""<style>
.gallery {{ display: grid; gap: 12px;
  grid-template-columns: repeat(auto-fill, minmax({_SIDE_PX}px, 1fr)); }}
.gallery figure {{ margin: 0; min-width: 0; }}
.gallery img {{ display: block; width: 100%; max-width: {2 * _SIDE_PX}px; aspect-ratio: 1;
  border-radius: 6px; }}
.gallery figcaption {{ margin-top: 4px; font-size: 0.8rem; line-height: 1.3;
  overflow-wrap: anywhere; }}
.gallery i {{ display: inline-block; width: 0.6em; height: 0.6em; margin-right: 0.35em;
  border-radius: 50%; }}
</style>"""


def gallery(
    key: str, faces: NDArray[np.uint8], captions: Sequence[str], per_page: int = 48
) -> None:
    """Show faces in a grid that wraps, one page at a time.

    A caption that begins with an emotion gets a dot of that emotion's colour.

    Args:
        key: names the page control; another gallery on the same page needs another.
        faces: uint8 (n, 48, 48), 0-255.
        captions: one a face, plain text.
        per_page: faces shown at once.
    """
    pages = max(1, -(-len(faces) // per_page))
    page = int(st.session_state.get(key) or 1)
    if page > pages:
        st.session_state[key] = page = 1
    start = (page - 1) * per_page
    shown = slice(start, start + per_page)
    st.html(gallery_html(faces[shown], captions[shown]))
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.pagination(pages, key=key)
            last = min(start + per_page, len(faces))
            st.caption(f"Faces {start + 1:,}-{last:,} of {len(faces):,}", width="content")


def gallery_html(faces: NDArray[np.uint8], captions: Sequence[str]) -> str:
    """Return the grid as HTML: each face a PNG data URI, its caption escaped."""
    items = (_figure(face, caption) for face, caption in zip(faces, captions, strict=True))
    return f'{_STYLE}<div class="gallery">{"".join(items)}</div>'


def _figure(face: NDArray[np.uint8], caption: str) -> str:
    png = base64.b64encode(cv2.imencode(".png", face)[1].tobytes()).decode()
    colour = COLOURS.get(caption.split(" ", 1)[0])
    dot = f'<i style="background: {colour}"></i>' if colour else ""
    text = escape(caption)
    return (
        f'<figure><img src="data:image/png;base64,{png}" alt="{text}">'
        f"<figcaption>{dot}{text}</figcaption></figure>"
    )
