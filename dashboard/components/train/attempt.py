"""What a button of an opened run does, and what speaks against it."""

from collections.abc import Callable

import streamlit as st

from dashboard.components.plain import plain
from pipeline.errors import UserError
from pipeline.runs import Run

_REFUSED = "train.refused"


def attempt(run: Run, action: Callable[[], object], then: Callable[[], object]) -> None:
    """Do something with a run. For callbacks of buttons.

    Args:
        run: the run.
        action: what to do.
        then: what to do when that went well.
    """
    try:
        action()
    except UserError as error:
        st.session_state[_REFUSED] = run.name, str(error)
    except OSError as error:
        st.session_state[_REFUSED] = (
            run.name,
            f"The files of run '{run.name}' cannot be changed ({error.strerror or error}): free "
            "some space there, or let them be written to.",
        )
    else:
        then()


def show_refused(run: Run) -> None:
    """Say once why the last attempt went wrong, if it did."""
    name, sentence = st.session_state.pop(_REFUSED, ("", ""))
    if name == run.name:
        st.error(plain(sentence), icon=":material/error:")
