"""The files of a folder, a zip or a tar and of the archives in it, checked for unsafe members.

Nothing is unpacked to a path; an archive inside another lies in a nameless temporary file while it
is read.
"""

import bz2
import gzip
import lzma
import os
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from io import BytesIO, FileIO
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any, NamedTuple, NoReturn, Self, cast

from pipeline.data.images import SUFFIXES
from pipeline.errors import UserError

TAR_ENDINGS = (".tar.gz", ".tgz", ".tar")
ZIP_ENDING = ".zip"
TABLE_ENDINGS = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
MAX_UNPACKED_BYTES = 4 * 1024**3
MAX_DEPTH = 3
MAX_HEADER_BYTES = 128 * 1024
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    UnicodeDecodeError,
    gzip.BadGzipFile,
    struct.error,
)
"""Errors from reading a truncated or broken archive."""

_HIDDEN_FILES = frozenset(("__macosx", "desktop.ini", "ehthumbs.db", "thumbs.db"))
_DATA_ENDINGS = (*SUFFIXES, ".npz", ".parquet")
_CHUNK_BYTES = 1024**2
# No LZMA: a small file may ask for gigabytes of memory to be unpacked in.
_OPENERS: dict[bytes, Any] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open}


class Member(NamedTuple):
    """A file inside a source.

    `name` is its path there with `/` between folders, `size` its length in bytes, `progress` the
    fraction of the source that lies before it, 0 to 1.
    """

    name: str
    size: int
    progress: float
    open: Callable[[], IO[bytes]]


def is_tar(path: Path) -> bool:
    """Return whether a path names a tar archive, compressed or not."""
    return path.name.lower().endswith(TAR_ENDINGS)


def members(source: Path, max_ratio: int = 0) -> Iterator[Member]:
    """Yield the files of a folder, zip or tar, without hidden files and those of macOS or Windows.

    Those of a folder or zip are sorted by name. Those of a tar come in its own order: read each
    before asking for the next. Any other file is its own only member. The archives in a source
    that holds no data itself are opened, too: `a.zip` in it is like a folder `a`. Others come last,
    as empty files.

    Args:
        source: a file or folder.
        max_ratio: an archive may unpack to more than 4 GB up to so many times its own size.

    Raises:
        UserError: the source is empty, unpacks to more than that, holds archives in archives more
            than 3 deep, or holds a link, a duplicate name, or a name that leads out of the folder.
        DAMAGED: the archive is truncated or broken; reading a member may raise it too.
    """
    seen: set[str] = set()
    max_bytes = max(MAX_UNPACKED_BYTES, max_ratio * source.stat().st_size)
    unpacking = _Unpacking(source.name, max_bytes)
    for member in _with_nested(partial(_of_path, source), unpacking, depth=0):
        if member.name in seen:
            raise unpacking.refused(member.name, "comes twice")
        seen.add(member.name)
        if not _is_hidden(member.name):
            yield member
    if not seen:
        raise UserError(f"{source.name} is empty: there is nothing to import in it.")


@contextmanager
def seekable(member: Member) -> Iterator[IO[bytes]]:
    """Open a member as a file of the operating system: itself, or a temporary copy."""
    with member.open() as content:
        if isinstance(content, FileIO):
            yield content
            return
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(content, copy, _CHUNK_BYTES)
            copy.seek(0)
            yield copy


@dataclass
class _Unpacking:
    """One pass over a source: its name, and the bytes that it may unpack to and has so far."""

    name: str
    max_bytes: int
    unpacked: int = 0

    def add(self, size: int) -> None:
        self.unpacked += size
        if self.unpacked > self.max_bytes:
            raise UserError(
                f"{self.name} unpacks to more than {self.max_bytes / 1024**3:.3g} GB, which no "
                "archive of images needs: unpack it, and name the folder instead."
            )

    def refused(self, name: str, reason: str) -> UserError:
        return UserError(f"{self.name} is refused because its member {name!r} {reason}.")


_Read = Callable[[_Unpacking], Iterator[Member]]


def _with_nested(read: _Read, unpacking: _Unpacking, depth: int) -> Iterator[Member]:
    """Yield what `read` yields; without data in that, also what the archives in it hold."""
    nested: list[str] = []
    has_data = False
    for member in read(unpacking):
        if is_archive(member.name) and not _is_hidden(member.name):
            nested.append(member.name)
        else:
            has_data = has_data or _is_data(member)
            yield member
    if nested and not has_data:
        if depth == MAX_DEPTH:
            raise unpacking.refused(nested[0], f"is an archive in {depth} others: unpack it first")
        yield from _of_nested(read, nested, unpacking, depth + 1)
    else:
        yield from (Member(name, 0, 1.0, BytesIO) for name in nested)


def _of_nested(
    read: _Read, nested: list[str], unpacking: _Unpacking, depth: int
) -> Iterator[Member]:
    uncounted = _Unpacking(unpacking.name, unpacking.max_bytes)  # the first pass has counted
    for archive in read(uncounted):
        if archive.name not in nested:
            continue
        of_archive = _of_tar if is_tar(Path(archive.name)) else _of_zip
        with seekable(archive) as file:
            for member in _with_nested(partial(of_archive, file), unpacking, depth):
                name = f"{_stem(archive.name)}/{member.name}"
                progress = (nested.index(archive.name) + member.progress) / len(nested)
                yield member._replace(name=name, progress=progress)


def is_archive(name: str) -> bool:
    """Return whether a name is that of a zip or tar."""
    return name.lower().endswith((*TAR_ENDINGS, ZIP_ENDING))


def _stem(name: str) -> str:
    ending = next(e for e in (*TAR_ENDINGS, ZIP_ENDING) if name.lower().endswith(e))
    return name[: -len(ending)]


def _is_data(member: Member) -> bool:
    name = member.name.lower()
    if not name.endswith(TABLE_ENDINGS):
        return name.endswith(_DATA_ENDINGS)
    with member.open() as file:
        lines = file.read(4096).splitlines()
    return max(map(len, lines), default=0) > 1000  # rows of pixels; a list of files is shorter


def _of_path(source: Path, unpacking: _Unpacking) -> Iterator[Member]:
    if source.is_dir():
        yield from _of_folder(source, unpacking)
    elif is_archive(source.name):
        with source.open("rb") as file:
            of_archive = _of_tar if is_tar(source) else _of_zip
            yield from of_archive(file, unpacking)
    elif size := source.stat().st_size:
        yield Member(_printable(source.name), size, 0.0, partial(FileIO, source))


def _of_folder(folder: Path, unpacking: _Unpacking) -> Iterator[Member]:
    files = sorted((path.relative_to(folder).as_posix(), path) for path in _walk(folder, unpacking))
    for i, (name, path) in enumerate(files):
        size = path.stat().st_size
        yield Member(_printable(name), size, i / len(files), partial(FileIO, path))


def _walk(folder: Path, unpacking: _Unpacking) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        for path in (Path(parent, name) for name in folders + files if not _is_hidden(name)):
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                name = path.relative_to(folder).as_posix()
                raise unpacking.refused(_printable(name), "is a link or a device")
            if path.is_file():
                yield path


def _raise(error: OSError) -> NoReturn:
    raise error


def _is_hidden(name: str) -> bool:
    return any(
        part.startswith(".") or part.lower() in _HIDDEN_FILES for part in PurePosixPath(name).parts
    )


def _of_zip(file: IO[bytes], unpacking: _Unpacking) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        infos = sorted(
            (i for i in archive.infolist() if not i.filename.endswith("/")),
            key=lambda i: i.filename,
        )
        names = [_safe_name(unpacking, info.filename) for info in infos]
        for info, name in zip(infos, names, strict=True):
            if not info.filename:
                raise unpacking.refused("", "has no name")
            if stat.S_ISLNK(info.external_attr >> 16):
                raise unpacking.refused(name, "is a link")
            if info.flag_bits & 1:
                raise unpacking.refused(name, "is encrypted")
            if info.compress_type == zipfile.ZIP_LZMA:
                raise unpacking.refused(name, "is packed by LZMA: pack it by Deflate")
        unpacking.add(sum(info.file_size for info in infos))
        for i, (info, name) in enumerate(zip(infos, names, strict=True)):
            yield Member(name, info.file_size, i / len(infos), partial(archive.open, info))


class _StrictTarInfo(tarfile.TarInfo):
    """Raises at a broken or missing header, where `tarfile` takes it for the end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise  # the empty block that every tar ends with
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error


class _TarFileObject:
    """The unpacked bytes of a tar, of which one member's headers may take `MAX_HEADER_BYTES`.

    `tarfile` reads headers for long names, attributes and sparse files into memory, of any size.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable
        self.limit: int | None = MAX_HEADER_BYTES

    def read(self, size: int = -1) -> bytes:
        if self.limit is not None and self.tell() + size > self.limit:
            raise tarfile.ReadError(f"a header of more than {MAX_HEADER_BYTES // 1024} KB")
        return self._file.read(size)


def _of_tar(file: IO[bytes], unpacking: _Unpacking) -> Iterator[Member]:
    packed = os.fstat(file.fileno()).st_size
    with _decompressed(file) as decompressed:
        content = _TarFileObject(decompressed)
        with tarfile.open(
            fileobj=cast(IO[bytes], content), mode="r:", tarinfo=_StrictTarInfo
        ) as archive:
            counted = 0
            while info := _next(archive, content):
                name = _safe_name(unpacking, info.name)
                unpacking.add(archive.offset - counted)
                counted = archive.offset
                if info.isdir():
                    continue
                if not info.isfile():
                    raise unpacking.refused(name, "is a link or a device")
                opened = cast(Callable[[], IO[bytes]], partial(archive.extractfile, info))
                yield Member(name, info.size, file.tell() / packed, opened)
            while chunk := content.read(_CHUNK_BYTES):  # to the end, where gzip has its checksum
                unpacking.add(len(chunk))


def _decompressed(file: IO[bytes]) -> AbstractContextManager[IO[bytes]]:
    file.seek(0)
    magic = file.read(2)
    file.seek(0)
    return cast(IO[bytes], _OPENERS[magic](file)) if magic in _OPENERS else nullcontext(file)


def _next(archive: tarfile.TarFile, content: _TarFileObject) -> tarfile.TarInfo | None:
    """Read a member's headers; forget those before it, or memory grows with them."""
    content.limit = archive.offset + MAX_HEADER_BYTES
    info = archive.next()
    content.limit = None
    archive.members.clear()  # type: ignore[attr-defined]
    archive.pax_headers = {}
    return info


def _safe_name(unpacking: _Unpacking, name: str) -> str:
    path = PurePosixPath(_printable(name).replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive:
        raise unpacking.refused(name, "escapes the folder")
    return str(path)


def _printable(name: str) -> str:
    """Return a name with bytes that are not UTF-8 as escapes."""
    return name.encode("utf-8", "backslashreplace").decode()
