"""Running and queued runs: progress, order, stop, end, and the number of parallel runs."""

from collections.abc import Callable, Sequence
from functools import partial

import streamlit as st

from dashboard import actions, resources
from dashboard.access import editors_only, read_only_reason
from dashboard.views.train.navigation import open_run
from dashboard.widgets.dialog import rerun_for_news
from dashboard.widgets.machine import machine_usage
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.run_progress import BADGES, active_runs, show_end, show_progress
from pipeline.errors import UserError
from pipeline.queue import settings
from pipeline.queue.engines import ENGINES
from pipeline.runs import RunRow

_MAX_QUEUED_SHOWN = 5
_CARDS = "train.cards"  # the names of the runs that have a card
_MESSAGE = "train.message"
_PARALLEL_RUNS = "train.max_parallel_runs"
_ENGINE = "train.engine"
_AFTER_EPOCH, _NOW = "After this epoch", "Now"


def show_active(rows: Sequence[RunRow]) -> None:
    """Show running and queued runs, refreshed each second, or each 5 s if there are none.

    When a run starts or ends, the whole page reruns.

    Args:
        rows: all runs as the page shows them, the newest first.
    """
    states = active_runs(rows).states
    st.fragment(run_every=1.0 if states else 5.0)(_show_active)(states)


def _show_active(states: dict[str, str]) -> None:
    rows = resources.runs().rows()
    active = active_runs(rows)
    if active.states != states:
        rerun_for_news()
    if _MESSAGE in st.session_state:  # a fragment's callback cannot show a toast itself
        st.toast(escape_markdown(st.session_state.pop(_MESSAGE)), duration="long")
    for row in _with_card(rows, active.running):
        _show_running(row) if row.state == "running" else _show_ended(row)
    if active.queued:
        _show_queue(active.queued)
    _show_machine()


def _with_card(rows: Sequence[RunRow], running: Sequence[RunRow]) -> list[RunRow]:
    """Return the running runs, and those that have ended on this page and are not hidden yet.

    They stay until another run takes their place: what stands below them would move, perhaps
    while someone types there.
    """
    by_name = {row.run.name: row for row in rows}
    before = [by_name[name] for name in st.session_state.get(_CARDS, []) if name in by_name]
    ended = [row for row in before if row.state not in ("queued", "running")]
    new = [row for row in running if row not in before]
    replaced = ended[: len(new)]
    cards = [row for row in before if row.state != "queued" and row not in replaced] + new
    st.session_state[_CARDS] = [row.run.name for row in cards]
    return cards


def _show_running(row: RunRow) -> None:
    stopping = " :orange-badge[stops after this epoch]" if row.run.stop_path.exists() else ""
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _show_title(row)
            st.markdown(f"{BADGES['running']}{stopping}", width="stretch")
            key = f"train.active.stop.{row.run.name}"
            st.menu_button(
                "Stop",
                (_AFTER_EPOCH, _NOW),
                icon=":material/stop:",
                key=key,
                on_click=_stop,
                args=(row, key),
                **editors_only(),
            )
        show_progress(row)


def _show_ended(row: RunRow) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            _show_title(row)
            st.markdown(BADGES[row.state], width="stretch")
            name = row.run.name
            st.button(
                "Hide",
                icon=":material/close:",
                key=f"train.active.hide.{name}",
                on_click=lambda: st.session_state[_CARDS].remove(name),
            )
        show_end(row)


def _show_title(row: RunRow) -> None:
    """Show a run's title as a button that opens the run."""
    title = f"**{escape_markdown(row.title)}**"
    if st.button(title, key=f"train.active.open.{row.run.name}", type="tertiary"):
        open_run(row.run.name)
        st.rerun()


def _stop(row: RunRow, key: str) -> None:
    now = st.session_state[key] == _NOW
    message = f"{row.title} is stopping." if now else f"{row.title} stops after this epoch."
    _perform(partial(actions.stop_run, row.run, now=now), message)


def _show_queue(rows: Sequence[RunRow]) -> None:
    with st.container(border=True, gap="xsmall"):
        st.markdown(BADGES["queued"])
        for place, row in enumerate(rows[:_MAX_QUEUED_SHOWN], start=1):
            _show_queued(row, place, last=len(rows))
        if len(rows) > _MAX_QUEUED_SHOWN:
            st.caption(f"and {len(rows) - _MAX_QUEUED_SHOWN:,} more")


def _show_queued(row: RunRow, place: int, last: int) -> None:
    key = f"train.queued.{row.run.name}"  # with it the focus follows the run
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=key):
        st.markdown(f":gray[{place}.]", width="content")
        _show_title(row)
        st.space("stretch")
        with st.container(horizontal=True, gap="small", width="content"):
            # Not beside "Later", where the focus goes next when the run is the last one.
            cancel = partial(actions.stop_run, row.run)
            _small_button("Cancel", row.run.name, cancel, icon=":material/close:")
            for label, to in (("Earlier", place - 1), ("Later", place + 1)):
                move = partial(actions.move_run, row.run, to)
                # With the place in its key, a click that the browser sends twice moves it once.
                key = f"{row.run.name}.{place}"
                _small_button(label, key, move, disabled=not 1 <= to <= last)
    if row.status.message:  # why it waits
        st.caption(escape_markdown(row.status.message))


def _small_button(
    label: str,
    key: str,
    action: Callable[[], None],
    icon: str | None = None,
    disabled: bool = False,
) -> None:
    st.button(
        label,
        key=f"train.active.{label}.{key}",
        type="tertiary",
        icon=icon,
        on_click=_perform,
        args=(action,),
        **editors_only(disabled=disabled),
    )


def _show_machine() -> None:
    """Show the load of this machine, and the setting of parallel runs."""
    parallel_runs = settings.max_parallel_runs()
    if st.session_state.get(_PARALLEL_RUNS) != parallel_runs:  # changed by another session
        st.session_state[_PARALLEL_RUNS] = parallel_runs
    with st.container(horizontal=True, vertical_alignment="center"):
        usage = " · ".join(f"{label} {value}" for label, value in machine_usage().items())
        st.caption(usage, width="stretch")
        _show_engine()
        st.caption("Parallel runs", width="content")
        st.number_input(
            "Parallel runs",
            1,
            settings.MAX_PARALLEL_RUNS,
            key=_PARALLEL_RUNS,
            width=140,
            on_change=_set_parallel_runs,
            label_visibility="collapsed",
            **editors_only(),
        )


def _show_engine() -> None:
    """Show what trains queued runs, with a form for editors to change it.

    A field that another session changes is drawn again, so that Save sends only what this one did.
    """
    now = settings.queue_settings()
    popover = st.popover(
        f"Engine: {escape_markdown(now.engine)}", width="content", **editors_only()
    )
    if read_only_reason():
        return
    keys = {field: f"{_ENGINE}.{field}.{value}" for field, value in now.model_dump().items()}
    with popover, st.form(_ENGINE, border=False):
        st.selectbox(
            "Engine",
            list(ENGINES),
            list(ENGINES).index(now.engine) if now.engine in ENGINES else 0,
            key=keys["engine"],
            help="What trains queued runs: this machine, or a cluster of several.",
        )
        st.text_input(
            "Cluster address",
            now.address,
            key=keys["address"],
            help="Of the cluster's dashboard, with http and port. None for this machine.",
        )
        cpus, gpus = st.columns(2)
        cpus.number_input(
            "CPUs of one run",
            1,
            value=now.cpus,
            key=keys["cpus"],
            help="A run on the cluster waits for so many free CPUs and uses as many threads.",
        )
        gpus.number_input(
            "GPUs of one run",
            0.0,
            value=now.gpus,
            step=1.0,
            format="%g",
            key=keys["gpus"],
            help="A run on the cluster waits for so many free GPUs.",
        )
        st.form_submit_button("Save", on_click=_set_engine, args=(now, keys))


def _set_engine(shown: settings.QueueSettings, keys: dict[str, str]) -> None:
    names = {"engine": "name", "address": "address", "cpus": "cpus", "gpus": "gpus"}
    given = {field: st.session_state[keys[field]] for field in names}
    changed = {names[field]: v for field, v in given.items() if v != getattr(shown, field)}
    _perform(partial(actions.set_engine, **changed), "Queued runs use this engine from now on.")


def _set_parallel_runs() -> None:
    _perform(partial(actions.set_max_parallel_runs, st.session_state[_PARALLEL_RUNS]))


def _perform(action: Callable[[], None], message: str | None = None) -> None:
    """Do an action; the next rerun shows the message, or the error in its place."""
    try:
        action()
    except UserError as error:
        message = error.on_page
    if message:
        st.session_state[_MESSAGE] = message
