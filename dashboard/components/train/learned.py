"""How a run learned and what it printed, each second anew while it runs; and its configuration."""

import os

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard.charts.history import learning_curves
from dashboard.components.run_progress import UNKNOWN
from dashboard.components.train.configuration import show_configuration
from dashboard.components.units import duration, percent
from pipeline.runs import Run, RunConfig, ShownState, Status
from pipeline.training.trials import DEFAULT_MONITOR, best_row, training_time

_LOG_LINES = 40
_LOG_BYTES = 64 * 1024
_PLAIN = {"displayModeBar": False}
_DRAWN = "train.opened.drawn"


def show_learned(run: Run, state: ShownState, config: RunConfig | None) -> None:
    """Show figures, learning curves, log and configuration; as the run ends the page follows.

    Args:
        run: the run.
        state: its state, as the page knows it.
        config: its configuration; None where that cannot be read.
    """
    refreshed = st.fragment(run_every=1.0 if state == "running" else None)
    monitor = config.train.monitor if config else DEFAULT_MONITOR
    refreshed(_show_figures)(run, state, monitor)
    curves, log, configuration = st.tabs(
        ["Curves", "Log", "Configuration"],
        default="Log" if state == "failed" else "Curves",
        key=f"train.opened.tabs.{run.name}.{state == 'failed'}",
    )
    with curves:
        refreshed(_show_curves)(run, monitor)
    with log:
        refreshed(_show_log)(run)
    with configuration:
        if config:
            show_configuration(config)
        else:
            st.caption("It cannot be read.")


def _show_figures(run: Run, state: ShownState, monitor: str) -> None:
    if run.state() != state:
        st.rerun()
    status, history = run.status(), run.history()
    figures = {"Epochs": f"{len(history)} of {status.epochs}", **_best(history, monitor)}
    figures |= _pace(status) if state == "running" else _time(run)
    figures["Parameters"] = f"{status.parameters:,}" if status.parameters else UNKNOWN
    with st.container(horizontal=True, gap="medium"):
        for label, figure in figures.items():
            st.metric(label, figure, width="content")


def _best(history: pd.DataFrame, monitor: str) -> dict[str, str]:
    best = best_row(history, monitor)
    row = pd.Series(dtype=float) if best is None else best
    return {
        "Best epoch": f"{row['epoch'] + 1:.0f}" if "epoch" in row else UNKNOWN,
        "Accuracy there": _share(row.get("val_accuracy")),
        "Macro F1 there": _share(row.get("val_macro_f1")),
    }


def _share(figure: float | None) -> str:
    return UNKNOWN if figure is None or pd.isna(figure) else percent(figure)


def _pace(status: Status) -> dict[str, str]:
    return {
        "Images/s": UNKNOWN if status.images_per_s is None else f"{status.images_per_s:.0f}",
        "Time left": UNKNOWN if status.eta_s is None else duration(status.eta_s),
    }


def _time(run: Run) -> dict[str, str]:
    seconds = training_time(run)
    return {} if seconds is None else {"Training time": duration(seconds)}


def _show_curves(run: Run, monitor: str) -> None:
    figure = _curves(run, monitor)
    if figure is None:
        st.caption("The curves begin with the first finished epoch.")
        return
    alt = "Accuracy, macro F1, loss and learning rate by epoch, the best epoch marked"
    st.plotly_chart(figure, key=f"train.opened.curves.{run.name}", config=_PLAIN, alt=alt)


def _curves(run: Run, monitor: str) -> go.Figure | None:
    """Draw the curves only as an epoch ends: it takes 40 ms, each second, beside the training."""
    try:
        now = (run.name, monitor, run.history_path.stat().st_mtime_ns)
    except OSError:
        return None
    drawn, figure = st.session_state.get(_DRAWN, (None, None))
    if drawn != now:
        history = run.history()
        figure = None if history.empty else learning_curves(history, monitor)
        st.session_state[_DRAWN] = now, figure
    return figure


def _show_log(run: Run) -> None:
    tail = log_tail(run)
    st.code(tail or "Nothing printed yet.", language=None, height=360, wrap_lines=True)
    if tail:
        st.download_button(
            "Whole log", run.log_path.read_bytes, f"{run.name}-{run.log_path.name}",
            key=f"train.opened.log.{run.name}", icon=":material/download:", on_click="ignore",
        )  # fmt: skip


def log_tail(run: Run) -> str:
    """Return the last 40 lines that the training process printed; empty before the first."""
    try:
        with run.log_path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_LOG_LINES:])
