"""All runs as one table that can be filtered and sorted; the ticked one is opened."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.components.train.place import RUN
from pipeline.runs import Run, RunRow

MARKS = {
    "queued": "◷ queued",
    "running": "▶ running",
    "finished": "✓ finished",
    "stopped": "■ stopped",
    "interrupted": "◌ interrupted",
    "failed": "✕ failed",
    "damaged": "✕ damaged",
}
_FILTER_PX = 165  # two stand beside each other on a phone
_TABLE = "train.runs"
_FIND = "train.find"
_ONLY = {"state": "train.only.state", "dataset": "train.only.dataset", "net": "train.only.net"}


def show_run_list(rows: Sequence[RunRow]) -> Run:
    """Show the runs that fit the filters, and return the one that is opened.

    That is the one ticked last, also when runs begin and end, or are filtered away; before that
    the first that trains, else the newest.

    Args:
        rows: all runs, the newest first; one at least.
    """
    opened = _opened(rows)
    shown = _show_filters(rows)
    names = [row.run.name for row in shown]
    if not shown:
        st.caption("No run fits.")
        st.button("Clear the filters", on_click=_clear)
        return opened
    places = [names.index(opened.name)] if opened.name in names else []
    if _ticked() != places:
        st.session_state[_TABLE] = {"selection": {"rows": places, "columns": [], "cells": []}}
    st.dataframe(
        table(shown), hide_index=True, key=_TABLE, selection_mode="single-row",
        on_select=partial(_choose, names), height=_height(len(shown)), column_config=_columns(),
        placeholder="",
    )  # fmt: skip
    if len(shown) < len(rows):
        st.caption(f"{len(shown):,} of {len(rows):,} runs.")
    return opened


def _opened(rows: Sequence[RunRow]) -> Run:
    runs = {row.run.name: row.run for row in rows}
    chosen = st.session_state.get(RUN)
    if chosen not in runs:
        chosen = next((row.run.name for row in rows if row.state == "running"), next(iter(runs)))
        st.session_state[RUN] = chosen
    return runs[chosen]


def _ticked() -> list[int]:
    state = st.session_state.get(_TABLE)
    return list(state["selection"]["rows"]) if state else []


def _choose(names: Sequence[str]) -> None:
    """Open the run that was ticked; one that was unticked stays open."""
    for place in _ticked():
        if place < len(names):  # the table may have shrunk meanwhile
            st.session_state[RUN] = names[place]


def _show_filters(rows: Sequence[RunRow]) -> list[RunRow]:
    """Show what can be asked of the runs, and return those that fit."""
    with st.container(horizontal=True):
        found = st.text_input(
            "Find",
            placeholder="name, note, tag",
            key=_FIND,
            persist_state="session",
            width=_FILTER_PX,
        )
        state = _one_of("State", (_state(row) for row in rows), _ONLY["state"])
        dataset = _one_of("Data set", (row.dataset for row in rows), _ONLY["dataset"])
        net = _one_of("Architecture", (row.architecture for row in rows), _ONLY["net"])
    return [
        row
        for row in rows
        if state in (None, _state(row))
        and dataset in (None, row.dataset)
        and net in (None, row.architecture)
        and fits(row, found)
    ]


def _one_of(label: str, values: Iterable[str | None], key: str) -> str | None:
    options = sorted({value for value in values if value})
    if st.session_state.get(key) not in (None, *options):  # its last run is gone
        st.session_state[key] = None
    return st.selectbox(
        label,
        options,
        index=None,
        placeholder="all",
        key=key,
        persist_state="session",
        width=_FILTER_PX,
    )


def _clear() -> None:
    st.session_state.update({_FIND: "", **dict.fromkeys(_ONLY.values())})


def fits(row: RunRow, found: str) -> bool:
    """Tell whether each of the words occurs in a run's names, note, tags or experiment."""
    notes = row.notes
    text = " ".join((row.run.name, notes.name, notes.note, *notes.tags, notes.experiment))
    return all(word in text.casefold() for word in found.casefold().split())


def table(rows: Sequence[RunRow]) -> pd.DataFrame:
    """Return what the table shows, one row a run; accuracies in percent, times in UTC."""
    return pd.DataFrame(
        {
            "run": [row.title for row in rows],
            "state": [MARKS[_state(row)] for row in rows],
            "best accuracy": [None if row.accuracy is None else 100 * row.accuracy for row in rows],
            "epochs": [row.status.epoch for row in rows],
            "of": [row.status.epochs for row in rows],
            "architecture": [row.architecture for row in rows],
            "data set": [row.dataset for row in rows],
            "experiment": [row.notes.experiment for row in rows],
            "tags": [list(row.notes.tags) for row in rows],
            "created": pd.Series([_created(row.run) for row in rows], dtype="datetime64[s, UTC]"),
        }
    ).astype({"best accuracy": float})


def _state(row: RunRow) -> str:
    return row.state if row.dataset is not None else "damaged"


def _created(run: Run) -> datetime | None:
    """Return when the run was made, which its name begins with."""
    try:
        return datetime.strptime(run.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "run": column.TextColumn(width="medium"),
        "best accuracy": column.NumberColumn(
            format="%.1f %%", help="best val accuracy of its finished epochs"
        ),
        "epochs": column.NumberColumn(help="finished epochs", width="small"),
        "of": column.NumberColumn(help="epochs it shall have", width="small"),
        "tags": column.ListColumn(),
        "created": column.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone=st.context.timezone),
    }


def _height(rows: int) -> int:
    """Return the height of a table of so many rows, in pixels: ten in sight, then it scrolls."""
    return 35 * (min(rows, 10) + 1) + 2
