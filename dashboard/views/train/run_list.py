"""All runs in one table that can be filtered and sorted; selecting a row or cell opens the run."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

import pandas as pd
import streamlit as st

from dashboard.views.train.navigation import RUN
from pipeline.runs import Run, RunRow

STATE_LABELS = {
    "queued": "◷ queued",
    "running": "▶ running",
    "finished": "✓ finished",
    "stopped": "■ stopped",
    "interrupted": "◌ interrupted",
    "failed": "✕ failed",
    "damaged": "✕ damaged",
}
_FILTER_WIDTH_PX = 165  # two fit side by side on a phone
_OPENED = "background-color: rgba(66, 126, 185, 0.28)"
_TABLE = "train.runs"
_TICKED = "train.ticked"  # the names of the runs whose check boxes are ticked
_SEARCH = "train.search"
_STATE, _DATASET, _ARCHITECTURE = (
    "train.filter.state",
    "train.filter.dataset",
    "train.filter.architecture",
)


def show_run_list(rows: Sequence[RunRow]) -> Run:
    """Show the runs that match the filters, and return the open run.

    The open run is the one that was clicked, reached by an arrow key or ticked last, also while it
    is filtered out; before that the first that is running, else the first. Several ticked ones
    can be compared.

    Args:
        rows: all runs in the order to show them; at least one.
    """
    opened = _open_run(rows)
    shown = _show_filters(rows)
    names = [row.run.name for row in shown]
    if not shown:
        st.caption("No run matches.")
        st.button("Clear the filters", on_click=_clear_filters)
        return opened
    state = st.session_state
    ticked = state.setdefault(_TICKED, [])
    of = f"{len(shown):,} of " if len(shown) < len(rows) else ""
    # The table's toolbar appears beside this line, not over a filter.
    st.caption(f"{of}{len(rows):,} run{'s' * (len(rows) != 1)}")
    _set_selection(
        [place for place, name in enumerate(names) if name in ticked],
        names.index(opened.name) if opened.name in names else None,
    )
    tint = [_OPENED if name == opened.name else "" for name in names]
    st.dataframe(
        runs_table(shown).style.apply(lambda column: tint).format(na_rep=""),
        hide_index=True,
        key=_TABLE,
        selection_mode=["multi-row", "single-cell"],
        on_select=partial(_select, names),
        height=_table_height(len(shown)),
        column_config=_columns(),
        placeholder="",
        alt="All runs, with state, accuracy and epochs",
    )
    _offer_comparison([row for row in rows if row.run.name in ticked])
    return opened


def _offer_comparison(selected: Sequence[RunRow]) -> None:
    """Offer to compare the selected runs that have a model, if there are several."""
    models = [row.run.name for row in selected if row.run.exported]
    if len(models) > 1 and st.button(
        f"Compare the {len(models)} selected", icon=":material/compare_arrows:"
    ):
        st.switch_page("app_pages/compare.py", query_params={"compare_models": models})


def _open_run(rows: Sequence[RunRow]) -> Run:
    runs = {row.run.name: row.run for row in rows}
    name = st.session_state.get(RUN)
    if name not in runs:
        name = next((row.run.name for row in rows if row.state == "running"), next(iter(runs)))
        st.session_state[RUN] = name
    return runs[name]


def _set_selection(rows: list[int], opened: int | None) -> None:
    """Tick rows, and select a cell of the open run's row: the arrow keys start from there."""
    cells = [] if opened is None else [[opened, "run"]]
    same_row = [row for row, *_ in _selection("cells")] == [row for row, *_ in cells]
    if sorted(_selection("rows")) != rows or not same_row:  # runs were added, or opened elsewhere
        st.session_state[_TABLE] = {"selection": {"rows": rows, "columns": [], "cells": cells}}


def _selection(kind: Literal["rows", "cells"]) -> list[Any]:
    """Return the table's selected rows, or its one selected cell: row and name of the column."""
    state = st.session_state.get(_TABLE)
    return list(state["selection"][kind]) if state else []


def _select(names: Sequence[str]) -> None:
    """Open the run that was ticked last, or the one to whose row a click or an arrow key moved."""
    state = st.session_state
    # Runs may have been deleted since the table was shown.
    ticked = [names[row] for row in _selection("rows") if row < len(names)]
    at_cell = [names[row] for row, *_ in _selection("cells") if row < len(names)]
    added = [name for name in ticked if name not in state[_TICKED]]
    if opened := added or at_cell:
        state[RUN] = opened[-1]
    state[_TICKED] = ticked


def _show_filters(rows: Sequence[RunRow]) -> list[RunRow]:
    """Show the filters, and return the runs that match."""
    with st.container(horizontal=True):
        search = st.text_input(
            "Search",
            placeholder="name, note, tag",
            key=_SEARCH,
            persist_state="session",
            width=_FILTER_WIDTH_PX,
        )
        state = _filter("State", (_state(row) for row in rows), _STATE)
        dataset = _filter("Data set", (row.dataset for row in rows), _DATASET)
        architecture = _filter("Architecture", (row.architecture for row in rows), _ARCHITECTURE)
    return [
        row
        for row in rows
        if state in (None, _state(row))
        and dataset in (None, row.dataset)
        and architecture in (None, row.architecture)
        and matches(row, search)
    ]


def _filter(label: str, values: Iterable[str | None], key: str) -> str | None:
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
        width=_FILTER_WIDTH_PX,
    )


def _clear_filters() -> None:
    st.session_state.update({_SEARCH: "", _STATE: None, _DATASET: None, _ARCHITECTURE: None})


def matches(row: RunRow, search: str) -> bool:
    """Return whether each word occurs in a run's name, display name, note, tags or experiment."""
    notes = row.notes
    text = " ".join((row.run.name, notes.name, notes.note, *notes.tags, notes.experiment))
    return all(word in text.casefold() for word in search.casefold().split())


def runs_table(rows: Sequence[RunRow]) -> pd.DataFrame:
    """Return one row for each run; accuracies in percent, times in UTC.

    A model that was not trained here has no epochs; its kind stands for the architecture.
    """
    return pd.DataFrame(
        {
            "run": [row.title for row in rows],
            "state": [STATE_LABELS[_state(row)] for row in rows],
            "best accuracy": [None if row.accuracy is None else 100 * row.accuracy for row in rows],
            "epochs": pd.Series(map(_epochs, rows), dtype="Int64"),
            "architecture": [row.architecture for row in rows],
            "data set": [row.dataset for row in rows],
            "experiment": [row.notes.experiment for row in rows],
            "tags": [list(row.notes.tags) for row in rows],
            "created": pd.Series([_created(row.run) for row in rows], dtype="datetime64[s, UTC]"),
        }
    ).astype({"best accuracy": float})


def _epochs(row: RunRow) -> int | None:
    return row.status.epoch if row.kind == "trained" else None


def _state(row: RunRow) -> str:
    return row.state if row.dataset is not None else "damaged"


def _created(run: Run) -> datetime | None:
    """Return when the run was created, from the start of its name."""
    try:
        return datetime.strptime(run.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "run": column.TextColumn(pinned=True, width=300),
        "best accuracy": column.NumberColumn(
            format="%.1f%%", help="On validation faces, at the run's best epoch."
        ),
        "state": column.TextColumn(width=100),
        "epochs": column.NumberColumn(help="How many are finished.", width=65),
        "experiment": column.TextColumn(width=85),
        "tags": column.ListColumn(width=65),
        "created": column.DatetimeColumn(
            format="YYYY-MM-DD HH:mm", timezone=st.context.timezone, width=130
        ),
    }


def _table_height(rows: int) -> int:
    """Return the table's height in pixels; more than ten rows scroll."""
    return 35 * (min(rows, 10) + 1) + 2
