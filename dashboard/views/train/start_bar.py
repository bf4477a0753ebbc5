"""The bar below the form, which stays in view: what a start would do, or what prevents it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from dashboard import resources
from dashboard.access import editors_only
from dashboard.views.train.presets import show_changes, show_reset
from dashboard.views.train.space import SpaceSearch
from dashboard.views.train.sweep import Sweep
from dashboard.views.train.training_data import open_dataset
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from dashboard.widgets.run_progress import active_runs
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.queue.settings import max_parallel_runs
from pipeline.report.units import duration
from pipeline.training.estimate import cost_key, load_estimate

_KEY = "train-start-bar"
"""Also in dashboard/page.css, which keeps the bar in view: `st.bottom` takes no widget of a
fragment, which the form is."""


def show_start(
    config: TrainConfig, sweep: Sweep | SpaceSearch | None, start: Callable[[], None]
) -> None:
    """Show what a start would do, with the button, and what kept a start from succeeding.

    Args:
        config: the form's configuration.
        sweep: the several values or the space to try, if that is switched on.
        start: what the button does; it may raise a UserError.
    """
    with _bar():
        if sweep and not sweep.ready:
            st.markdown(
                "To start, choose the fields to vary, and valid values for them.", width="stretch"
            )
            return
        with st.container(gap=None, width="stretch"):
            if sweep:
                count, length = map(escape_markdown, sweep.summary())
                st.markdown(f"**{count}** · {length}")
            else:
                st.markdown(_summary(config))
            show_changes(config)
            failure = st.container()
        label = escape_markdown(sweep.start_label) if sweep else "Start training"
        icon = ":material/play_arrow:"
        pressed = st.button(label, type="primary", icon=icon, **editors_only())
        show_reset(config)
        if pressed:
            try:
                start()
            except UserError as error:
                with failure:
                    show_error(error)


def show_blocked(error: UserError, where: str) -> None:
    """Show what keeps the training from starting.

    Args:
        error: what is wrong.
        where: the field at which it is shown; empty if it is shown nowhere yet.
    """
    with _bar():
        if where:
            st.markdown(f":material/error: Correct **{escape_markdown(where)}** to start.")
        else:
            show_error(error)


@contextmanager
def _bar() -> Iterator[None]:
    with st.container(
        border=True, horizontal=True, vertical_alignment="center", gap="small", key=_KEY
    ):
        yield


def _summary(config: TrainConfig) -> str:
    """Return what is trained on what, its epochs, its time if estimated, and what it waits for."""
    at_most = "at most " if config.may_stop_early else ""
    parts = [
        f"**{escape_markdown(config.architecture)}** on **{escape_markdown(config.dataset)}**",
        f"{at_most}{config.total_epochs:,} epoch{'s' * (config.total_epochs > 1)}",
    ]
    estimate = load_estimate(cost_key(config, open_dataset(config)), config)
    if estimate:
        parts.append(f"{at_most or 'about '}{duration(estimate.total_s)}")
    active = active_runs(resources.runs().rows())
    if active.queued or len(active.running) >= max_parallel_runs():
        ahead = len(active.running) + len(active.queued)
        parts.append(f"queued behind {ahead:,} run{'s' * (ahead > 1)}")
    return " · ".join(parts)
