"""The engines that write the parts of a batch: processes of this machine, or actors of a cluster.

Each process or actor has one compiled model and one thread. What a killed one leaves is a part
that is missing, which the same command writes when it is given again.
"""

import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import lru_cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from pipeline.errors import UserError
from pipeline.jobs import last_line
from pipeline.queue.engines import check_installed
from pipeline.queue.engines.ray import (
    UnknownJob,
    ask,
    cluster_address,
    connect,
    entrypoint,
    environment,
    submit_job,
)
from pipeline.queue.settings import queue_settings
from pipeline.storage import write_json
from pipeline.vision.batch.output import BatchOutput
from pipeline.vision.batch.worker import PartWorker
from pipeline.vision.detectors.yunet import YUNET_VARIABLE, yunet_path

if TYPE_CHECKING:
    from ray.job_submission import JobDetails

DRIVER = "write-parts"
"""The command that is the job on a cluster."""

_POLL_S = 1.0
_RETRIES = 3
_STOPPED = "Stopped: the same command goes on with the parts that are missing."

OnProgress = Callable[[float], None]
"""Is called with the fraction of the parts that are written, 0 to 1."""


def write_locally(output: BatchOutput, workers: int, on_progress: OnProgress) -> None:
    """Write the missing parts in processes of this machine.

    Args:
        output: the batch.
        workers: the number of processes, 0 for one per core.
        on_progress: see `OnProgress`.

    Raises:
        UserError: a process was killed, or a part cannot be written.
    """
    parts = output.missing()
    workers = min(workers or os.cpu_count() or 1, len(parts))
    if not parts:
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _end_with_parent) as pool:
        futures = [pool.submit(_write, output.folder, part) for part in parts]
        try:
            for done, future in enumerate(as_completed(futures), output.parts - len(parts) + 1):
                future.result()
                on_progress(done / output.parts)
        except BrokenProcessPool as error:
            raise _was_killed(output, workers) from error
        finally:
            pool.shutdown(cancel_futures=True)


def _was_killed(output: BatchOutput, workers: int) -> UserError:
    """Return the error of a process that was killed: the part that it was at is among the first."""
    missing = output.missing()
    names = ", ".join(output.part_path(part).stem for part in missing[:workers])
    return UserError(
        "A process was killed, perhaps for lack of memory: the same command goes on, with "
        f"--workers in fewer processes. Missing parts: {len(missing):,} of {output.parts:,}, "
        f"first {names}."
    )


def _end_with_parent() -> None:
    """End this process when its parent does, however that ends."""

    def wait() -> None:
        parent = parent_process()
        if parent:
            parent.join()
        os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    threading.Thread(target=wait, daemon=True).start()


@lru_cache(maxsize=1)
def _worker(folder: Path) -> PartWorker:
    return PartWorker(folder)


def _write(folder: Path, part: int) -> None:
    _worker(folder).write(part)


class _Job(BaseModel):
    """The content of `job.json`: the last job that was given to a cluster."""

    address: str
    job: str


def write_on_cluster(output: BatchOutput, workers: int, on_progress: OnProgress) -> None:
    """Write the missing parts in a job of the queue's Ray cluster, and wait for its end.

    A job that an earlier command has left running is waited for.

    Args:
        output: the batch; all nodes share its folder and its inputs.
        workers: the number of actors, each with one CPU; 0 for one per CPU of the cluster.
        on_progress: see `OnProgress`.

    Raises:
        UserError: Ray is not installed, the cluster does not answer, or the job fails.
    """
    check_installed("ray")
    if not output.missing():
        return
    try:
        job = _running_job(output) or _submit(output, workers)
        while not (details := _details(job)).status.is_terminal():
            on_progress(1 - len(output.missing()) / output.parts)
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        _stop(output)
        raise UserError(_STOPPED) from None
    if output.missing():
        reason = "the job was stopped"
        if details.driver_exit_code:
            reason = last_line(_log(output)) or _last_line_of(details)
        raise UserError(f"The cluster has not written all parts: {reason}")
    on_progress(1.0)


def _last_line_of(details: "JobDetails") -> str:
    """Return why a job wrote no log, for example since its node lacks the folder."""
    return (details.message or "its log is empty").strip().splitlines()[-1]


def _stop(output: BatchOutput) -> None:
    """Stop the last job and wait for its end, before which the same command would wait for it."""
    if job := _last_job(output):
        with suppress(UnknownJob):
            ask(connect(job.address).stop_job, job.job)
            while not _details(job).status.is_terminal():
                time.sleep(_POLL_S)


def _last_job(output: BatchOutput) -> _Job | None:
    try:
        return _Job.model_validate_json(_job_path(output).read_text())
    except (OSError, ValidationError):
        return None


def _running_job(output: BatchOutput) -> _Job | None:
    if (job := _last_job(output)) is None:
        return None
    try:
        return None if _details(job).status.is_terminal() else job
    except UnknownJob:
        return None  # the cluster was started again
    except UserError:
        if job.address == cluster_address(queue_settings()):
            raise  # it may still run: a second one beside it would do the same parts
        return None


def _submit(output: BatchOutput, workers: int) -> _Job:
    settings = queue_settings()
    address = cluster_address(settings)
    client = connect(address)
    job = _Job(address=address, job=f"recognize-{secrets.token_hex(4)}")
    write_json(_job_path(output), job.model_dump())
    command = (DRIVER, str(output.folder), "--workers", str(workers))
    ask(
        submit_job,
        client,
        submission_id=job.job,
        entrypoint=entrypoint(*command, log=str(_log(output))),
        runtime_env={"env_vars": {**environment(settings), YUNET_VARIABLE: str(yunet_path())}},
    )
    return job


def _details(job: _Job) -> "JobDetails":
    return ask(connect(job.address).get_job_info, job.job)


def _job_path(output: BatchOutput) -> Path:
    return output.folder / "job.json"


def _log(output: BatchOutput) -> Path:
    return output.folder / "ray.log"


class _PartActor:
    """What Ray Data calls with batches of one part."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def __call__(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        for part in batch["part"]:
            _write(self._folder, int(part))  # loads the model here, so that its errors get through
        return batch


def drive(folder: Path, workers: int) -> None:
    """Write the missing parts in actors of the cluster that this process is a job of.

    Ray Data passes numbers of parts, no images. The task of an actor whose node is lost is given to
    it again wherever it starts next, three times at most, as its input may be what kills it.

    Args:
        folder: of the batch.
        workers: the number of actors, 0 for one per CPU.

    Raises:
        UserError: a part cannot be written, or its process is killed again and again.
    """
    import ray
    from ray.data import ActorPoolStrategy, DataContext
    from ray.exceptions import RayActorError, RayTaskError

    output = BatchOutput(folder)
    parts = output.missing()
    if not parts:
        return
    ray.init(address="auto", log_to_driver=False)
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.raise_original_map_exception = True
    size = min(len(parts), workers or max(1, int(ray.cluster_resources().get("CPU", 1))))
    items = ray.data.from_items([{"part": part} for part in parts], override_num_blocks=len(parts))
    written = items.map_batches(
        _PartActor,
        fn_constructor_args=(str(folder),),
        batch_size=1,
        num_cpus=1,
        max_task_retries=_RETRIES,
        compute=ActorPoolStrategy(size=size, max_tasks_in_flight_per_actor=1),
    )
    try:
        for _ in written.iter_batches(batch_size=None, prefetch_batches=0):
            pass
    except RayTaskError as error:
        if isinstance(error.cause, (UserError, OSError)):
            raise error.cause from None
        raise
    except RayActorError as error:
        raise _was_killed(output, size) from error
