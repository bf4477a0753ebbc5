"""The engine of a Ray cluster: a Ray Job for each run, by plain HTTP. Loads no keras.

The workspace lies on a file system that all nodes share: progress, logs and requests to stop go
through the run's folder. Ray itself is asked only where a run does not say how it is. See
https://docs.ray.io/en/latest/cluster/running-applications/job-submission/index.html
"""

import math
import os
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from pipeline.errors import UserError
from pipeline.jobs import last_line
from pipeline.queue.engines.engine import Handle, Unreachable, check_installed
from pipeline.queue.settings import QueueSettings, queue_settings
from pipeline.runs import Run
from pipeline.runs.records import LOST_AFTER_S
from pipeline.workspace import workspace

if TYPE_CHECKING:
    from ray.job_submission import JobDetails, JobSubmissionClient

ADDRESS_VARIABLE = "EMOTION_RAY_ADDRESS"

_PASSED = ("KERAS_", "TF_")  # Ray shows the environment of a job to all its users: no EMOTION_…
_STOP_WAIT_S = 120  # between SIGTERM and SIGKILL; a training writes its checkpoint meanwhile
_TIMEOUT_S = (3, 15)  # to connect, and to answer
_RETRY_S = (1, 3)
_SILENT_S = 10  # so long no other request waits for a cluster that did not answer
_START_TIMEOUT = "JOB_SUPERVISOR_ACTOR_START_TIMEOUT"

Answer = TypeVar("Answer")

_silent: dict[str, float] = {}
"""Address of a cluster that did not answer the last request → the monotonic time of that."""


class UnknownJob(UserError):
    """The cluster was started again since, and has forgotten its jobs."""


class RayEngine:
    """Trains runs as jobs of a Ray cluster, each with CPUs and GPUs of its own."""

    def start(self, run: Run) -> Handle:
        """Submit a job; it waits in the cluster until its CPUs and GPUs are free."""
        settings = queue_settings()
        address = cluster_address(settings)
        client = connect(address)
        job = f"{run.name}-{secrets.token_hex(4)}"  # Ray takes each id once
        with run.locked():
            run.update_status(engine="ray", job=job, address=address, message="")
        try:
            ask(
                submit_job,
                client,
                submission_id=job,
                entrypoint=entrypoint("train-run", run.name, log=str(run.log_path.absolute())),
                runtime_env={"env_vars": environment(settings)},
                entrypoint_num_cpus=settings.cpus,
                entrypoint_num_gpus=settings.gpus or None,
            )
        except Unreachable:
            pass  # it may have been obeyed: the first poll that is answered finds out
        except UserError:
            _stop_job(address, job)
            raise
        return Handle(run, "ray", job, address)

    def poll(self, handle: Handle) -> bool:
        """Return whether the job has ended; if the run does not say how, find out and record it."""
        status = handle.run.status()
        if status.job != handle.job or status.state not in ("queued", "running"):
            return True  # it has recorded its end, or has been queued again since
        if status.alive():
            return False
        try:
            details = ask(connect(handle.address).get_job_info, handle.job)
        except UserError as error:
            if status.state == "queued" and isinstance(error, Unreachable):
                return _wait(handle, error.on_page)
            if status.state == "queued" and isinstance(error, UnknownJob):
                return _submit_again(handle)
            return _record_loss(handle, error.on_page)
        return _record_job(handle, details)

    def stop(self, handle: Handle) -> None:
        """Ask the training to stop; a job that has not begun is stopped by Ray."""
        if handle.run.status().alive():
            handle.run.ask_to_stop(now=True)
        else:
            ask(connect(handle.address).stop_job, handle.job)


def known_address(settings: QueueSettings) -> str:
    """Return the address that is set for new jobs, or that of the environment; it may be empty."""
    return settings.address or os.environ.get(ADDRESS_VARIABLE, "")


def cluster_address(settings: QueueSettings) -> str:
    """Return the address of the cluster that new jobs go to.

    Raises:
        UserError: none is known.
    """
    address = known_address(settings)
    if not address:
        raise UserError(
            "Where is the Ray cluster? queue --engine ray --address http://HOST:8265, or set "
            f"{ADDRESS_VARIABLE}."
        )
    if "@" in address:
        raise UserError(f"{ADDRESS_VARIABLE} must have no user and password, which others see.")
    return address


def connect(address: str) -> "JobSubmissionClient":
    """Return a client of a cluster.

    Raises:
        UserError: Ray is not installed, or the cluster does not answer, or has not done so within
            the last seconds.
    """
    if time.monotonic() - _silent.get(address, -math.inf) < _SILENT_S:
        raise Unreachable(_no_answer(address))
    return _client(address)


@lru_cache(maxsize=4)
def _client(address: str) -> "JobSubmissionClient":
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    check_installed("ray")
    from ray.job_submission import JobSubmissionClient

    class Client(JobSubmissionClient):
        """Waits a limited time for an answer, as Ray's own does not."""

        def _do_request(self, *arguments: Any, **options: Any) -> Any:
            from requests import RequestException

            try:
                response = super()._do_request(*arguments, timeout=_TIMEOUT_S, **options)
            except RequestException as error:
                _silent[address] = time.monotonic()
                raise ConnectionError(_no_answer(address)) from error
            _silent.pop(address, None)
            return response

    return ask(Client, address)


def ask(request: Callable[..., Answer], *arguments: Any, **options: Any) -> Answer:
    """Send a request to the cluster; one that cannot be reached gets some seconds.

    Raises:
        UserError: it does not answer, or refuses.
    """
    for pause_s in _RETRY_S:
        with suppress(ConnectionError):
            return _ask(request, *arguments, **options)
        time.sleep(pause_s)
    try:
        return _ask(request, *arguments, **options)
    except ConnectionError as error:
        raise Unreachable(str(error)) from error


def _no_answer(address: str) -> str:
    return f"The Ray cluster at {address} does not answer: start it, or set its right address."


def submit_job(client: "JobSubmissionClient", **options: Any) -> None:
    """Submit a job; one that is there already came with a request whose answer was late."""
    try:
        client.submit_job(**options)
    except RuntimeError as error:
        if "already exists" not in str(error):
            raise


def _stop_job(address: str, job: str) -> None:
    """Stop a job, if its cluster answers and knows it."""
    with suppress(UserError):
        ask(connect(address).stop_job, job)


def _ask(request: Callable[..., Answer], *arguments: Any, **options: Any) -> Answer:
    """Send a request, and raise one of three: ConnectionError, UserError, or what is a bug."""
    from ray.exceptions import AuthenticationError
    from requests import RequestException

    try:
        return request(*arguments, **options)
    except AuthenticationError as error:
        raise UserError(
            "The Ray cluster asks for a token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN_PATH."
        ) from error
    except RequestException as error:  # an OSError, but none of Python's ConnectionErrors
        raise ConnectionError(f"The Ray cluster does not answer: {error}.") from error
    except RuntimeError as error:
        if "does not exist" in str(error):
            raise UnknownJob("The Ray cluster does not know the job: was it restarted?") from error
        raise UserError(f"The Ray cluster refuses: {_first_line(str(error))}") from error


def entrypoint(*arguments: str, log: str = "") -> str:
    """Return the shell command of a job: `python -m pipeline …`.

    It is run by this interpreter where the node has it, as on a shared file system, else by the
    node's `python`.

    Args:
        arguments: what follows `python -m pipeline`.
        log: the file that its output is appended to; by default Ray keeps it.
    """
    command = shlex.join(["-m", "pipeline", *arguments])
    output = f" >> {shlex.quote(log)} 2>&1" if log else ""
    ours = shlex.quote(sys.executable)
    return f'python={ours}; [ -x "$python" ] || python=python; exec "$python" {command}{output}'


def environment(settings: QueueSettings) -> dict[str, str]:
    """Return the environment variables of a job: what a training reads, none of which is secret."""
    ours = {name: value for name, value in os.environ.items() if name.startswith(_PASSED)}
    threads = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    return {
        **ours,
        **dict.fromkeys(threads, str(settings.cpus)),  # Ray sets the first one by itself
        "EMOTION_WORKSPACE": str(workspace().absolute()),
        "RAY_JOB_STOP_WAIT_TIME_S": str(_STOP_WAIT_S),
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def _record_job(handle: Handle, details: "JobDetails") -> bool:
    """Record how a job ended whose run shows no living process; return whether it has ended."""
    run, status, code = handle.run, handle.run.status(), details.driver_exit_code
    if not details.status.is_terminal():
        if status.state == "queued":
            return _wait(handle)
        if time.time() - status.heartbeat < LOST_AFTER_S:
            return False  # Ray is about to learn of the end of its process
        return _record_loss(handle, f"{_node(handle)} no longer reports: it was lost.")
    if status.state == "queued" and details.error_type == _START_TIMEOUT:
        return _submit_again(handle)  # no CPU was free for 15 minutes
    if details.status == "STOPPED" and status.state == "queued":
        return _record(handle, state="stopped", message="Stopped before it began.")
    if code is None and status.state == "queued":
        reason = _first_line(details.message or "no reason given")
        return _record_loss(handle, f"The Ray cluster could not start the job: {reason}")
    if code is None:
        return _record_loss(handle, f"{_node(handle)} was lost, or the job there was killed.")
    if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return _record_loss(handle, "The training process was killed, perhaps for lack of memory.")
    reason = last_line(run.log_path) or _first_line(details.message or "its log is empty")
    message = f"The training process ended with code {code}: {reason}"
    return _record(handle, state="failed", eta_s=None, message=message)


def _record_loss(handle: Handle, sentence: str) -> bool:
    """Record that the run is interrupted, and stop the job should it still be there."""
    with handle.run.locked():
        if not _is_gone(handle):
            return False
        handle.run.interrupt(sentence)
    _stop_job(handle.address, handle.job)
    return True


def _wait(handle: Handle, message: str = "") -> bool:
    """Leave a queued run as it is; record why it waits, if that is unusual."""
    if handle.run.status().message != message:
        _record(handle, message=message)
    return False


def _submit_again(handle: Handle) -> bool:
    """Leave the run to the queue, as if no job had been submitted."""
    return _record(handle, engine="local", job="", address="", message="")


def _record(handle: Handle, **changes: object) -> bool:
    with handle.run.locked():
        if not _is_gone(handle):
            return False
        handle.run.update_status(**changes)
    return True


def _is_gone(handle: Handle) -> bool:
    """Return whether the run still shows no living process and no end, after Ray's answer."""
    status = handle.run.status()
    same = status.job == handle.job and status.state in ("queued", "running")
    return same and not status.alive()


def _node(handle: Handle) -> str:
    host = handle.run.status().host
    return f"The node {host}" if host else "The node"


def _first_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[0]
