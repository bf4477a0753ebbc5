"""A grid of faces that wraps, in pages; a face can be clicked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.components.faces import data_uri
from pipeline.labels import COLOURS

_HERE = Path(__file__).parent
_GRID = st.components.v2.component(
    "face_gallery",
    html='<div class="gallery"></div>',
    css=(_HERE / "gallery.css").read_text(),
    js=(_HERE / "gallery.js").read_text(),
)


@dataclass(frozen=True)
class Tile:
    """A face as the gallery shows it.

    Args:
        face: uint8, grey (48, 48) or drawn upon, BGR (h, w, 3).
        caption: plain text; where it begins with an emotion, a dot of its colour goes before it.
        mark: a second, smaller line, or nothing.
        picked: whether the face is framed.
    """

    face: NDArray[np.uint8]
    caption: str
    mark: str = ""
    picked: bool = False


def gallery(
    key: str,
    n: int,
    tiles: Callable[[slice], Sequence[Tile]],
    *,
    per_page: int = 48,
    clickable: bool = True,
    reveal: bool = False,
) -> int | None:
    """Show faces in a grid, one page at a time.

    Args:
        key: names the page control; another gallery on the same page needs another.
        n: how many faces there are on all pages.
        tiles: makes the tiles of a part of them, so that only a page's faces are read.
        per_page: faces shown at once.
        clickable: whether a click on a face is told.
        reveal: scroll to the faces now.

    Returns:
        The number of the face that was clicked just now, 0 to n - 1, or None.
    """
    pages = max(1, -(-n // per_page))
    page = int(st.session_state.get(key) or 1)
    if page > pages:
        st.session_state[key] = page = 1
    start = (page - 1) * per_page
    end = min(start + per_page, n)
    shown = tiles(slice(start, end))
    clicked = tile_grid(f"{key} tiles", shown, clickable=clickable, reveal=reveal)
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.pagination(pages, key=key)
            st.caption(f"Faces {start + 1:,}-{end:,} of {n:,}", width="content")
    return None if clicked is None else start + clicked


def tile_grid(
    key: str,
    tiles: Sequence[Tile],
    *,
    side: int = 96,
    clickable: bool = True,
    reveal: bool = False,
) -> int | None:
    """Show tiles in a grid without pages.

    Args:
        key: names the grid on the page.
        tiles: the faces.
        side: the least width of a face in pixels.
        clickable: whether a click on a face is told.
        reveal: scroll to the faces now.

    Returns:
        The number of the face that was clicked just now, or None.
    """
    data = {
        "tiles": [_drawable(tile) for tile in tiles],
        "side": side,
        "clickable": clickable,
        "reveal": reveal,
    }
    clicked = _GRID(key=key, data=data, on_clicked_change=lambda: None).clicked
    return None if clicked is None or clicked >= len(tiles) else int(clicked)


def _drawable(tile: Tile) -> dict[str, str | bool | None]:
    return {
        "source": data_uri(tile.face),
        "caption": tile.caption,
        "colour": COLOURS.get(tile.caption.split(" ", 1)[0]),
        "mark": tile.mark,
        "picked": tile.picked,
    }
