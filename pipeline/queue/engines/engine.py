"""What every engine does. Loads no keras."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Protocol

from pipeline.errors import UserError
from pipeline.runs import Run, Status


@dataclass(frozen=True)
class Handle:
    """A run that an engine has started.

    Args:
        run: the run.
        engine: the engine's name, a key of `ENGINES`.
        job: what the engine knows it by; it may be empty once another process asks.
        address: of the cluster that it was given to; empty on one machine.
    """

    run: Run
    engine: str
    job: str = ""
    address: str = ""

    @classmethod
    def of(cls, run: Run, status: Status) -> "Handle":
        """Return the handle of a run that another process may have started."""
        return cls(run, status.engine, status.job, status.address)


class Unreachable(UserError):
    """The engine cannot be reached at the moment: queued runs wait until it can be."""


class Engine(Protocol):
    """Trains queued runs by `python -m pipeline train-run NAME`, somewhere."""

    def start(self, run: Run) -> Handle:
        """Start the training of a queued run, which claims it once it begins.

        Raises:
            FileNotFoundError: the run is deleted at this moment.
            Unreachable: it stays queued.
            UserError: it cannot be started.
        """

    def poll(self, handle: Handle) -> bool:
        """Return whether the training has ended; if it has not recorded that, do so now."""

    def stop(self, handle: Handle) -> None:
        """Stop the training at once: within a step here, within seconds on another machine.

        Raises:
            UserError: that is not possible.
        """


def check_installed(engine: str) -> None:
    """Check that the optional package of an engine is installed.

    Raises:
        UserError: it is not; the sentence names the extra.
    """
    if engine == "ray" and find_spec("ray") is None:
        raise UserError("The engine 'ray' needs Ray: pip install '.[ray]'.")
