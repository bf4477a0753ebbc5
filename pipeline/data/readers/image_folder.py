"""Folders of pictures: `<split>/<class>/*`, or `<class>/*` without splits, plain or packed."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import SPLITS, Batch
from pipeline.data.pictures import SUFFIXES, decode_gray, to_face
from pipeline.data.readers.archive import Member, is_tar, members
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS, label_of

FER_PREFIXES = {"PublicTest_": "public_test", "PrivateTest_": "private_test"}
SPLIT_SYNONYMS = {"training": "train", "valid": "validation", "val": "validation"}
_FACES_AT_ONCE = 1024


def matches(source: Path) -> bool:
    """Tell whether a source holds pictures; of a tar, whether they come before any CSV."""
    for member in members(source):
        if _is_picture(member.name):
            return True
        if is_tar(source) and member.name.lower().endswith(".csv"):
            return False
    return False


def read(source: Path, *, split: str, skip_unknown: bool) -> Iterator[Batch]:
    """Read every picture below a class folder.

    Args:
        source: a folder, a zip or a tar.
        split: where faces go that lie below no split's folder.
        skip_unknown: pass over folders that name no emotion instead of refusing them.

    Raises:
        UserError: a folder names no emotion, or a picture does not decode; names the file.
    """
    faces: list[tuple[NDArray[np.uint8], int, str, str]] = []
    taken: set[str] = set()
    skipped = 0
    for member in members(source):
        path = PurePosixPath(member.name)
        label = label_of(path.parent.name)
        if label is None:
            if _is_picture(member.name):
                if not skip_unknown:
                    raise _unknown(source, path)
                skipped += 1
            continue
        face_id = str(path.with_suffix(""))
        face_id = member.name if face_id in taken else face_id
        taken.add(face_id)
        faces.append((_read_face(source, member), label, _split_of(path, split), face_id))
        if len(faces) == _FACES_AT_ONCE:
            yield _to_batch(faces, member.progress(), skipped)
            faces, skipped = [], 0
    if not taken:
        raise UserError(
            f"{source.name} holds no picture in a folder named after an emotion "
            f"({', '.join(EMOTIONS)})."
        )
    if faces:
        yield _to_batch(faces, 1.0, skipped)


def _to_batch(
    faces: list[tuple[NDArray[np.uint8], int, str, str]], progress: float, skipped: int
) -> Batch:
    images, labels, splits, ids = zip(*faces, strict=True)
    return Batch(
        np.stack(images),
        np.array(labels, np.uint8),
        np.array(splits),
        np.array(ids),
        progress,
        skipped,
    )


def _is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in SUFFIXES


def _read_face(source: Path, member: Member) -> NDArray[np.uint8]:
    with member.open() as file:
        gray = decode_gray(file.read())
    if gray is None:
        raise UserError(
            f"{source.name}: the picture '{member.name}' does not decode: mend or remove it."
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
        f"{source.name}: the folder '{path.parent}' of '{path.name}' names no emotion. Choose "
        f"from: {', '.join(EMOTIONS)}, or pass over such folders with --skip-unknown."
    )
