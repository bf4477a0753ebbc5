"""The temporary folder of a search's Ray. Loads neither keras nor ray."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "ray"


@contextmanager
def ray_folder(note: Path) -> Iterator[str]:
    """Make the folder, and delete it at the end; its name is noted, for a process that is killed.

    Args:
        note: the file with the name. A folder that it names already is deleted.
    """
    remove_ray_folder(note)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=_parent()) as folder:
        note.write_text(Path(folder).name)
        yield folder
    note.unlink(missing_ok=True)


def remove_ray_folder(note: Path) -> None:
    """Delete the folder that a killed process has left, and its note, if there are any."""
    with suppress(OSError):
        name = Path(note.read_text()).name
        if name.startswith(_PREFIX):
            shutil.rmtree(_parent() / name, ignore_errors=True)
        note.unlink()


def _parent() -> Path:
    """Return a short path: those of sockets have about 100 characters at most."""
    short = Path("/tmp")
    return short if short.is_dir() else Path(tempfile.gettempdir())
