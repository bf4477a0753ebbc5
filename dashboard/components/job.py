"""A job of the dashboard: offered by a button, followed by a bar, cancelled by another button."""

from typing import Literal

import streamlit as st

from pipeline.errors import UserError
from pipeline.jobs import Job


def offer_job(
    job: Job, label: str, icon: str, type: Literal["primary", "secondary"] = "primary"
) -> None:
    """Say why the job has failed, if it has, and offer to start it.

    Args:
        job: it does not run.
        label: what the button says.
        icon: its icon, such as `:material/search:`.
        type: whether it is the page's next step.
    """
    if failure := job.failure():
        st.error(failure, icon=":material/error:")
    if st.button(label, type=type, icon=icon):
        try:
            job.start()
        except UserError as error:
            st.error(str(error), icon=":material/error:")
        else:
            st.rerun()


@st.fragment(run_every="1s")
def follow_job(job: Job, doing: str) -> None:
    """Show how far a running job is until it has ended; then run the page again.

    Args:
        job: it runs.
        doing: what it does.
    """
    if not job.running():
        st.rerun()
    st.progress(job.progress(), doing)
    if st.button("Cancel"):
        job.cancel()
        st.rerun()
