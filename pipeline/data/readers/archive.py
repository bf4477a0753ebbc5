"""The files of a folder, a zip or a tar, one after the other, with their dangers taken out.

Knows nothing of faces.
"""

import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from pipeline.errors import UserError

LARGEST = 4 * 1024**3
TAR_ENDINGS = (".tar.gz", ".tgz", ".tar")
DAMAGED = (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error)


class Member(NamedTuple):
    """A file inside a source: its path there, how to open it, how much was read (0 to 1)."""

    name: str
    open: Callable[[], IO[bytes]]
    progress: Callable[[], float]


def is_tar(path: Path) -> bool:
    """Tell whether a path names a tar archive, packed or not."""
    return path.name.lower().endswith(TAR_ENDINGS)


def members(source: Path) -> Iterator[Member]:
    """Give the files of a folder, zip or tar; hidden ones and macOS' shadows are passed over.

    A folder's and a zip's come sorted by name, a tar's in its own order, which is the only one it
    can be read in: read each before asking for the next. Any other file is its own only member.

    Raises:
        UserError: the source is empty, unpacks to more than 4 GB, or holds a link or a member
            that escapes the folder.
        DAMAGED: the archive is truncated or broken; reading a member may raise it too.
    """
    if source.is_dir():
        found = _of_folder(source)
    elif is_tar(source):
        found = _of_tar(source)
    elif source.suffix.lower() == ".zip":
        found = _of_zip(source)
    else:
        found = _of_file(source)
    empty = True
    for member in found:
        empty = False
        if not any(p.startswith((".", "__MACOSX")) for p in PurePosixPath(member.name).parts):
            yield member
    if empty:
        raise UserError(f"{source.name} is empty: there is nothing to import in it.")


def _of_file(source: Path) -> Iterator[Member]:
    with source.open("rb") as file:
        size = source.stat().st_size
        yield Member(source.name, lambda: file, lambda: file.tell() / size)


def _of_folder(folder: Path) -> Iterator[Member]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    root = folder.resolve()
    for number, path in enumerate(files):
        name = path.relative_to(folder).as_posix()
        if not path.resolve().is_relative_to(root):
            raise _refused(folder, name, "is a link that leads out of the folder")
        yield Member(name, lambda p=path: p.open("rb"), lambda n=number: n / len(files))  # type: ignore[misc]


def _of_zip(source: Path) -> Iterator[Member]:
    with zipfile.ZipFile(source) as archive:
        infos = sorted((i for i in archive.infolist() if not i.is_dir()), key=lambda i: i.filename)
        for info in infos:
            _check_name(source, info.filename)
            if stat.S_ISLNK(info.external_attr >> 16):
                raise _refused(source, info.filename, "is a link")
            if info.flag_bits & 1:
                raise _refused(source, info.filename, "is encrypted")
        _check_size(source, sum(info.file_size for info in infos))
        for number, info in enumerate(infos):
            yield Member(
                info.filename,
                lambda i=info: archive.open(i),  # type: ignore[misc]
                lambda n=number: n / len(infos),  # type: ignore[misc]
            )


def _of_tar(source: Path) -> Iterator[Member]:
    size = source.stat().st_size
    total = 0
    with source.open("rb") as file, tarfile.open(fileobj=file) as archive:
        for info in archive:
            _check_name(source, info.name)
            if info.isdir():
                continue
            if not info.isfile():
                raise _refused(source, info.name, "is a link or a device")
            total += info.size
            _check_size(source, total)
            yield Member(
                info.name,
                lambda i=info: archive.extractfile(i),  # type: ignore[misc,arg-type,return-value]
                lambda: file.tell() / size,
            )


def _check_name(source: Path, name: str) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise _refused(source, name, "escapes the folder")


def _check_size(source: Path, size: int) -> None:
    if size > LARGEST:
        raise UserError(
            f"{source.name} unpacks to more than {LARGEST / 1024**3:g} GB, which no set of "
            "48x48 faces needs: import the folder instead."
        )


def _refused(source: Path, name: str, reason: str) -> UserError:
    return UserError(f"{source.name} is refused because its member '{name}' {reason}.")
