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
from functools import lru_cache
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from pipeline.errors import UserError
from pipeline.jobs import last_line
from pipeline.queue.engines import check_installed
from pipeline.queue.engines.ray import (
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

if TYPE_CHECKING:
    from ray.job_submission import JobDetails

DRIVER = "write-parts"
"""The command that is the job on a cluster."""

_POLL_S = 1.0
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
            raise UserError(
                "A process was killed, perhaps for lack of memory: the same command goes on, with "
                "--workers in fewer processes."
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


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
    job = _running_job(output) or _submit(output, workers)
    try:
        while not (details := _details(job)).status.is_terminal():
            on_progress(1 - len(output.missing()) / output.parts)
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        ask(connect(job.address).stop_job, job.job)
        raise UserError(_STOPPED) from None
    if output.missing():
        reason = last_line(_log(output)) if details.driver_exit_code else "the job was stopped"
        raise UserError(f"The cluster has not written all parts: {reason}")
    on_progress(1.0)


def _running_job(output: BatchOutput) -> _Job | None:
    try:
        job = _Job.model_validate_json(_job_path(output).read_text())
    except (OSError, ValidationError):
        return None
    try:
        return None if _details(job).status.is_terminal() else job
    except UserError:
        return None  # the cluster was started again, or is another one


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
        runtime_env={"env_vars": environment(settings)},
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
        self._worker = PartWorker(Path(folder))

    def __call__(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        for part in batch["part"]:
            self._worker.write(int(part))
        return batch


def drive(folder: Path, workers: int) -> None:
    """Write the missing parts in actors of the cluster that this process is a job of.

    Ray Data passes numbers of parts, no images. The task of an actor whose node is lost is given to
    it again wherever it starts next.

    Args:
        folder: of the batch.
        workers: the number of actors, 0 for one per CPU.

    Raises:
        UserError: a part cannot be written.
    """
    import ray
    from ray.data import ActorPoolStrategy, DataContext
    from ray.exceptions import RayTaskError

    parts = BatchOutput(folder).missing()
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
        compute=ActorPoolStrategy(size=size, max_tasks_in_flight_per_actor=1),
    )
    try:
        for _ in written.iter_batches(batch_size=None, prefetch_batches=0):
            pass
    except RayTaskError as error:
        if isinstance(error.cause, (UserError, OSError)):
            raise error.cause from None
        raise
