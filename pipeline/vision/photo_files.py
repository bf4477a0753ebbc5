"""Photos that a command names: files, folders and patterns, decoded and searched on all cores."""

import glob
import os
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

from pipeline.data.images import MAX_BYTES, SUFFIXES, ImageError, decode_gray
from pipeline.data.parallel import map_in_order
from pipeline.errors import UserError
from pipeline.vision.detectors import Detector
from pipeline.vision.photo import PhotoFaces, detect_faces, whole_image


def find_photos(
    paths: Iterable[Path], recursive: bool = False
) -> tuple[list[Path], list[UserError]]:
    """Return the files that paths name, each once, and the errors of paths that name none.

    A folder stands for the images in it, by name; hidden files are left out.

    Args:
        paths: files, folders, or patterns such as `photos/*.jpg`, where `**` is any folders.
        recursive: also take the images in the folders of a folder.
    """
    found: dict[Path, None] = {}
    errors = []
    for path in paths:
        try:
            found.update(dict.fromkeys(files_of(path, recursive)))
        except UserError as error:
            errors.append(error)
    return list(found), errors


def files_of(
    path: Path,
    recursive: bool,
    suffixes: Container[str] = SUFFIXES,
    unreadable: dict[str, str] | None = None,
) -> Iterator[Path]:
    """Yield the files that a path names, see `find_photos`, of a folder those with some endings.

    Args:
        path: a file, folder or pattern.
        recursive: also take the files in the folders of a folder.
        suffixes: endings of the files to take from folders, in lower case.
        unreadable: gets each folder in the folder that cannot be read, and why; without it, the
            first one raises.

    Raises:
        UserError: it names none, or cannot be read.
    """
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except OSError as error:  # such as a name that is too long
        raise _cannot_read(path, error) from error
    if is_folder:
        yield from _files_in(path, recursive, suffixes, unreadable)
        return
    if exists or not glob.has_magic(str(path)):
        yield path
        return
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
    files = [match for match in matches if not match.is_dir()]
    if not files:
        raise UserError(f"{path} matches no file: correct it, or name a folder.")
    yield from files


def _files_in(
    folder: Path, recursive: bool, suffixes: Container[str], unreadable: dict[str, str] | None
) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        problem = _cannot_read(error.filename, error)
        if unreadable is None or error.filename == str(folder):
            raise problem from error
        unreadable[error.filename] = str(problem)

    empty = True
    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        for name in sorted(names):
            if Path(name).suffix.lower() in suffixes and not name.startswith("."):
                empty = False
                yield Path(parent, name)
    if empty and not unreadable:
        kind = "image" if suffixes is SUFFIXES else "video"
        where = "" if recursive else "; --recursive also takes those in its folders"
        raise UserError(f"{folder} holds no {kind}{where}.")


def faces_of_files(
    paths: Iterable[Path], detector: Detector, cropped: bool = False
) -> Iterator[PhotoFaces | UserError]:
    """Decode image files and find their faces on all cores, in the order of the paths.

    Args:
        paths: image files.
        detector: one that may be used in several threads, such as `PhotoDetector`.
        cropped: each image is one face, so no detector is used.

    Yields:
        The faces of each, or why it cannot be read.
    """

    def faces_of(path: Path) -> PhotoFaces | UserError:
        try:
            return faces_of_photo(path, read_photo(path), detector, cropped)
        except UserError as error:
            return error

    return map_in_order(faces_of, paths)


def faces_of_photo(
    name: Path | str, content: bytes, detector: Detector, cropped: bool
) -> PhotoFaces:
    """Decode an image file and find its faces, see `faces_of_files`.

    Raises:
        UserError: it cannot be decoded.
    """
    try:
        gray = decode_gray(content)
    except ImageError as error:
        raise UserError(f"{name} {error}.") from error
    return whole_image(gray) if cropped else detect_faces(gray, detector)


def read_photo(path: Path) -> bytes:
    """Return the content of an image file.

    Raises:
        UserError: it cannot be read, is no regular file, or is too large for an image.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise UserError(f"{path} is not a regular file.")
        if size > MAX_BYTES:
            raise too_large(path, size)
        return path.read_bytes()
    except OSError as error:
        raise _cannot_read(path, error) from error


def _cannot_read(path: Path | str, error: OSError) -> UserError:
    return UserError(f"{path} cannot be read: {error.strerror}.")


def too_large(name: Path | str, size: int) -> UserError:
    """Return the error for an image file of more than `MAX_BYTES`, its size in bytes."""
    return UserError(
        f"{name} has {size / 1024**2:,.0f} MB, more than the {MAX_BYTES // 1024**2} MB that are "
        "read of a photo: save it as JPEG."
    )
