"""Queued and running runs, and the progress of a run as text and bars."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_warning
from pipeline.queue import queue
from pipeline.report.units import duration, percent, score
from pipeline.runs import Run, RunRow, Status
from pipeline.runs.history import training_seconds

BADGES = {
    "queued": ":gray-badge[:material/schedule: queued]",
    "running": ":blue-badge[:material/play_arrow: running]",
    "finished": ":green-badge[:material/check: finished]",
    "stopped": ":orange-badge[:material/stop: stopped]",
    "interrupted": ":orange-badge[:material/power_off: interrupted]",
    "failed": ":red-badge[:material/error: failed]",
}
UNKNOWN = "–"


@dataclass(frozen=True)
class ActiveRuns:
    """The running runs, the oldest first, and the queued ones, the next one first."""

    running: list[RunRow]
    queued: list[RunRow]

    @property
    def states(self) -> dict[str, str]:
        """Run → state; differs when a run starts or ends, not by progress or order."""
        running = dict.fromkeys(sorted(row.run.name for row in self.running), "running")
        queued = dict.fromkeys(sorted(row.run.name for row in self.queued), "queued")
        return running | queued


def active_runs(rows: Iterable[RunRow]) -> ActiveRuns:
    """Return the runs that are queued or running.

    Args:
        rows: the newest first.
    """
    rows = list(rows)
    running = [row for row in reversed(rows) if row.state == "running"]
    return ActiveRuns(running, queue.queued_in_order(rows))


def fraction_done(status: Status) -> float:
    """Return how much of all epochs is done, 0 to 1."""
    return min(1.0, (status.epoch + fraction_of_epoch(status)) / max(1, status.epochs))


def fraction_of_epoch(status: Status) -> float:
    """Return how much of the current epoch is done, 0 to 1."""
    return min(1.0, status.step / status.steps) if status.steps else 0.0


def time_left(row: RunRow) -> str:
    """Return the time left, or the status message outside of epochs."""
    status = row.status
    if _is_between_epochs(status):
        return escape_markdown(status.message)
    if not status.steps:
        return "starting: loading the network and the faces"
    left = seconds_left(row.run, may_stop_early=row.may_stop_early)
    return f"stops in {left}" if row.run.stop_path.exists() else f"{left} left"


def _is_between_epochs(status: Status) -> bool:
    """Return whether it does something else than an epoch, such as an export."""
    return status.eta_s is None and bool(status.message)


def seconds_left(run: Run, *, may_stop_early: bool) -> str:
    """Return the time until the last epoch, `at most` if early stopping can end it before.

    Of a run that is asked to stop it is the time until the end of its epoch.
    """
    status = run.status()
    if status.eta_s is None:
        return UNKNOWN
    epochs_after = status.epochs - status.epoch - 1
    if run.stop_path.exists() and epochs_after > 0:
        of_epoch = 1 - fraction_of_epoch(status)
        return duration(status.eta_s * of_epoch / (of_epoch + epochs_after))
    return f"{'at most ' * may_stop_early}{duration(status.eta_s)}"


def percent_or_unknown(value: float | None) -> str:
    """Return a value from 0 to 1 in percent; a dash for None or NaN."""
    return UNKNOWN if value is None or pd.isna(value) else percent(value)


def score_or_unknown(value: float | None) -> str:
    """Return a metric from 0 to 1, such as 0.663; a dash for None or NaN."""
    return UNKNOWN if value is None or pd.isna(value) else score(value)


def show_progress(row: RunRow) -> None:
    """Show a running run's progress; unknown values are dashes, so that the layout is stable."""
    status = row.status
    epoch = min(status.epoch + 1, status.epochs)
    speed = UNKNOWN if status.images_per_s is None else f"{status.images_per_s:.0f}"
    step = f"{status.step:,}/{status.steps:,}" if status.steps else UNKNOWN
    epochs, steps = st.columns(2, gap="medium")
    of_epoch = "" if _is_between_epochs(status) else f"epoch {epoch:,}/{status.epochs:,} · "
    epochs.progress(fraction_done(status), text=f"{of_epoch}{time_left(row)}")
    steps.progress(fraction_of_epoch(status), text=f"step {step} · {speed} images/s")
    loss = UNKNOWN if status.loss is None else f"{status.loss:.3f}"
    accuracy = percent_or_unknown(status.accuracy)
    with st.container(horizontal=True, gap="small"):
        st.caption(f"this epoch: loss {loss} · accuracy {accuracy}", width="content")
        st.caption(f"best val accuracy {_best_accuracy(row)}", width="content")
        if status.elsewhere() or status.job:
            st.caption(f"on {escape_markdown(status.host)}", width="content")
    if status.eta_s is not None and status.message:  # the training goes on though it has collapsed
        show_warning(status.message)


def show_end(row: RunRow) -> None:
    """Show how far a run that has ended came, in as much room as `show_progress` takes."""
    epochs, accuracy = st.columns(2, gap="medium")
    done = f"{row.status.epoch:,} of {row.status.epochs:,} epochs"
    epochs.progress(fraction_done(row.status), text=done)
    accuracy.progress(row.accuracy or 0.0, text=f"best val accuracy {_best_accuracy(row)}")
    seconds = training_seconds(row.run.history(), row.run.log_path)
    st.caption(f"training time {UNKNOWN if seconds is None else duration(seconds)}")


def _best_accuracy(row: RunRow) -> str:
    """Return the best accuracy and its epoch."""
    history = row.run.history()
    if row.accuracy is None or "val_accuracy" not in history:
        return UNKNOWN
    best = int(history["val_accuracy"].fillna(-1.0).argmax())
    return f"{percent(row.accuracy)} in epoch {history['epoch'].iloc[best] + 1:.0f}"
