"""The files of a folder, a zip or a tar, one after the other, with their dangers taken out.

Knows nothing of faces.
"""

import os
from collections.abc import Iterator
from functools import partial
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import NoReturn

from pipeline.data.readers.member import Member, readable, refused
from pipeline.data.readers.packed import tar_members, zip_members
from pipeline.errors import UserError

TAR_ENDINGS = (".tar.gz", ".tgz", ".tar")
_LITTER = frozenset(("__macosx", "desktop.ini", "ehthumbs.db", "thumbs.db"))


def is_tar(path: Path) -> bool:
    """Tell whether a path names a tar archive, packed or not."""
    return path.name.lower().endswith(TAR_ENDINGS)


def members(source: Path) -> Iterator[Member]:
    """Give the files of a folder, zip or tar; hidden ones and systems' litter are passed over.

    A folder's and a zip's come sorted by name, a tar's in its own order, which is the only one it
    can be read in: read each before asking for the next. Any other file is its own only member.

    Raises:
        UserError: the source is empty, unpacks to more than 4 GB, or holds a link, a member
            twice, or one that escapes the folder.
        DAMAGED: the archive is truncated or broken; reading a member may raise it too.
    """
    seen: set[str] = set()
    for member in _all_members(source):
        if member.name in seen:
            raise refused(source, member.name, "comes twice")
        seen.add(member.name)
        if not any(map(_is_litter, PurePosixPath(member.name).parts)):
            yield member
    if not seen:
        raise UserError(f"{source.name} is empty: there is nothing to import in it.")


def _all_members(source: Path) -> Iterator[Member]:
    if source.is_dir():
        return _of_folder(source)
    if is_tar(source):
        return tar_members(source)
    if source.suffix.lower() == ".zip":
        return zip_members(source)
    return _of_file(source)


def _of_file(source: Path) -> Iterator[Member]:
    size = source.stat().st_size
    if size:
        yield Member(readable(source.name), size, 0.0, partial(FileIO, source))


def _of_folder(folder: Path) -> Iterator[Member]:
    files = sorted((path.relative_to(folder).as_posix(), path) for path in _walk(folder))
    for number, (name, path) in enumerate(files):
        size = path.stat().st_size
        yield Member(readable(name), size, number / len(files), partial(FileIO, path))


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not _is_litter(name)]
        for path in (Path(parent, name) for name in folders + files if not _is_litter(name)):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                name = path.relative_to(folder).as_posix()
                raise refused(folder, readable(name), "is a link or a device")
            if path.is_file():
                yield path


def _raise(error: OSError) -> NoReturn:
    raise error


def _is_litter(name: str) -> bool:
    return name.startswith(".") or name.lower() in _LITTER
