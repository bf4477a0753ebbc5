"""Temporary folders of sessions, deleted soon after the browser is gone.

Streamlit keeps the state of a closed page for minutes, in case it connects again.
"""

import logging
import os
import re
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from pipeline.jobs import ProcessId
from pipeline.storage import remove_leftovers
from pipeline.workspace import workspace

log = logging.getLogger(__name__)

_PREFIX = "emotion-"
_OWNER = re.compile(rf"{_PREFIX}(\d+)-(\d+\.\d+)-")  # see `session_folder`
_CLOSED_S, _EVERY_S = 20.0, 5.0


class SessionCleanup:
    """Calls a function once the page of its session has been closed for 20 s."""

    def __init__(self) -> None:
        self._functions: dict[str, Callable[[], None]] = {}
        self._seen: dict[str, float] = {}
        threading.Thread(target=self._watch, daemon=True).start()

    def call_when_closed(self, function: Callable[[], None]) -> None:
        """Set the function of the current session, in place of the one before."""
        context = get_script_run_ctx()
        if context is not None:
            self._seen[context.session_id] = time.monotonic()
            self._functions[context.session_id] = function

    def _watch(self) -> None:
        while True:
            time.sleep(_EVERY_S)
            now = time.monotonic()
            for session in list(self._functions):
                if not runtime.exists() or runtime.get_instance().is_active_session(session):
                    self._seen[session] = now
                elif now - self._seen[session] > _CLOSED_S:
                    del self._seen[session]
                    try:
                        self._functions.pop(session)()
                    except Exception:  # other sessions must still be cleaned up
                        log.exception("the clean-up of a session failed")


@st.cache_resource
def session_cleanup() -> SessionCleanup:
    """Return the server's clean-up; its first call deletes what killed processes left."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = _OWNER.match(folder.name)
        if owner and ProcessId(pid=int(owner[1]), started=float(owner[2])).find() is None:
            shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):  # a read-only disk
        remove_leftovers(workspace())
    return SessionCleanup()


@st.cache_resource(max_entries=8)
def print_once(text: str) -> None:
    """Print a line for whoever has started the server, once; nothing if it is empty."""
    if text:
        print(text, file=sys.stderr, flush=True)


def session_folder() -> Path:
    """Create a temporary folder, whose name says which server it belongs to."""
    process = ProcessId.of(os.getpid())
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{process.pid}-{process.started}-"))
