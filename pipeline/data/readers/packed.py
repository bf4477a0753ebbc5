"""The members of a zip or tar, checked before they are read and never written to disk."""

import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Self, cast

from pipeline.data.readers.member import Member, readable, refused
from pipeline.errors import UserError

LARGEST = 4 * 1024**3
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    UnicodeDecodeError,
    struct.error,
)
_CHUNK_BYTES = 1024**2


def zip_members(source: Path) -> Iterator[Member]:
    """Give the members of a zip, sorted by name."""
    with zipfile.ZipFile(source) as archive:
        infos = sorted((i for i in archive.infolist() if not i.is_dir()), key=lambda i: i.filename)
        names = [_plain_name(source, info.filename) for info in infos]
        for info, name in zip(infos, names, strict=True):
            if stat.S_ISLNK(info.external_attr >> 16):
                raise refused(source, name, "is a link")
            if info.flag_bits & 1:
                raise refused(source, name, "is encrypted")
        _check_size(source, sum(info.file_size for info in infos))
        for number, (info, name) in enumerate(zip(infos, names, strict=True)):
            yield Member(name, info.file_size, number / len(infos), partial(archive.open, info))


class _StrictTarInfo(tarfile.TarInfo):
    """Stops at a broken or missing header, where Python's own takes it for the end."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise  # the empty block that every tar ends with
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error


def tar_members(source: Path) -> Iterator[Member]:
    """Give the members of a tar in its own order; each is to be read before the next."""
    packed = source.stat().st_size
    total = 0
    with (
        source.open("rb") as file,
        tarfile.open(fileobj=file, tarinfo=_StrictTarInfo) as archive,
    ):
        for info in archive:
            name = _plain_name(source, info.name)
            if info.isdir():
                continue
            if not info.isfile():
                raise refused(source, name, "is a link or a device")
            total += info.size
            _check_size(source, total)
            opened = partial(archive.extractfile, info)
            yield Member(
                name, info.size, file.tell() / packed, cast(Callable[[], IO[bytes]], opened)
            )
        unpacked = cast(IO[bytes], archive.fileobj)
        while chunk := unpacked.read(_CHUNK_BYTES):  # to the end, where gzip keeps its checksum
            total += len(chunk)
            _check_size(source, total)


def _plain_name(source: Path, name: str) -> str:
    path = PurePosixPath(readable(name).replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or PureWindowsPath(name).drive:
        raise refused(source, name, "escapes the folder")
    return str(path)


def _check_size(source: Path, size: int) -> None:
    if size > LARGEST:
        raise UserError(
            f"{source.name} unpacks to more than {LARGEST / 1024**3:g} GB, which no set of "
            "48x48 faces needs: import the folder instead."
        )
