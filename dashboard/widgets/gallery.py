"""A paginated grid of clickable faces."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pipeline.labels import COLORS
from pipeline.report.face_images import data_uri

_HERE = Path(__file__).parent
_NUMBERED_PAGES = 7
"""Up to this many pages, the control shows the number of each."""
_MIN_PAGINATED = 5
"""For fewer pages `st.pagination` leaves out numbers, whatever its width."""
_GRID = st.components.v2.component(
    "face_gallery",
    html='<div class="gallery"></div>',
    css=(_HERE / "gallery.css").read_text(),
    js=(_HERE / "gallery.js").read_text(),
    isolate_styles=False,  # else focus cannot return to a tile when its dialog is closed
)


@dataclass(frozen=True)
class Tile:
    """A face as the gallery shows it.

    Args:
        face: uint8, gray (48, 48) or drawn upon, BGR (h, w, 3).
        caption: plain text; if it starts with an emotion, a dot of its color is shown before it.
        mark: a second, smaller line; empty for none.
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
    per_page: int,
    reveal: bool = False,
) -> int | None:
    """Show faces in a grid, one page at a time.

    Args:
        key: names the page control; another gallery on the same page needs another.
        n: number of faces on all pages.
        tiles: makes the tiles of a slice of the faces, so that only one page is read.
        per_page: faces per page.
        reveal: whether to scroll to the faces now.

    Returns:
        The position of the face that was clicked just now, 0 to n - 1, or None.
    """
    pages = max(1, -(-n // per_page))
    page = int(st.session_state.get(key) or 1)
    if page > pages:
        st.session_state[key] = page = 1
    start = (page - 1) * per_page
    end = min(start + per_page, n)
    clicked = tile_grid(f"{key} tiles", tiles(slice(start, end)), reveal=reveal)
    if pages > 1:
        with st.container(horizontal=True, vertical_alignment="center"):
            _show_pages(pages, key)
            if pages > _NUMBERED_PAGES:
                _go_to_page(pages, key)
            st.caption(
                f"Page {page:,} of {pages:,} · faces {start + 1:,}–{end:,} of {n:,}",
                width="content",
            )
    return None if clicked is None else start + clicked


def _show_pages(pages: int, key: str) -> None:
    if pages >= _MIN_PAGINATED:
        st.pagination(pages, key=key)
        return
    st.session_state[key] = st.session_state.get(key) or 1
    numbers = range(1, pages + 1)
    st.segmented_control("Page", numbers, required=True, key=key, label_visibility="collapsed")


def _go_to_page(pages: int, key: str) -> None:
    """Let the user type a page that the control leaves out."""
    asked = f"{key} page"
    st.session_state[asked] = st.session_state.get(key) or 1

    def go() -> None:
        st.session_state[key] = st.session_state[asked]

    st.number_input(
        "Page", 1, pages, key=asked, on_change=go, label_visibility="collapsed", width=110
    )


def tile_grid(
    key: str, tiles: Sequence[Tile], *, side: int = 96, reveal: bool = False
) -> int | None:
    """Show tiles in a grid without pages.

    Args:
        key: names the grid on the page.
        tiles: the faces.
        side: the minimum width of a face in pixels.
        reveal: whether to scroll to the faces now.

    Returns:
        The index of the tile that was clicked just now, or None.
    """
    data = {"tiles": [_drawable(tile) for tile in tiles], "side": side, "reveal": reveal}
    clicked = _GRID(key=key, data=data, on_clicked_change=lambda: None).clicked
    return None if clicked is None or clicked >= len(tiles) else int(clicked)


def _drawable(tile: Tile) -> dict[str, str | bool | None]:
    return {
        "source": data_uri(tile.face),
        "caption": tile.caption,
        "color": COLORS.get(tile.caption.split(" ", 1)[0]),
        "mark": tile.mark,
        "picked": tile.picked,
    }
