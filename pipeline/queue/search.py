"""A search: an experiment whose trials Ray Tune chooses from a space. Loads neither keras nor ray.

The search itself is a job of this machine. Its trials are queued runs of the experiment, trained
by the queue's engine, so that they go on if the search is killed; it goes on with them later.
"""

import hashlib
import os
import secrets
import shlex
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from filelock import Timeout
from pydantic import BaseModel, ConfigDict, Field

from pipeline.config.options import config_options
from pipeline.config.train_config import TrainConfig
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.jobs import Job, search_job
from pipeline.locks import CLAIM_LOST_S, locked
from pipeline.queue import queue
from pipeline.queue.ray_folder import remove_ray_folder
from pipeline.queue.space import Axis, at_ends, check_size, parse_space, space_text
from pipeline.runs import RunRow, RunTable
from pipeline.storage import cannot_write, on_network, write_json
from pipeline.training.run_setup import find_exclusions, validate
from pipeline.workspace import workspace

Algorithm = Literal["asha", "random", "bayes"]
"""`asha` draws at random and cuts early (Li et al. 2018, https://arxiv.org/abs/1810.05934),
`random` only draws, `bayes` chooses by the results so far (the TPE of Optuna)."""

NOT_PROMISING = "Not promising: cut by the search."
"""The message of a trial that was stopped because others were better after as many epochs."""

MIN_SAMPLES = {"asha": 4, "random": 2, "bayes": 11}
MAX_SAMPLES = 1000

_LET_GO_S = 2.0
"""How long a search that has just been killed may still hold its lock."""

_RAY_ENVIRONMENT = {
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on Linux it means: loopback alone
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_memory_monitor_refresh_ms": "0",  # what fills the memory are the trainings, not its actors
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
}

SearchState = Literal["running", "finished", "failed", "stopped"]


class Search(BaseModel):
    """A search as it is stored.

    Args:
        name: the experiment's.
        config: the fields that all trials share.
        space: of the others, see `parse_space`.
        samples: the number of trials.
        algorithm: how they are chosen.
        seed: of all random choices.
        finished: whether all trials have ended.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    config: TrainConfig
    space: str
    samples: Annotated[int, Field(le=MAX_SAMPLES)]
    algorithm: Algorithm
    seed: int
    finished: bool = False

    @classmethod
    def make(
        cls,
        name: str,
        config: TrainConfig,
        space: str,
        samples: int,
        algorithm: str,
        seed: int | None = None,
    ) -> Self:
        """Return a search whose values are all checked.

        Args:
            name: the experiment's.
            config: the fields that all trials share.
            space: of the others, see `parse_space`.
            samples: the number of trials.
            algorithm: one of `Algorithm`.
            seed: of all random choices; None for a random one.

        Raises:
            UserError: one of them is wrong, or the trials could not be trained.
        """
        if not name.strip():
            raise UserError("Give the experiment a name.")
        if algorithm not in get_args(Algorithm):
            choices = ", ".join(get_args(Algorithm))
            raise UserError(f"Unknown search '{algorithm}'. Choose from: {choices}.")
        axes = parse_space(space)
        fields = {axis.field for axis in axes}
        if "monitor" in fields:
            raise UserError("monitor is what trials are compared by: leave it out of the space.")
        if algorithm == "asha" and fields & {"epochs", "head_epochs"}:
            raise UserError(
                "asha compares trials after equal epochs: search the number of epochs by random "
                "or bayes."
            )
        _check_samples(config, axes, samples, algorithm)
        dataset = load_dataset(config.dataset)
        for each in at_ends(config, axes):
            validate(each, dataset)
            find_exclusions(each, dataset)
        return cls(
            name=name.strip(),
            config=config,
            space=space_text(axes),
            samples=samples,
            algorithm=algorithm,
            seed=secrets.randbelow(2**31) if seed is None else seed,
        )

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the space."""
        return parse_space(self.space)

    @property
    def job(self) -> Job:
        """The process that chooses the trials."""
        return search_job(_key(self.name), self.name)

    @property
    def ray_note(self) -> Path:
        """The file that names the folder of its Ray, see `ray_folder`."""
        return _path(self.name).with_suffix(".ray")

    def locked(self) -> AbstractContextManager[None]:
        """Hold the lock of the search, so that no other process starts it or makes a trial."""
        return locked(_path(self.name).with_suffix(".lock"))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock of the one process that runs the search.

        Raises:
            UserError: another process holds it.
        """
        path = _path(self.name).with_suffix(".running.lock")
        wait_s = _LET_GO_S + CLAIM_LOST_S * on_network(path.parent)
        try:
            with locked(path, timeout_s=wait_s):
                yield
        except Timeout:
            raise _running_already(self) from None

    def state(self) -> SearchState:
        """Return how the search is: `stopped` if it was canceled or killed and can go on."""
        if self.job.running():
            return "running"
        if self.finished:
            return "finished"
        return "failed" if self.job.failure() else "stopped"

    def trials(self, rows: Iterable[RunRow]) -> list[RunRow]:
        """Return those of some runs that are of the experiment."""
        return [row for row in rows if row.notes.experiment == self.name]

    def save(self) -> None:
        """Write the search, see `find_search`.

        Raises:
            UserError: it cannot be written.
        """
        path = _path(self.name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, self.model_dump(mode="json"))
        except OSError as error:
            raise cannot_write(f"The search cannot be written to {path}", error) from error


def _check_samples(
    config: TrainConfig, axes: tuple[Axis, ...], samples: int, algorithm: str
) -> None:
    least = MIN_SAMPLES[algorithm]
    if samples < least:
        why = "as it draws the first 10 at random" if algorithm == "bayes" else "to compare some"
        raise UserError(f"{samples} trials are too few: {algorithm} needs {least}, {why}.")
    if samples > MAX_SAMPLES:
        raise UserError(f"{samples} trials are too many: take {MAX_SAMPLES} at most.")
    check_size(config, axes, samples)


def prepare_ray() -> None:
    """Set the environment that Ray reads when it is imported.

    Raises:
        UserError: it is not installed; the sentence names the extra.
    """
    check_search_installed()
    os.environ.update(_RAY_ENVIRONMENT, EMOTION_WORKSPACE=str(workspace()))


def check_search_installed() -> None:
    """Check that the packages of a search are installed.

    Raises:
        UserError: they are not; the sentence names the extra.
    """
    if not (find_spec("ray") and find_spec("optuna")):
        raise UserError("A search needs Ray: pip install '.[ray]'.")


def search_command(search: Search) -> str:
    """Return the command that starts a search, without its seed."""
    words = ["python", "-m", "pipeline", "experiment", search.name, "--space", search.space]
    words += ["--samples", str(search.samples), "--search", search.algorithm]
    return shlex.join([*words, *config_options(search.config)])


def searches() -> dict[str, Search]:
    """Return experiment → its search, the newest first; damaged files are skipped."""
    paths = sorted(_folder().glob("*.json"), key=lambda path: path.stat().st_ctime, reverse=True)
    found = filter(None, map(_read, paths))
    return {search.name: search for search in found}


def find_search(name: str) -> Search | None:
    """Return the search of an experiment; None if it has none, or its file is damaged."""
    return _read(_path(name))


def search_named(name: str) -> Search:
    """Return the search of an experiment.

    Raises:
        UserError: it has none.
    """
    search = find_search(name)
    if search is None:
        raise UserError(f"Experiment '{name}' has no search: start one with --space.")
    return search


def start_search(search: Search) -> Search:
    """Start a search, or go on with the same one, which may have got more samples.

    Trials that have ended are not repeated. Those that were stopped by hand or interrupted go on.

    Args:
        search: a new one, or the stored one; its seed is the stored one's if there is one.

    Returns:
        The search that was started.

    Raises:
        UserError: Ray is missing, the search cannot be written or is running, or the experiment has
            another one.
    """
    check_search_installed()
    with search.locked():
        return _start(search)


def _start(search: Search) -> Search:
    before = find_search(search.name)
    if before and not before.job.running() and not before.trials(RunTable().rows()):
        before = None  # it has not begun, or its runs were deleted
    if before:
        search = search.model_copy(update={"seed": before.seed, "finished": before.finished})
        same = before.model_copy(update={"samples": search.samples})
        if search != same or search.samples < before.samples:
            another = (
                f"Experiment '{search.name}' has another search ({before.samples} samples of "
                f"{before.space} by {before.algorithm}): take another name"
            )
            raise UserError(
                f"{another}, or go on with --resume.",
                on_page=f"{another}, or resume that one under Experiments.",
            )
        if search == before and search.finished:
            raise UserError(
                f"The search '{search.name}' is finished: for more trials give the same command "
                "with more --samples.",
                on_page=f"The search '{search.name}' is finished: give it more trials, or take "
                "another name.",
            )
    if search.job.running():
        raise _running_already(search)
    search = search.model_copy(update={"finished": False})
    search.save()
    search.job.start()
    return search


def _running_already(search: Search) -> UserError:
    return UserError(f"The search '{search.name}' is running already.")


def cancel_search(search: Search) -> None:
    """End a search and stop its trials; `start_search` goes on with both.

    Raises:
        UserError: the search is not running, or runs on another machine, or a trial belongs to
            another user.
    """
    if search.job.process() is None:
        elsewhere = " here, but on another machine" if search.job.running() else ""
        raise UserError(f"The search '{search.name}' is not running{elsewhere}.")
    search.job.cancel()
    remove_ray_folder(search.ray_note)
    failures: list[UserError] = []
    for row in search.trials(RunTable().rows()):
        if row.state in ("queued", "running"):
            try:
                queue.stop(row.run)
            except FileNotFoundError:  # deleted at this moment
                pass
            except UserError as error:
                if row.run.state() in ("queued", "running"):  # else it has just ended
                    failures.append(error)
    if failures:
        raise failures[0]


def _key(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def _folder() -> Path:
    return workspace() / "searches"


def _path(name: str) -> Path:
    return _folder() / f"{_key(name)}.json"


def _read(path: Path) -> Search | None:
    try:
        return Search.model_validate_json(path.read_text())
    except (OSError, ValueError):
        return None
