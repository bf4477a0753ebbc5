"""Filters of a page's faces, set by clicks on charts and shown as removable chips."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray

from dashboard.widgets.address import read_parameter
from dashboard.widgets.markdown import escape_markdown
from pipeline.report.charts.style import NO_MODE_BAR

Faces = TypeVar("Faces")
Mask = NDArray[np.bool_]


def _always(faces: Any, value: Any) -> bool:
    return True


@dataclass(frozen=True)
class Filter(Generic[Faces]):
    """A filter that selects faces by a value.

    Args:
        label: value → text of its chip.
        mask: faces and value → which of the n faces match, bool (n,).
        is_valid: faces and value → whether the value can be used for these faces.
    """

    label: Callable[[Any], str]
    mask: Callable[[Faces, Any], Mask]
    is_valid: Callable[[Faces, Any], bool] = _always


class FaceFilters(Generic[Faces]):
    """The filters of one page, each with its value.

    Each view of the page has its own, see `enter`. Values are stored in the session state under
    `<page>.filters`, or in the query parameters `<page>_<name>`, so that a link opens the same
    faces. The session state may also hold other names such as `order`; they are dropped with the
    last filter.

    Args:
        page: name of the page.
        filters: name → filter.
        in_address: whether the values, which must be str, are query parameters.
        on_change: called after every change.
    """

    def __init__(
        self,
        page: str,
        filters: Mapping[str, Filter[Faces]],
        *,
        in_address: bool = False,
        on_change: Callable[[], None] = lambda: None,
    ) -> None:
        self.filters = filters
        self.gallery_key = f"{page}.gallery"
        self._page, self._in_address, self._on_change = page, in_address, on_change
        self._values_key, self._reveal_key = f"{page}.filters", f"{page}.reveal"
        self._view_key, self._by_view_key = f"{page}.filters in", f"{page}.filters by view"

    def enter(self, view: str, *, refines: bool = False) -> None:
        """Show a view's own filters in place of those of the view before; call it in each run.

        The first view takes those that are set already, such as a link's.

        Args:
            view: the view that is shown.
            refines: whether it takes those of the view before if it has none of its own.
        """
        state = st.session_state
        by_view = state.setdefault(self._by_view_key, {})
        own = by_view.get(view) or (self.active() if refines else {})
        if state.get(self._view_key, view) != view and own != self.active():
            self._store(own)
        state[self._view_key], by_view[view] = view, self.active()

    def forget_views(self) -> None:
        """Drop the filters of all views."""
        st.session_state.pop(self._by_view_key, None)
        self.clear()

    def active(self, faces: Faces | None = None) -> dict[str, Any]:
        """Return name → value of the filters that are set.

        Args:
            faces: if given, values that cannot be used for these faces are left out.
        """
        if self._in_address:
            typed = {name: read_parameter(f"{self._page}_{name}") for name in self.filters}
            values = {name: value for name, value in typed.items() if value is not None}
        else:
            values = dict(st.session_state.get(self._values_key, {}))
        if faces is None:
            return values
        return {n: value for n, value in values.items() if self.filters[n].is_valid(faces, value)}

    def drop_invalid(self, faces: Faces) -> None:
        """Drop the filters that cannot be used for these faces, such as those of an old link."""
        if len(usable := self.active(faces)) < len(self.active()):
            self._store(usable)

    def mask(self, faces: Faces, n: int, active: Mapping[str, Any]) -> Mask:
        """Return which of n faces match all filters of `active`, bool (n,)."""
        mask = np.ones(n, np.bool_)
        for name in self.filters.keys() & active.keys():
            mask &= self.filters[name].mask(faces, active[name])
        return mask

    def set(self, **values: Any) -> None:
        """Set these filters in place of all others, and reveal the gallery. For callbacks."""
        self._store(values)
        st.session_state[self._reveal_key] = bool(values)

    def add(self, name: str, value: Any) -> None:
        """Set one more filter. For callbacks."""
        self._store({**self.active(), name: value})

    def drop(self, name: str, faces: Faces | None = None) -> None:
        """Drop one filter. For callbacks."""
        others = {other: value for other, value in self.active(faces).items() if other != name}
        if name in self.filters and not self.filters.keys() & others.keys():
            others = {}
        self._store(others)

    def clear(self) -> None:
        """Drop all filters. For callbacks."""
        self._store({})

    def _store(self, values: Mapping[str, Any]) -> None:
        if self._in_address:
            for name in self.filters:
                st.query_params.pop(f"{self._page}_{name}", None)
            st.query_params.update({f"{self._page}_{n}": value for n, value in values.items()})
        else:
            st.session_state[self._values_key] = dict(values)
        st.session_state.pop(self.gallery_key, None)  # back to the first page
        st.session_state.pop(self._reveal_key, None)
        self._on_change()

    def pop_reveal(self) -> bool:
        """Return, once, whether the gallery is to be scrolled to after a click on a mark."""
        return bool(st.session_state.pop(self._reveal_key, False))

    def show_chips(self, active: Mapping[str, Any], faces: Faces | None = None) -> bool:
        """Show a chip for each filter of `active`; return whether one was just dropped.

        A fragment with an older `active` still shows the chip that was clicked, and can rerun.
        """
        dropped = False
        for name, value in active.items():
            if name in self.filters:
                dropped |= st.button(
                    escape_markdown(self.filters[name].label(value)),
                    icon=":material/close:",
                    key=f"chip {name}",
                    on_click=self.drop,
                    args=(name, faces),
                )
        return dropped

    def show_chart(
        self,
        key: str,
        figure: go.Figure,
        values_of: Callable[[Sequence[Any]], Mapping[str, Any]],
        alt: str,
    ) -> None:
        """Show a figure; a click on a mark sets its filters.

        Args:
            key: names the chart on the page.
            figure: its marks carry custom data.
            values_of: custom data of a mark → the filters to set.
            alt: what the figure shows, for screen readers.
        """
        st.plotly_chart(
            figure,
            key=key,
            on_select=lambda: self.set_by_mark(key, values_of),
            selection_mode="points",
            config=NO_MODE_BAR,
            alt=alt,
        )

    def set_by_mark(
        self, chart: str, values_of: Callable[[Sequence[Any]], Mapping[str, Any]]
    ) -> None:
        """Set the filters of the mark that was clicked. For callbacks.

        A second click on a mark unselects it in the browser; the filters stay.
        """
        points = st.session_state[chart].selection.points
        if points and points[0].get("customdata"):
            self.set(**values_of(points[0]["customdata"]))

    def set_by_row(self, table: str, values_of: Callable[[int], Mapping[str, Any]]) -> None:
        """Set the filters of the table row that was clicked, or of a cell's row. For callbacks."""
        selection = st.session_state[table].selection
        rows = [*selection.rows, *(row for row, _ in selection.cells)]
        if rows:
            self.set(**values_of(rows[0]))


def highlighted(active: Mapping[str, Any], name: str, others: Mapping[str, Any]) -> Any:
    """Return the value whose mark to highlight: it is active beside just these others; else None.

    Args:
        active: all active filters.
        name: the filter that marks of a chart set.
        others: the filters that they set along with it.
    """
    value = active.get(name)
    return value if dict(active) == {**others, name: value} else None
