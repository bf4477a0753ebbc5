"""Folders of pictures: `<split>/<class>/*`, or `<class>/*` without splits, plain or packed."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import SPLITS, Batch
from pipeline.data.pictures import SUFFIXES, decode_gray, to_face
from pipeline.data.readers.archive import is_tar, members
from pipeline.data.readers.member import Member
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS, label_of

FER_PREFIXES = {"PublicTest_": "public_test", "PrivateTest_": "private_test"}
SPLIT_SYNONYMS = {
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "testing": "test",
    "publictest": "public_test",
    "privatetest": "private_test",
}
LARGEST_PICTURE = 64 * 1024**2
_FACES_AT_ONCE = 1024


class _Face(NamedTuple):
    image: NDArray[np.uint8]
    label: int
    split: str
    id: str


def matches(source: Path) -> bool:
    """Tell whether a folder or archive holds pictures; a CSV beside loose ones goes before them."""
    if source.suffix.lower() in SUFFIXES:
        return False
    loose = table = False
    for member in members(source):
        if _suffix(member) in SUFFIXES:
            loose = True
            if label_of(PurePosixPath(member.name).parent.name) is not None:
                return True
        table = table or _suffix(member) == ".csv"
        if table and is_tar(source):
            break  # reading on would unpack all of it
    return loose and not table


def read(source: Path, *, split: str, skip_unknown: bool) -> Iterator[Batch]:
    """Read every picture below a class folder.

    Args:
        source: a folder, a zip or a tar.
        split: where faces go that lie below no split's folder.
        skip_unknown: pass over folders that name no emotion instead of refusing them.

    Raises:
        UserError: a folder names no emotion, or a picture does not decode; names the file.
    """
    faces: list[_Face] = []
    taken: set[str] = set()
    skipped = 0
    for member in members(source):
        path = PurePosixPath(member.name)
        label = label_of(path.parent.name)
        if label is not None:
            if len(faces) == _FACES_AT_ONCE:
                yield _to_batch(faces, member.progress, skipped)
                faces, skipped = [], 0
            face_id = _unique_id(path, taken)
            faces.append(_Face(_read_image(source, member), label, _split_of(path, split), face_id))
        elif _suffix(member) in SUFFIXES:
            if not skip_unknown:
                raise _unknown(source, path)
            skipped += 1
    if not faces:
        raise UserError(
            f"{source.name} holds no picture in a folder named after an emotion "
            f"({', '.join(EMOTIONS)})."
        )
    yield _to_batch(faces, 1.0, skipped)


def _suffix(member: Member) -> str:
    return PurePosixPath(member.name).suffix.lower()


def _unique_id(path: PurePosixPath, taken: set[str]) -> str:
    """Return the path without its ending, or with it where `a.jpg` stands beside `a.png`."""
    face_id = str(path.with_suffix(""))
    if face_id in taken:
        face_id = str(path)
    while face_id in taken:
        face_id += "+"
    taken.add(face_id)
    return face_id


def _to_batch(faces: list[_Face], progress: float, skipped: int) -> Batch:
    images, labels, splits, ids = zip(*faces, strict=True)
    return Batch(
        np.stack(images),
        np.array(labels, np.uint8),
        np.array(splits),
        np.array(ids),
        progress,
        skipped,
    )


def _read_image(source: Path, member: Member) -> NDArray[np.uint8]:
    gray = None
    if member.size <= LARGEST_PICTURE:
        with member.open() as file:
            gray = decode_gray(file.read())
    if gray is None:
        raise UserError(
            f"{source.name}: the picture {member.name!r} does not decode: mend or remove it."
        )
    return to_face(gray)


def _split_of(path: PurePosixPath, otherwise: str) -> str:
    folder = path.parent.parent.name.lower()
    split = SPLIT_SYNONYMS.get(folder, folder)
    if split == "test":
        return next((s for p, s in FER_PREFIXES.items() if path.name.startswith(p)), split)
    return split if split in SPLITS else otherwise


def _unknown(source: Path, path: PurePosixPath) -> UserError:
    return UserError(
        f"{source.name}: the folder of {str(path)!r} names no emotion. Choose from: "
        f"{', '.join(EMOTIONS)}, or pass over such folders with --skip-unknown."
    )
