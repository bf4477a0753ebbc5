"""What a batch reads: files, and members of archives. Listed in a fixed order, one at a time."""

import shutil
import tempfile
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from pipeline.data.images import MAX_BYTES
from pipeline.data.readers.archive import DAMAGED, Member, is_archive, members
from pipeline.errors import UserError
from pipeline.vision.photo_files import files_of, too_large

LIST_ENDING = ".txt"

_MAX_RATIO = 20  # of what an archive unpacks to, to its own size; photos and videos hardly shrink


class Input(NamedTuple):
    """A photo or a video.

    Args:
        path: its absolute path, or that of the archive it is in.
        member: its name in the archive; empty if it is in none.
        problem: why nothing can be read there; empty if it was not tried.
    """

    path: str
    member: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """What results show: an archive is like a folder."""
        return f"{self.path}/{self.member}" if self.member else self.path


def list_inputs(
    sources: Iterable[Path], suffixes: Container[str], recursive: bool
) -> Iterator[Input]:
    """Yield the inputs that sources name, in their order; those of a folder or zip by name.

    An archive that is damaged or refused is an input with a problem, after those that can be
    listed before. So are an archive among the files of another, a folder in a folder that cannot
    be read, and what a list names in vain.

    Args:
        sources: files, folders, patterns, archives (zip, tar), and lists: text files with a
            file, archive or folder in each line, relative to the folder of the list.
        suffixes: endings of the files to take from folders and archives, in lower case.
        recursive: also take the files in the folders of a folder.

    Raises:
        UserError: a folder, a pattern or a list names nothing, or a list cannot be read.
    """
    for source in dict.fromkeys(sources):
        if source.suffix.lower() != LIST_ENDING:
            yield from _inputs_of(source.absolute(), suffixes, recursive)
            continue
        for line in _lines(source):
            path = source.absolute().parent / line
            try:
                yield from _inputs_of(path, suffixes, recursive)
            except UserError as error:
                yield Input(str(path), problem=str(error))


def _lines(source: Path) -> Iterator[str]:
    """Yield the lines of a list that are not blank, each once."""
    try:
        with source.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            lines = dict.fromkeys(line.strip() for line in file)
    except OSError as error:
        raise UserError(f"{source} cannot be read: {error.strerror}.") from error
    if any("\0" in line for line in lines):
        raise UserError(f"{source} is no list in UTF-8: save it as text in that encoding.")
    lines.pop("", None)
    if not lines:
        raise UserError(f"{source} is empty: write the path of a file into each line.")
    yield from lines


def _inputs_of(path: Path, suffixes: Container[str], recursive: bool) -> Iterator[Input]:
    unreadable: dict[str, str] = {}
    for file in files_of(path, recursive, suffixes, unreadable):
        if is_archive(file.name):
            yield from _members_of(file, suffixes)
        else:
            yield Input(str(file))
    yield from (Input(folder, problem=problem) for folder, problem in unreadable.items())


def _members_of(archive: Path, suffixes: Container[str]) -> Iterator[Input]:
    empty = True
    try:
        for member in members(archive, _MAX_RATIO):
            if is_archive(member.name):  # beside files, `members` leaves it closed
                empty = False
                problem = f"{archive}/{member.name} is in an archive itself: unpack it first."
                yield Input(str(archive), member.name, problem)
            elif PurePosixPath(member.name).suffix.lower() in suffixes:
                empty = False
                yield Input(str(archive), member.name)
    except UserError as error:
        yield Input(str(archive), problem=str(error))
    except (*DAMAGED, OSError) as error:
        yield Input(str(archive), problem=_cannot_read(archive, error))
    else:
        if empty:
            yield Input(str(archive), problem=f"{archive} holds no file of the right kind.")


def _cannot_read(archive: Path, error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{archive} cannot be read: {error.strerror}."
    return f"{archive} is damaged ({error or type(error).__name__}): copy or download it again."


class ArchiveReader:
    """Opens members of archives; in the order of their list, it passes through each archive once.

    Not thread-safe.
    """

    def __init__(self) -> None:
        self._archive = ""
        self._members: Iterator[Member] = iter(())

    def read(self, given: Input) -> bytes:
        """Return the content of a photo in an archive.

        Raises:
            UserError: it cannot be read, or is too large for an image.
        """
        with _explained(given):
            member = self._find(given)
            if member.size > MAX_BYTES:
                raise too_large(given.name, member.size)
            with member.open() as file:
                return file.read()

    @contextmanager
    def copy(self, given: Input) -> Iterator[Path]:
        """Copy a member of an archive to a temporary file, for readers that need a path.

        Raises:
            UserError: it cannot be read.
        """
        with tempfile.NamedTemporaryFile(suffix=PurePosixPath(given.member).suffix) as copy:
            with _explained(given), self._find(given).open() as file:
                shutil.copyfileobj(file, copy)
                copy.flush()
            yield Path(copy.name)

    def _find(self, given: Input) -> Member:
        """Return a member: the next one of its name, else the first in a new pass."""
        if given.path == self._archive:
            for member in self._members:
                if member.name == given.member:
                    return member
        self._archive, self._members = given.path, members(Path(given.path), _MAX_RATIO)
        for member in self._members:
            if member.name == given.member:
                return member
        raise UserError(f"{given.name} is gone.")


@contextmanager
def _explained(given: Input) -> Iterator[None]:
    try:
        yield
    except (*DAMAGED, OSError) as error:
        raise UserError(_cannot_read(Path(given.name), error)) from error
