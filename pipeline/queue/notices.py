"""Notices of runs that have finished or failed, or wait for their cluster, for those who want them.

`EMOTION_WEBHOOK` is the address that gets a JSON document by POST; `EMOTION_NOTIFY=1` shows a
notification on this machine's desktop. What fails here is logged and harms no run.
"""

import logging
import os
import shutil
import subprocess
import sys
import threading
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from pydantic import BaseModel

from pipeline.runs import Run, default_name, read_row

log = logging.getLogger("pipeline.notices")

_TOLD = ("finished", "failed", "interrupted")
"""The ends that a notice is sent of; a run that was stopped was stopped by a person."""

_TIMEOUT_S = 5.0
_LONGEST_S = 10.0  # for a server that answers byte by byte, each within the timeout
_OSASCRIPT = (
    "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run"
)


class Notice(BaseModel):
    """The JSON document of a webhook.

    Args:
        run: the run's name, that of its folder.
        name: its name for people.
        state: `finished`, `failed`, `interrupted`, or `queued` if it waits for a cluster.
        message: a sentence of the run's status, such as why it failed; may be empty.
        best_accuracy: the best on the validation faces, 0 to 1; None before the first epoch.
        text: all of it as a sentence, which Slack, Mattermost and others show.
    """

    run: str
    name: str
    state: str
    message: str
    best_accuracy: float | None
    text: str


def notice_of(run: Run, failure: str = "") -> Notice | None:
    """Return the notice of a run that has ended, or is queued with a message why it waits.

    None of one that was stopped or deleted.

    Args:
        run: the run.
        failure: why the process that trained it failed, if it did. A finished run whose resume
            fails stays finished, with this as its message; the notice says `failed`.
    """
    row = read_row(run)
    waits = row.state == "queued" and row.status.message
    if not run.path.is_dir() or not (waits or row.state in _TOLD):
        return None
    state = "failed" if failure and row.status.message == failure else row.state
    name = row.notes.name or default_name(row)
    accuracy = "" if row.accuracy is None else f", best accuracy {row.accuracy:.1%}"
    message = f". {row.status.message}" if row.status.message else "."
    return Notice(
        run=run.name,
        name=name,
        state=state,
        message=row.status.message,
        best_accuracy=row.accuracy,
        text=f"{state.capitalize()}: {name}{accuracy}{message}",
    )


def send_notice(run: Run, failure: str = "") -> None:
    """Send the notice of a run that has ended or waits, if there is one and someone wants it.

    It takes 15 seconds at most and raises nothing. The arguments are those of `notice_of`.
    """
    webhook, desktop = os.environ.get("EMOTION_WEBHOOK"), os.environ.get("EMOTION_NOTIFY") == "1"
    if not (webhook or desktop) or (notice := notice_of(run, failure)) is None:
        return
    if desktop:
        _notify_desktop(notice)
    if webhook:
        sender = threading.Thread(target=_post, args=(webhook, notice), daemon=True)
        sender.start()
        sender.join(_LONGEST_S)


def _post(webhook: str, notice: Notice) -> None:
    """Send a notice to a webhook, whose address is not logged: it often holds a secret."""
    try:
        if urlsplit(webhook).scheme not in ("http", "https"):
            raise ValueError
        body = notice.model_dump_json().encode()
        headers = {"Content-Type": "application/json", "User-Agent": "emotion-detector"}
        with urlopen(Request(webhook, body, headers), timeout=_TIMEOUT_S):
            pass
    except (OSError, ValueError, HTTPException) as error:
        if isinstance(error, HTTPError):  # it is an open answer
            error.close()
        quotes_address = not isinstance(error, OSError)
        reason = "its address or its answer is not HTTP" if quotes_address else error
        log.warning("The notice of run %s was not sent to EMOTION_WEBHOOK: %s", notice.run, reason)


def _notify_desktop(notice: Notice) -> None:
    title = "Emotion Detector"
    if sys.platform == "darwin":
        command = ["osascript", "-e", _OSASCRIPT, title, notice.text]
    else:
        command = ["notify-send", "--app-name", title, title, notice.text]
    if shutil.which(command[0]) is None:
        log.warning("EMOTION_NOTIFY needs the program %s.", command[0])
        return
    try:
        subprocess.run(command, timeout=_TIMEOUT_S, check=True, capture_output=True)
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("The notice of run %s was not shown: %s", notice.run, error)
