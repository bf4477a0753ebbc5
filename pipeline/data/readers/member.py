"""One file of a source, as every reader sees it."""

from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

from pipeline.errors import UserError


class Member(NamedTuple):
    """A file inside a source.

    `name` is its path there with `/` between folders, `size` its length in bytes, `progress` how
    much of the source lies before it (0 to 1).
    """

    name: str
    size: int
    progress: float
    open: Callable[[], IO[bytes]]


def readable(name: str) -> str:
    """Return a name in which a byte that is no text is written as an escape."""
    return name.encode("utf-8", "backslashreplace").decode()


def refused(source: Path, name: str, reason: str) -> UserError:
    """Return the sentence that names the source, its member and what is wrong with it."""
    return UserError(f"{source.name} is refused because its member {name!r} {reason}.")
