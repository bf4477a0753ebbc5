"""One run opened: how it learned, what it printed, what it was made from."""

from collections import deque

import pandas as pd
import streamlit as st

from dashboard.charts.history import best_epoch, learning_curves
from dashboard.components.run_progress import BADGES
from dashboard.components.units import percent
from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.training.config import TrainConfig
from pipeline.training.options import command_line

_LOG_LINES = 40


def show_run(run: Run) -> None:
    """Show a run; one whose files are damaged gives a sentence."""
    state, status = run.state(), run.status()
    st.markdown(f"#### {run.name} &nbsp; {BADGES[state]}")
    if state == "failed":
        st.error(status.message or "The training failed without a word: see the log.")
    elif state == "interrupted":
        st.warning("The training process is gone; its finished epochs are below.")
    try:
        config = run.config()
    except UserError as error:
        st.error(str(error))
        return
    history = run.history()
    curves, log, configuration = st.tabs(["Curves", "Log", "Configuration"])
    with curves:
        _show_curves(run, history, config.train.monitor)
    with log:
        st.code(log_tail(run, _LOG_LINES) or "Nothing printed yet.", language=None, height=360)
    with configuration:
        _show_configuration(config.train)
        st.caption(f"data set fingerprint `{config.dataset_fingerprint[:12]}`")
        if config.exclusion:
            name, faces = config.exclusion.name, config.exclusion.faces
            st.caption(f"without the {faces:,} faces of the exclusion list `{name}`")


def _show_curves(run: Run, history: pd.DataFrame, monitor: str) -> None:
    if history.empty:
        st.caption("The curves begin with the first finished epoch.")
        return
    best = best_epoch(history, monitor)
    with st.container(horizontal=True, gap="large"):
        st.metric("Epochs", f"{len(history)} of {run.status().epochs}", width="content")
        if best is not None:
            row = history[history["epoch"] == best].iloc[0]
            st.metric("Best epoch", f"{best + 1}", width="content")
            for column, label in (
                ("val_accuracy", "Accuracy there"),
                ("val_macro_f1", "Macro F1 there"),
            ):
                if column in history:
                    st.metric(label, percent(row[column]), width="content")
        parameters = run.status().parameters
        if parameters:
            st.metric("Parameters", f"{parameters:,}", width="content")
    st.plotly_chart(
        learning_curves(history, monitor),
        key=f"curves {run.name}",
        config={"displayModeBar": False},
    )


def _show_configuration(config: TrainConfig) -> None:
    st.code(command_line(config), language="bash", wrap_lines=True)
    fields = config.model_dump(mode="json")
    rows = {
        **{name: value for name, value in fields.items() if not isinstance(value, dict)},
        **fields["model"],
        **fields["augmentation"],
    }
    table = pd.DataFrame({"value": [_word(value) for value in rows.values()]}, index=list(rows))
    st.dataframe(table, width="stretch", height=min(420, 36 * (len(table) + 1)))


def _word(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def log_tail(run: Run, lines: int) -> str:
    """Return the last lines of what the training process printed; empty before the first."""
    try:
        with run.log_path.open(errors="replace") as file:
            return "".join(deque(file, lines))
    except OSError:
        return ""


def run_row(run: Run) -> dict[str, object]:
    """Return what a table of runs shows of one."""
    status, history = run.status(), run.history()
    row: dict[str, object] = {
        "run": run.name,
        "state": run.state(),
        "epochs": f"{status.epoch}/{status.epochs}",
        "accuracy": 100 * history["val_accuracy"].max() if "val_accuracy" in history else None,
    }
    try:
        config = run.config().train
    except UserError:
        return {**row, "state": "damaged"}
    return {**row, "data set": config.dataset, "architecture": config.architecture}
