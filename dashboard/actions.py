"""All that pages change. Each action refuses those who may not edit, and keeps to the limits.

Pages call these and nothing else that starts, changes or deletes something, which
tests/dashboard/test_access.py checks.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from dashboard.access import allowed_path, for_editors
from dashboard.limits import check_jobs, check_queue
from models.backbone import Backbone
from pipeline.config.train_config import TrainConfig
from pipeline.data import exclusions, store
from pipeline.errors import UserError
from pipeline.evaluation import calibration
from pipeline.jobs import Job, add_model_job
from pipeline.queue import queue, search, settings
from pipeline.queue.experiment import submit_experiment
from pipeline.queue.search import Search
from pipeline.queue.space import at_ends
from pipeline.registry.new_model import check_free
from pipeline.runs import Notes, Run, list_bundled, list_runs
from pipeline.storage import write_json


class Movable(Protocol):
    """A file that can be moved into a folder."""

    def move(self, folder: Path) -> str:
        """Move it; return its new path."""


rename_dataset = for_editors(store.rename_dataset)
remove_dataset = for_editors(store.remove_dataset)
exclude = for_editors(exclusions.exclude)
include = for_editors(exclusions.include)
remove_exclusions = for_editors(exclusions.remove_exclusions)

stop_run = for_editors(queue.stop)
move_run = for_editors(queue.move)
set_max_parallel_runs = for_editors(settings.set_max_parallel_runs)
set_engine = for_editors(queue.set_engine)
change_notes = for_editors(Run.change_notes)
remove_run = for_editors(Run.remove)

cancel_search = for_editors(search.cancel_search)

calibrate = for_editors(calibration.calibrate)


@for_editors
def start_run(config: TrainConfig, notes: Notes | None = None) -> Run:
    """Queue a run; see `queue.submit`."""
    check_queue()
    return queue.submit(with_allowed_weights(config), notes)


@for_editors
def start_experiment(name: str, runs: Sequence[tuple[str, TrainConfig]]) -> list[Run]:
    """Queue all runs of an experiment; see `submit_experiment`."""
    check_queue(len(runs))
    return submit_experiment(name, [(title, with_allowed_weights(run)) for title, run in runs])


@for_editors
def start_search(new: Search) -> None:
    """Start a search or go on with it; see `search.start_search`."""
    check_jobs()
    for config in at_ends(new.config, new.axes):
        with_allowed_weights(config)
    search.start_search(new)


@for_editors
def resume_run(run: Run, epochs: int | None = None) -> None:
    """Queue a run that ended; see `queue.resume`."""
    check_queue()
    queue.resume(run, epochs)


@for_editors
def start_job(job: Job) -> None:
    """Start a job, if not too many are running."""
    check_jobs()
    job.start()


@for_editors
def add_model(
    name: str, source: str, options: Sequence[str], upload: Movable | None = None
) -> None:
    """Start adding a model file.

    Args:
        name: the new model's.
        source: path of the file or folder; of an upload, empty.
        options: of the command `add-model`.
        upload: the file, if it is an upload; it is moved to the job.

    Raises:
        UserError: the name is taken, too many jobs are running, or the disk is too full.
    """
    check_free(name)
    check_jobs()
    job = add_model_job(name)
    if job.running():
        raise UserError(f"A model '{name}' is being added: choose another name.")
    if upload is not None:
        source = upload.move(job.folder / "source")
    job.folder.mkdir(parents=True, exist_ok=True)
    (job.folder / "search.json").unlink(missing_ok=True)
    write_json(job.folder / "request.json", {"source": source, "options": list(options)})
    add_model_job(name, source, options).start()


@for_editors
def cancel_job(job: Job) -> None:
    """Cancel a job."""
    job.cancel()


def start_own_job(job: Job) -> None:
    """Start a job on a file that the viewer has uploaded."""
    check_jobs()
    job.start()


def cancel_own_job(job: Job) -> None:
    """Cancel a job on a file that the viewer has uploaded."""
    job.cancel()


def with_allowed_weights(config: TrainConfig) -> TrainConfig:
    """Return a configuration whose weights, where they are a file, lie below the import root.

    Raises:
        UserError: they lie elsewhere.
    """
    model = config.model
    if not isinstance(model, Backbone) or model.weights in model.named_weights:
        return config
    if model.weights in (run.name for run in (*list_bundled(), *list_runs())):
        return config
    path = allowed_path(model.weights)
    if not path.is_file() and not Path(model.weights).is_file():
        return config  # it is refused as unknown
    weights = model.model_copy(update={"weights": str(path)})
    return config.model_copy(update={"model": weights})
