"""Write files whole or not at all, and explain failures such as a full disk."""

import errno
import json
import os
import re
import shutil
import socket
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from threading import get_ident
from typing import Any

import pandas as pd
import psutil

from pipeline.errors import UserError

_PARTIAL = re.compile(r"\.(\d{1,7})-\d+(?:-([0-9a-f]{8}))?\.")  # process id, thread id, host
_SURROGATE = re.compile("[\ud800-\udfff]")
_FORMULA = re.compile(r"'*[=+\-@\t\r\n]")  # also behind apostrophes, so that one can be removed
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_OF_THE_DISK = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EFBIG,
    errno.EIO,
    errno.EISDIR,
    errno.ENOTDIR,
)

_NETWORK = {"9p", "beegfs", "ceph", "cifs", "lustre", "nfs", "nfs4", "smb3", "smbfs"}
_NETWORK |= {"fuse.ceph", "fuse.glusterfs", "fuse.sshfs", "glusterfs"}
_ABANDONED_AFTER_S = 24 * 3600.0


def file_version(file: Path) -> tuple[int, ...]:
    """Return device, inode, size and time of change of a file, as a cache key; () if missing."""
    try:
        stat = file.stat()
    except OSError:
        return ()
    return stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns


@contextmanager
def write_atomic(path: Path) -> Iterator[Path]:
    """Yield a path to write to; its file replaces `path` if the block raises nothing.

    The file is beside `path`, hidden and with the same suffix. It is synced to the disk before it
    replaces `path`, and its folder after that, so that not even a power cut undoes what was
    written. Readers see the old content or the new one, never a part of it.
    """
    partial = partial_path(path)
    try:
        yield partial
        sync(partial)
        partial.replace(path)
        sync(path.parent)
    except OSError as error:
        if error.filename in (None, str(partial)):
            error.filename = str(path)  # for the sentence that names it
        raise
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """Yield a new hidden folder, which is deleted when the block ends."""
    folder = partial_path(parent / "folder")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def leftovers(folder: Path) -> Iterator[Path]:
    """Yield what `partial_path` named below a folder, where the process was killed."""
    for path in folder.rglob(".*-*.*"):
        partial = _PARTIAL.match(path.name)
        if partial is None:
            continue
        pid, host = int(partial[1]), partial[2] or host_digest()
        ours = host == host_digest()
        if not (ours and psutil.pid_exists(pid)) and is_abandoned(path, host):
            yield path


def host_digest() -> str:
    """Return 8 digits for this host or container, outside which our process ids say nothing."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def is_abandoned(path: Path, host: str) -> bool:
    """Return whether what no process of this host writes is of no other host's, either.

    What may be another host's, by its digest or on a network's file system, must not have changed
    for a day.
    """
    with suppress(OSError):  # it is gone at this moment
        age_s = time.time() - path.lstat().st_mtime
        ours = host == host_digest() and not on_network(path.parent)
        return ours or age_s > _ABANDONED_AFTER_S
    return False


@cache
def on_network(folder: Path) -> bool:
    """Return whether a folder lies on a file system that several machines may share."""
    mounts = [
        (len(Path(mount.mountpoint).parts), mount.fstype)
        for mount in psutil.disk_partitions(all=True)
        if folder.resolve().is_relative_to(mount.mountpoint)
    ]
    return bool(mounts) and max(mounts)[1] in _NETWORK


def remove_leftovers(folder: Path) -> None:
    """Delete the `leftovers` below a folder."""
    for path in list(leftovers(folder)):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def folder_size(folder: Path) -> int:
    """Return the size of all files below a folder in bytes."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # files of running processes come and go
            total += path.stat().st_size if path.is_file() else 0
    return total


def partial_path(path: Path) -> Path:
    """Return the hidden path beside another where it is written or deleted, see `leftovers`."""
    return path.with_name(f".{os.getpid()}-{get_ident()}-{host_digest()}.{path.name}")


def sync(path: Path) -> None:
    """Wait until a file's content, or a folder's list of files, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def valid_text(text: str) -> str:
    """Return a text with U+FFFD for each lone surrogate, which no encoding knows.

    Bytes of the command line and of file names that are no UTF-8 become lone surrogates.
    """
    return _SURROGATE.sub("\ufffd", text)


def write_text(path: Path, content: str) -> None:
    """Write a text file whole or not at all, see `valid_text`."""
    with write_atomic(path) as partial:
        partial.write_text(valid_text(content))


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file whole or not at all."""
    write_text(path, json.dumps(content, indent=2))


def check_output(path: Path, *, folder: bool = False) -> None:
    """Check a path that the user named for an output; a link there would be followed elsewhere.

    Args:
        path: a new file, or one to replace; with `folder`, the folder of new files.
        folder: whether the outputs go into it.

    Raises:
        UserError: it is a symbolic link, or a file of another kind, such as a folder or a device.
    """
    if path.is_symlink():
        raise UserError(f"{path} is a symbolic link: name the place that it points to.")
    if path.exists() and not (path.is_dir() if folder else path.is_file()):
        kind = "a folder" if folder else "a regular file"
        raise UserError(f"{path} exists and is not {kind}: choose another name.")


def write_output(path: Path, content: str) -> None:
    """Write a text file that the user named, whole or not at all.

    Raises:
        UserError: `check_output` refuses the path, or it cannot be written to.
    """
    check_output(path)
    try:
        write_text(path, content)
    except OSError as error:
        raise cannot_write(f"{path} cannot be written", error, "choose another file") from error


def csv_cell(cell: object) -> object:
    """Return a cell of a table that is a formula to no spreadsheet.

    A text that begins as a formula gets an apostrophe before it, as OWASP advises
    (https://owasp.org/www-community/attacks/CSV_Injection); numbers stay numbers.
    """
    formula = isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBER.fullmatch(cell)
    return f"'{cell}" if formula else cell


def read_csv_cell(text: str) -> str:
    """Return the text that `csv_cell` has changed, as it was."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def csv_text(table: pd.DataFrame) -> str:
    """Return a table as CSV (RFC 4180) without its index, see `csv_cell`."""
    texts = table.select_dtypes(exclude="number").columns
    safe = table.assign(**{name: table[name].map(csv_cell) for name in texts})
    return safe.to_csv(index=False, lineterminator="\r\n")


def explain_disk(error: OSError) -> UserError | None:
    """Return a sentence for a disk that is full, read-only or closed to us; None for other errors.

    For what nobody closer to the cause has explained.
    """
    if error.errno not in _OF_THE_DISK:
        return None
    return cannot_write(f"{error.filename or 'A file'} cannot be read or written", error)


def cannot_write(
    what: str, error: OSError, cure: str = "free some space there, or make it writable"
) -> UserError:
    """Return the error for a file that cannot be written, for example on a full disk.

    Args:
        what: the failure and its place, such as `The run cannot be written to /data`.
        error: the reason.
        cure: the advice.
    """
    return UserError(f"{what} ({error.strerror or error}): {cure}.")
