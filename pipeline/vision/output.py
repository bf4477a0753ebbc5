"""A file that is written whole or not at all, however long its writing takes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av

from pipeline.errors import UserError


def partial_path(target: Path) -> Path:
    """Return where a file is written until it is whole: beside it, hidden."""
    return target.with_name(f".{target.name}.part")


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """Give the path to write a new file to, which takes its name at the end if nothing failed.

    Raises:
        UserError: the file exists already, or cannot be written.
    """
    with writing(target):
        if target.exists():
            raise UserError(f"{target} exists already: remove it, or choose another name.")
        partial = partial_path(target)
        partial.touch()
    try:
        yield partial
        with writing(target):
            partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn what goes wrong while a file is written into one sentence.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        raise UserError(
            f"{target} cannot be written ({error.strerror or error}): choose a folder that exists, "
            "can be written to and has space."
        ) from error
