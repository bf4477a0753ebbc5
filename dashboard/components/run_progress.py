"""Runs that are queued or running: how far they are, and how to stop them."""

import streamlit as st

from dashboard.components.units import duration, percent
from pipeline.errors import UserError
from pipeline.runs import Run, Status, list_runs
from pipeline.training import queue

ACTIVE = ("queued", "running")
BADGES = {
    "queued": ":gray-badge[:material/schedule: queued]",
    "running": ":blue-badge[:material/play_arrow: running]",
    "finished": ":green-badge[:material/check: finished]",
    "stopped": ":orange-badge[:material/stop: stopped]",
    "interrupted": ":orange-badge[:material/power_off: interrupted]",
    "failed": ":red-badge[:material/error: failed]",
}


def active_runs() -> list[Run]:
    """Return the runs that are queued or running, the running first, then as they were queued."""
    runs = [(run.state(), run.name, run) for run in list_runs()]
    active = [entry for entry in runs if entry[0] in ACTIVE]
    return [run for *_, run in sorted(active, key=lambda entry: (entry[0] == "queued", entry[1]))]


def fraction_done(status: Status) -> float:
    """Return how much of the epochs is done, 0 to 1."""
    within = status.step / status.steps if status.steps else 0.0
    return min(1.0, (status.epoch + within) / max(1, status.epochs))


def progress_words(run: Run) -> str:
    """Return one line on a run: epoch, loss, accuracy, speed and time left, as far as known."""
    status, history = run.status(), run.history()
    if status.state == "queued":
        return "waiting for its turn"
    if not status.steps:
        return "starting: loading the network and the faces"
    words = [f"epoch {min(status.epoch + 1, status.epochs)}/{status.epochs}"]
    if not history.empty:
        last = history.iloc[-1]
        if "loss" in last:
            words.append(f"loss {last['loss']:.3f}")
        if "val_accuracy" in last:
            words.append(f"accuracy {percent(last['val_accuracy'])}")
    if status.message:
        words.append(status.message.lower())
    elif status.images_per_s and status.eta_s is not None:
        words += [f"{status.images_per_s:.0f} faces/s", f"{duration(status.eta_s)} left"]
    return " · ".join(words)


def show_progress(run: Run, *, stoppable: bool) -> None:
    """Show a queued or running run as a card.

    Args:
        run: the run.
        stoppable: whether to offer the stop button.
    """
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{run.name}** &nbsp; {BADGES[run.state()]}", width="stretch")
            if stoppable and st.button("Stop", icon=":material/stop:", key=f"stop {run.name}"):
                _stop(run)
        st.progress(fraction_done(run.status()), text=progress_words(run))


def _stop(run: Run) -> None:
    try:
        queue.stop(run)
        st.toast(f"{run.name} is stopping.", icon=":material/stop:")
    except UserError as error:
        st.error(str(error))
