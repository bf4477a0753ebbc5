"""A background job on a page: a button to start it, a progress bar, a button to cancel it."""

from collections.abc import Mapping
from typing import Literal

import streamlit as st

from dashboard import actions
from dashboard.access import editors_only
from dashboard.widgets.dialog import rerun_for_news
from dashboard.widgets.messages import show_error
from pipeline.errors import UserError
from pipeline.jobs import Job


def offer_job(
    job: Job,
    label: str,
    icon: str,
    type: Literal["primary", "secondary"] = "primary",
    names: Mapping[str, str] | None = None,
    own: bool = False,
) -> None:
    """Show a button that starts a job, and the error of its last run if it failed.

    Args:
        job: a job that is not running.
        label: the button's label.
        icon: its icon, such as `:material/search:`.
        type: `primary` for the page's next step.
        names: path or name of a temporary file in the error → what the user calls it.
        own: whether it works on a file that this viewer uploaded, so that no editor is needed.
    """
    if failure := job.failure():
        for path, name in (names or {}).items():
            failure = failure.replace(path, name)
        show_error(failure)
    if st.button(label, type=type, icon=icon, **({} if own else editors_only())):
        try:
            actions.start_own_job(job) if own else actions.start_job(job)
        except UserError as error:
            show_error(error)
        else:
            st.rerun()


@st.fragment(run_every="1s")
def follow_job(job: Job, doing: str, own: bool = False) -> None:
    """Show the progress of a running job, and rerun the page when it ends.

    Args:
        job: a running job.
        doing: the text above the bar.
        own: as for `offer_job`.
    """
    if not job.running():
        return rerun_for_news()
    st.progress(job.progress(), doing)
    if st.button("Cancel", key=f"cancel {job.folder}", **({} if own else editors_only())):
        try:
            actions.cancel_own_job(job) if own else actions.cancel_job(job)
        except UserError as error:
            show_error(error)
        else:
            st.rerun()
