"""Query parameters: what an address asks for in vain, values of older versions, and choices."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import streamlit as st

from dashboard.widgets.markdown import escape_markdown

_PAGE, _ASKED, _NOTE = "address.page", "address.asked", "address.note"
_FROM_LINK, _READ, _TOLD = "address.from_link", "address.read", "address.told"
_MAX_NOTED, _MAX_LENGTH = 5, 40


@contextmanager
def note_ignored(page: str) -> Iterator[None]:
    """Say above a page which parameters of its address it does not take.

    The page shows its defaults in their place. The note stays until the page is left.

    Args:
        page: its name in the address.
    """
    state = st.session_state
    if state.get(_PAGE) != page:
        asked = {name: st.query_params.get_all(name) for name in st.query_params}
        state[_PAGE], state[_FROM_LINK] = page, bool(asked)
        state[_ASKED], state[_NOTE] = asked, ""
        if empty := [name for name, values in asked.items() if "" in values]:
            for name in empty:  # which some widgets would take for no choice
                del st.query_params[name]
            st.rerun()
    state[_READ], state[_TOLD] = set[str](), set[str]()
    if state[_FROM_LINK]:
        place = st.container()  # in every run: a video that moves on the page would stop
        yield
        _show_note(place)
    else:
        yield


def read_parameter(name: str) -> str | None:
    """Return a query parameter that no widget is bound to; the page says itself what it means."""
    _read(name)
    return st.query_params.get(name)


def _read(name: str) -> None:
    st.session_state.setdefault(_READ, set()).add(name)


def _show_note(place: Any) -> None:
    state = st.session_state
    if asked := state.pop(_ASKED, None):
        ignored = [
            f"{_short(name)}={_short(value)}"
            for name, values in asked.items()
            for value in values
            if not _is_taken(name, value)
        ]
        more = len(ignored) - _MAX_NOTED
        listed = ", ".join(ignored[:_MAX_NOTED]) + (f" and {more:,} more" if more > 0 else "")
        note = f"Ignored in this page's address: {listed}."
        state[_NOTE] = note if ignored else ""
    if state[_NOTE]:
        place.info(escape_markdown(state[_NOTE]), icon=":material/link_off:")


def _is_taken(name: str, value: str) -> bool:
    """Return whether the page uses a value, which may be its default, or written otherwise."""
    if name in st.session_state[_TOLD]:
        return True
    if name in st.session_state[_READ]:
        return value in st.query_params.get_all(name)
    if name not in st.session_state:
        return False
    chosen = st.session_state[name]
    if isinstance(chosen, list | tuple):
        taken = [*map(str, chosen), *st.query_params.get_all(name)]
    else:
        taken = [str(chosen), st.query_params.get(name) or str(chosen)]
    return _plain(value) in map(_plain, taken)


def _plain(value: str) -> str:
    try:
        return str(float(value))
    except ValueError:
        return value.casefold()


def _short(text: str) -> str:
    return text if len(text) <= _MAX_LENGTH else f"{text[:_MAX_LENGTH]}…"


def update_old_address(renamed: Mapping[str, Mapping[str, str]]) -> None:
    """Replace query parameter values that were renamed, so that old links still work.

    Call it before the widgets that are bound to the query parameters: Streamlit drops a value that
    is not among a widget's options, and takes the one in the session state.

    Args:
        renamed: query parameter → old value → new value.
    """
    for parameter, values in renamed.items():
        value = st.query_params.get(parameter, "")
        if value in values:
            st.session_state[parameter] = values[value]
            st.query_params[parameter] = values[value]
            asked = st.session_state.get(_ASKED) or {}
            if parameter in asked:
                asked[parameter] = [values[value]]


def read_choice(key: str, options: Collection[str]) -> list[str]:
    """Return the choice in the address if a link has brought one since `write_choice`, else [].

    For widgets that show other texts than their options: Streamlit's own binding would write these
    texts into the address.

    Args:
        key: the query parameter.
        options: others are left out.
    """
    _read(key)
    asked = st.query_params.get_all(key)
    if not asked or asked == st.session_state.get(f"{key}.in_address"):
        return []
    return [option for option in asked if option in options]


def missing_choices(key: str, options: Collection[str]) -> list[str]:
    """Return the values in the address that are no options, for a page that itself says so."""
    st.session_state.setdefault(_TOLD, set()).add(key)
    return [value for value in st.query_params.get_all(key) if value not in options]


def write_choice(key: str, choice: Sequence[str]) -> None:
    """Write a choice into the address; call it after the widget, in each run of the page."""
    st.session_state[f"{key}.in_address"] = list(choice)
    if not choice:
        st.query_params.pop(key, None)
    elif st.query_params.get_all(key) != list(choice):
        st.query_params[key] = list(choice)
