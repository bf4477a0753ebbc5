"""The open run: its state, actions, metrics, learning curves, log and configuration."""

import os

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import resources
from dashboard.access import may_edit
from dashboard.public import is_public
from dashboard.views.train.next_steps import show_next_steps
from dashboard.views.train.run_actions import show_actions
from dashboard.widgets.dialog import rerun_for_news
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_warning
from dashboard.widgets.run_progress import (
    BADGES,
    UNKNOWN,
    percent_or_unknown,
    score_or_unknown,
    seconds_left,
)
from pipeline.config.options import as_text, command_line
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.queue.experiment import fields_of
from pipeline.queue.trials import DEFAULT_MONITOR
from pipeline.report.charts.learning_curves import learning_curves
from pipeline.report.charts.style import NO_MODE_BAR
from pipeline.report.units import duration, size
from pipeline.runs import Run, RunConfig, RunState, Status
from pipeline.runs.damage import damages
from pipeline.runs.history import best_row, training_seconds

_LOG_LINES = 40
_LOG_BYTES = 64 * 1024
_CURVES = "train.drawn_curves"


def show_run(run: Run) -> None:
    """Show a run; damaged files are named, and the rest is shown.

    While the run trains, metrics, curves and log refresh each second; when its state changes, the
    page reruns.

    Args:
        run: a run of the workspace, possibly deleted by now.
    """
    if not run.path.is_dir():
        st.info(f"Run '{escape_markdown(run.name)}' was deleted.")
        return
    state, config = run.state(), _read_config(run)
    _show_header(run, state, config)
    _show_message(run, state, config.train if config else None)
    for sentence in damages(run):
        show_warning(sentence)
    show_next_steps(run, state)
    show_actions(run, state, config.train if config else None)

    if config and config.train is None:
        return _show_source(config)
    monitor = config.train.monitor if config and config.train else DEFAULT_MONITOR
    refreshed = st.fragment(run_every=1.0 if state == "running" else None)
    train = config.train if config else None
    may_stop_early = bool(train and train.may_stop_early)
    refreshed(_show_metrics)(run, state, monitor, may_stop_early)
    curves, log, configuration = st.tabs(
        ["Curves", "Log", "Configuration"],
        default="Log" if state == "failed" else "Curves",
        key=f"train.open.tabs.{run.name}.{state == 'failed'}",
    )
    with curves:
        refreshed(_show_curves)(run, monitor)
    with log:
        refreshed(_show_log)(run)
    with configuration:
        _show_config(config, config.train if config else None)


def _read_config(run: Run) -> RunConfig | None:
    try:
        return run.config()
    except UserError:
        return None


def _show_header(run: Run, state: RunState, config: RunConfig | None) -> None:
    notes = run.notes()
    tags = " ".join(f":gray-badge[{escape_markdown(tag)}]" for tag in notes.tags)
    title = escape_markdown(resources.model_names().get(run.name, run.name))
    st.markdown(f"## {title} &nbsp; {BADGES[state]} {tags}")
    if notes.note:
        st.text(notes.note)
    facts = [escape_markdown(run.name)]
    if notes.experiment:
        facts.append(f"experiment **{escape_markdown(notes.experiment)}**")
    if config:
        facts.append(f"data set **{escape_markdown(config.dataset or 'none')}**")
        if config.exclusion:
            names = escape_markdown(config.exclusion.name.replace(",", ", "))
            lists = "lists" if "," in names else "list"
            faces = config.exclusion.faces
            facts.append(f"without the {faces:,} faces of the exclusion {lists} **{names}**")
    facts.append(f"{size(run.disk_usage())} on disk")
    st.caption(" · ".join(facts))


def _show_message(run: Run, state: RunState, config: TrainConfig | None) -> None:
    """Say why a run ended, and how to continue; and that a finished one has collapsed."""
    status, epochs = run.status(), len(run.history())
    message = escape_markdown(status.message)
    if state == "finished" and status.stopped_early and config:
        st.caption(
            f"Early stopping after {epochs:,} of {status.epochs:,} epochs: "
            f"{escape_markdown(config.stopping_monitor)} had not improved for "
            f"{config.early_stopping_patience}."
        )
    finished = f"{epochs} epoch{'s' * (epochs != 1)} finished; Resume continues from there."
    if state == "failed":
        st.error(message or "The training failed without a message: see the log.")
    elif state == "interrupted":
        st.warning(f"{message or 'The training process is gone.'} {finished}")
    elif state == "stopped":
        st.info(f"{message or 'Stopped.'} {finished}")
    elif state == "finished" and message:
        st.warning(message)


def _show_metrics(run: Run, state: RunState, monitor: str, may_stop_early: bool) -> None:
    if run.state() != state:
        rerun_for_news()
    status, history = run.status(), run.history()
    best = best_row(history, monitor)
    if best is None:
        best = pd.Series(dtype=float)
    metrics = {
        "Epochs": f"{len(history):,} of {status.epochs:,}",
        "Best epoch": f"{best['epoch'] + 1:.0f}" if "epoch" in best else UNKNOWN,
        "Val accuracy": percent_or_unknown(best.get("val_accuracy")),
        "Val macro F1": score_or_unknown(best.get("val_macro_f1")),
        **(_throughput(run, status, may_stop_early) if state == "running" else _total_time(run)),
        "Parameters": f"{status.parameters:,}" if status.parameters else UNKNOWN,
    }
    help_texts = dict.fromkeys(("Val accuracy", "Val macro F1"), "At the best epoch.")
    with st.container(horizontal=True, gap="medium"):
        for label, value in metrics.items():
            st.metric(label, value, width="content", help=help_texts.get(label))


def _throughput(run: Run, status: Status, may_stop_early: bool) -> dict[str, str]:
    return {
        "Images/s": UNKNOWN if status.images_per_s is None else f"{status.images_per_s:.0f}",
        "Time left": seconds_left(run, may_stop_early=may_stop_early),
    }


def _total_time(run: Run) -> dict[str, str]:
    seconds = training_seconds(run.history(), run.log_path)
    return {} if seconds is None else {"Training time": duration(seconds)}


def _show_curves(run: Run, monitor: str) -> None:
    figure = _learning_curves(run, monitor)
    if figure is None:
        st.caption("The curves appear after the first epoch.")
        return
    alt = "Accuracy, macro F1, loss and learning rate by epoch, the best epoch marked"
    key = f"train.open.curves.{run.name}"
    st.plotly_chart(figure, key=key, config=NO_MODE_BAR, alt=alt)


def _learning_curves(run: Run, monitor: str) -> go.Figure | None:
    """Return the learning curves, drawn again only after each epoch: drawing takes 40 ms."""
    try:
        version = (run.name, monitor, run.history_path.stat().st_mtime_ns)
    except OSError:
        return None
    drawn_version, figure = st.session_state.get(_CURVES, (None, None))
    if drawn_version != version:
        history = run.history()
        figure = None if history.empty else learning_curves(history, monitor)
        st.session_state[_CURVES] = version, figure
    return figure


def _show_log(run: Run) -> None:
    if is_public() and not may_edit():
        st.caption("The log has details of the machine: on a public server only editors see it.")
        return
    tail = log_tail(run)
    st.code(tail or "Nothing printed yet.", language=None, height=360, wrap_lines=True)
    if tail:
        st.download_button(
            "Whole log",
            run.log_path.read_bytes,
            f"{run.name}-{run.log_path.name}",
            key=f"train.open.log.{run.name}",
            icon=":material/download:",
            on_click="ignore",
        )


def log_tail(run: Run) -> str:
    """Return the last 40 lines of the training log; empty if there is none yet."""
    try:
        with run.log_path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _LOG_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_LOG_LINES:])


def _show_source(config: RunConfig) -> None:
    """Show where an imported model comes from, or the members of an ensemble."""
    source = config.imported or config.ensemble
    if source is None:
        return
    facts = {name.replace("_", " "): as_text(value) for name, value in source}
    st.dataframe(
        pd.DataFrame({"field": list(facts), "value": list(facts.values())}),
        hide_index=True,
        alt="Where the model comes from",
    )


def _show_config(config: RunConfig | None, train: TrainConfig | None) -> None:
    if config is None or train is None:
        st.caption("The configuration cannot be read.")
        return
    st.caption("As a command:")
    st.code(command_line(train), language="bash", wrap_lines=True)
    st.dataframe(
        config_table(train),
        hide_index=True,
        height=400,
        column_config={"default": st.column_config.TextColumn(help="Shown where it differs.")},
        alt="The configuration of the run",
    )
    versions = " · ".join(f"{name} {version}" for name, version in config.versions.items())
    st.caption(
        f"data set fingerprint {escape_markdown(config.dataset_fingerprint[:12])} · "
        f"{escape_markdown(versions)}"
    )


def config_table(config: TrainConfig) -> pd.DataFrame:
    """Return a configuration as a table: `field`, `value`, `default`.

    Fields that differ from their default come first; for the others `default` is empty.
    """
    default_config = TrainConfig.model_validate(
        {"dataset": config.dataset, "architecture": config.architecture}
    )
    values, defaults = fields_of(config), fields_of(default_config)
    changed = [name for name in values if values[name] != defaults[name]]
    unchanged = [name for name in values if name not in changed]
    return pd.DataFrame(
        {
            "field": [*changed, *unchanged],
            "value": [as_text(values[name]) for name in [*changed, *unchanged]],
            "default": [as_text(defaults[name]) for name in changed] + [""] * len(unchanged),
        }
    )
