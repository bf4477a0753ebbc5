"""Reader of images, plain or in an archive, whose folders, lists or YOLO labels name emotions."""

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import Batch
from pipeline.data.images import MAX_BYTES, SUFFIXES, ImageError, decode_gray, to_face
from pipeline.data.import_options import (
    Crop,
    ImportOptions,
    ImportReport,
    Meaning,
    NoFace,
    Progress,
    Survey,
)
from pipeline.data.parallel import map_in_order
from pipeline.data.readers.archive import Member, is_archive, is_tar, members
from pipeline.data.readers.bad_files import refuse_bad, report_bad
from pipeline.data.readers.image_names import folders_of
from pipeline.data.readers.image_plan import (
    NOT_LISTED,
    Entry,
    Plan,
    is_table,
    make_plan,
    refuse_unknown,
    suffix_of,
)
from pipeline.data.readers.yolo import Bounds
from pipeline.data.source_names import class_parts
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS, label_of

_BATCH_SIZE = 1024
_EXAMPLES = 40


class _Face(NamedTuple):
    image: NDArray[np.uint8]
    label: int
    split: str
    id: str
    votes: tuple[int, ...] | None


class _Cropped(NamedTuple):
    """A member after it is decoded: why it is no image, or a face or why it has none per entry."""

    member: Member
    entries: list[Entry]
    problem: ImageError | None
    images: list[NDArray[np.uint8] | ImageError | NoFace]


def matches(source: Path) -> bool:
    """Return whether a folder or archive holds images.

    Images below a folder that names an emotion are enough; others count only without a table of
    pixels, which is then the data set.
    """
    if source.suffix.lower() in SUFFIXES:
        return False
    has_images = has_table = False
    for member in members(source):
        if suffix_of(member.name) in SUFFIXES:
            has_images = True
            if any(label_of(class_parts(each)[1]) is not None for each in folders_of(member.name)):
                return True
        has_table = has_table or is_table(member)
        if has_table and is_tar(source):
            break  # reading on would unpack all of it
    return has_images and not has_table


def survey(source: Path, options: ImportOptions, on_progress: Progress) -> Survey:
    """Return the classes and splits that folders, lists or labels name; see `survey_source`."""
    entries = [
        (path, entry)
        for path, faces in make_plan(source, options, on_progress).entries.items()
        for entry in faces
        if suffix_of(path) in SUFFIXES and entry.named.name != NOT_LISTED
    ]
    classes = Counter(entry.named[:2] for _, entry in entries)
    splits = Counter(entry.split for _, entry in entries if entry.split and entry.split.name)
    shown = {name for (name, _), _ in classes.most_common(_EXAMPLES)}
    examples = _examples(source, [each for each in entries if each[1].named.name in shown], options)
    found = Survey(
        {name: Meaning(n, emotion, examples.get(name)) for (name, emotion), n in classes.items()}
    )
    for named, n in splits.items():  # a folder `test` may hold both parts of FER-2013's
        name = str(named.split if named.name in found.splits else named.name)
        found.splits[name] = Meaning(n, named.split)
    return found


def _examples(
    source: Path, entries: list[tuple[str, Entry]], options: ImportOptions
) -> dict[str, NDArray[np.uint8]]:
    """Return class → its first face, uint8 (48, 48), if its image decodes."""
    first = {entry.named.name: (path, entry) for path, entry in reversed(entries)}
    wanted: dict[str, list[Entry]] = {}
    for path, entry in first.values():
        wanted.setdefault(path, []).append(entry)
    examples = {}
    for member in members(source):
        for entry in wanted.pop(member.name, []):
            with suppress(ImageError, NoFace):
                gray = _decode(member, _content(member))
                face = _face_in(gray, entry.bounds, options.crop or to_face)
                examples[entry.named.name] = face
        if not wanted:
            break
    return examples


def read(source: Path, options: ImportOptions, report: ImportReport) -> Iterator[Batch]:
    """Read every image whose folder, list or YOLO label names an emotion.

    Args:
        source: a folder, a zip or a tar.
        options: how to read it.
        report: is told what was skipped.

    Raises:
        UserError: a class or a split means nothing, or too many images are bad.
    """
    plan = make_plan(source, options)
    refuse_unknown(source, plan)
    for name, by in plan.missing.items():
        report_bad(source, name, f"is in {by}, but not in the source", options, report)
    faces: list[_Face] = []
    used_ids: set[str] = set()
    count = 0
    crop = partial(_crop, crop=options.crop or to_face)
    for cropped in map_in_order(crop, _wanted(source, plan, report)):
        for face in _faces_of(source, cropped, options, report, used_ids):
            if len(faces) == _BATCH_SIZE:
                yield _to_batch(faces, cropped.member.progress)
                faces = []
            faces.append(face)
            count += 1
    refuse_bad(source, count, options, report)
    if not faces and (unusable := report.problems()):
        sentence = (
            f"{source.name} holds no image that can be used, of {len(unusable):,} that name an "
            f"emotion; the first is {unusable[0]}."
        )
        if not report.no_face:
            raise UserError(sentence)
        raise UserError(
            f"{sentence} --largest takes the largest of several faces, --faces as-is every whole "
            "image.",
            on_page=f"{sentence} Take the largest of several faces, or whole images.",
        )
    if not faces:
        raise UserError(
            f"{source.name} holds no image in a folder named after an emotion "
            f"({', '.join(EMOTIONS)})."
        )
    yield _to_batch(faces, 1.0)


def _wanted(
    source: Path, plan: Plan, report: ImportReport
) -> Iterator[tuple[Member, list[Entry], bytes]]:
    """Yield the members that hold faces to import, with their content; report the others."""
    for member in members(source):
        entries = plan.entries.get(member.name, [])
        report.classes.update(entry.named.name for entry in entries if entry.split is None)
        if not entries and member.name not in plan.texts:
            not_read = is_archive(member.name) or is_table(member)
            (report.tables if not_read else report.not_images).append(member.name)
        wanted = [entry for entry in entries if entry.split]
        if wanted:
            yield member, wanted, _content(member)


def _crop(wanted: tuple[Member, list[Entry], bytes], crop: Crop) -> _Cropped:
    """Decode a member and crop its faces; called in several threads."""
    member, entries, content = wanted
    try:
        gray = _decode(member, content)
    except ImageError as error:
        return _Cropped(member, entries, error, [])
    images: list[NDArray[np.uint8] | ImageError | NoFace] = []
    for entry in entries:
        try:
            images.append(_face_in(gray, entry.bounds, crop))
        except (ImageError, NoFace) as error:
            images.append(error)
    return _Cropped(member, entries, None, images)


def _faces_of(
    source: Path,
    cropped: _Cropped,
    options: ImportOptions,
    report: ImportReport,
    used_ids: set[str],
) -> Iterator[_Face]:
    """Yield the faces of a member, or report why it has none."""
    name = cropped.member.name
    if cropped.problem:
        if suffix_of(name) in SUFFIXES:
            report_bad(source, name, f"does not decode (it {cropped.problem})", options, report)
        else:
            report.not_images.append(name)
        return
    for number, (entry, image) in enumerate(
        zip(cropped.entries, cropped.images, strict=True), start=1
    ):
        if isinstance(image, ImageError):
            report_bad(source, name, str(image), options, report)
        elif isinstance(image, NoFace):
            report.no_face[name] = str(image)
        else:
            face_id = _unique_id(PurePosixPath(name), number, used_ids)
            label = EMOTIONS.index(entry.named.emotion or "")
            split = entry.split.split if entry.split else None
            yield _Face(image, label, split or "", face_id, entry.votes)


def _content(member: Member) -> bytes:
    """Return the content of a member; of one that is too large for an image, nothing."""
    if member.size > MAX_BYTES:
        return b""
    with member.open() as file:
        return file.read()


def _decode(member: Member, content: bytes) -> NDArray[np.uint8]:
    if member.size > MAX_BYTES:
        raise ImageError(f"has more than {MAX_BYTES // 1024**2} MB")
    return decode_gray(content)


def _face_in(gray: NDArray[np.uint8], bounds: Bounds | None, crop: Crop) -> NDArray[np.uint8]:
    if bounds is None:
        return crop(gray)
    height, width = gray.shape
    left, top, right, bottom = bounds
    rows = slice(int(top * height), math.ceil(bottom * height))
    columns = slice(int(left * width), math.ceil(right * width))
    if left >= right or top >= bottom:
        raise ImageError("has a label whose box is not inside it")
    return to_face(np.ascontiguousarray(gray[rows, columns]))


def _unique_id(path: PurePosixPath, number: int, used_ids: set[str]) -> str:
    """Return the path without its suffix, or with it where `a.jpg` stands beside `a.png`.

    Further faces of an image have their number behind it.
    """
    end = f"#{number}" if number > 1 else ""
    face_id = f"{path.with_suffix('')}{end}"
    if face_id in used_ids:
        face_id = f"{path}{end}"
    while face_id in used_ids:
        face_id += "+"
    used_ids.add(face_id)
    return face_id


def _to_batch(faces: list[_Face], progress: float) -> Batch:
    images, labels, splits, ids, votes = zip(*faces, strict=True)
    return Batch(
        np.stack(images),
        np.array(labels, np.uint8),
        np.array(splits),
        np.array(ids),
        progress,
        None if None in votes else np.array(votes, np.uint8),
    )
