"""Runs that are queued or running: which there are, and how far they are, in words and bars."""

from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st

from dashboard.components.units import duration, percent
from pipeline.runs import RunRow, Status
from pipeline.training import queue

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
    """The runs that train now, the oldest first, and those that wait, the next one first."""

    running: list[RunRow]
    waiting: list[RunRow]

    @property
    def states(self) -> dict[str, str]:
        """Run → state; changes as one begins or ends, not as they go on or change places."""
        running = dict.fromkeys(sorted(row.run.name for row in self.running), "running")
        waiting = dict.fromkeys(sorted(row.run.name for row in self.waiting), "queued")
        return running | waiting


def active_runs(rows: Iterable[RunRow]) -> ActiveRuns:
    """Return the runs that are queued or running.

    Args:
        rows: the newest first.
    """
    rows = list(rows)
    running = [row for row in reversed(rows) if row.state == "running"]
    return ActiveRuns(running, queue.in_turn(rows))


def fraction_done(status: Status) -> float:
    """Return how much of the epochs is done, 0 to 1."""
    return min(1.0, (status.epoch + fraction_of_epoch(status)) / max(1, status.epochs))


def fraction_of_epoch(status: Status) -> float:
    """Return how much of the epoch under way is done, 0 to 1."""
    return min(1.0, status.step / status.steps) if status.steps else 0.0


def time_left(status: Status) -> str:
    """Return what a running run is at if it says so, else the time it needs, as far as known."""
    if not status.steps:
        return "starting: loading the network and the faces"
    if status.message:
        return status.message
    return f"{UNKNOWN if status.eta_s is None else duration(status.eta_s)} left"


def show_bars(row: RunRow) -> None:
    """Show how far a running run is; what is not known yet has its place already."""
    status = row.status
    epoch = min(status.epoch + 1, status.epochs)
    speed = UNKNOWN if status.images_per_s is None else f"{status.images_per_s:.0f}"
    step = f"{status.step}/{status.steps}" if status.steps else UNKNOWN
    epochs, steps = st.columns(2, gap="medium")
    epochs.progress(
        fraction_done(status), text=f"epoch {epoch}/{status.epochs} · {time_left(status)}"
    )
    steps.progress(fraction_of_epoch(status), text=f"step {step} · {speed} images/s")
    with st.container(horizontal=True, gap="small"):
        loss, accuracy = _figure(status.loss), _share(status.accuracy)
        st.caption(f"this epoch: loss {loss} · accuracy {accuracy}", width="content")
        st.caption(f"best val accuracy {_best(row)}", width="content")


def _figure(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else percent(value)


def _best(row: RunRow) -> str:
    """Return the best accuracy and its epoch; only a run that trains has its history read here."""
    history = row.run.history()
    if row.accuracy is None or "val_accuracy" not in history:
        return UNKNOWN
    place = int(history["val_accuracy"].fillna(-1.0).argmax())
    return f"{percent(row.accuracy)} in epoch {history['epoch'].iloc[place] + 1}"
