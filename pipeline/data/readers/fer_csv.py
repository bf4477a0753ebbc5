"""Reader of CSVs with a face a row: FER-2013's and what others have made of it.

FER-2013's own columns are `emotion`, `pixels` and `Usage`. Source: Kaggle, "Challenges in
Representation Learning: Facial Expression Recognition Challenge".
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import Batch
from pipeline.data.images import to_face
from pipeline.data.import_options import ImportOptions, ImportReport, Progress, Survey
from pipeline.data.readers import npz, parquet
from pipeline.data.readers.archive import Member, is_archive, members
from pipeline.data.readers.csv_rows import Layout, is_table, open_table, place_of
from pipeline.data.readers.pixels import PixelError, parse_pixels, side_of
from pipeline.data.readers.table import (
    NAMES,
    Face,
    Row,
    choose_tables,
    read_rows,
    row_error,
    stem_of,
    survey_rows,
    to_batch,
)
from pipeline.errors import UserError

_OTHER_ENDINGS = (*parquet.ENDINGS, npz.ENDING)
_BATCH_PIXELS = 2 * 1024**2


def matches(source: Path) -> bool:
    """Return whether a source holds a CSV of faces, or another one and nothing else to read."""
    has_table = has_other = False
    for member in members(source):
        if is_table(member):
            has_table = True
            with open_table(member) as table:
                if not table.layout.missing:
                    return True
        has_other = has_other or member.name.lower().endswith(_OTHER_ENDINGS)
    return has_table and not has_other


def survey(source: Path, options: ImportOptions, on_progress: Progress) -> Survey:
    """Return the classes and splits that the rows name; see `survey_source`."""
    layouts = _layouts(source)
    chosen = _chosen(source, layouts, options)
    found = Survey()
    for member in members(source):
        if member.name in chosen:
            with_numbers = _with_numbers(layouts[member.name], options)
            survey_rows(_rows(member), with_numbers, found, on_progress, _face_of)
    return found


def read(source: Path, options: ImportOptions, report: ImportReport) -> Iterator[Batch]:
    """Read the tables of a source that have labels and pixels.

    A table's splits are those of its `Usage`, else that of its file's or folder's name, else the
    option's. Of several whole tables, the first is read.

    Args:
        source: a CSV, or a folder or archive that holds some.
        options: how to read it.
        report: is told which rows and tables were skipped.

    Raises:
        UserError: a column is missing; a row is wrong, with the file and the row, unless its pixels
            are and any number may be; or several tables could be meant.
    """
    layouts = _layouts(source)
    chosen = _chosen(source, layouts, options)
    report.tables += [name for name in layouts if name not in chosen]
    faces = 0
    for member in members(source):  # to the end, so that all of an archive is checked
        if is_archive(member.name):
            report.tables.append(member.name)
        if split := chosen.get(member.name):
            prefix = "fer" if len(chosen) == 1 else f"{stem_of(member.name)}/fer"
            with_numbers = _with_numbers(layouts[member.name], options)
            for batch in _read_table(member, split, prefix, with_numbers, report):
                faces += len(batch.labels)
                yield batch
    if not faces:
        raise UserError(f"{source.name} holds no row with an emotion: all of them are skipped.")


def _layouts(source: Path) -> dict[str, Layout]:
    layouts = {}
    for member in members(source):
        if is_table(member):
            with open_table(member) as table:
                layouts[member.name] = table.layout
    return layouts


def _chosen(source: Path, layouts: dict[str, Layout], options: ImportOptions) -> dict[str, str]:
    usable = {name: layout for name, layout in layouts.items() if not layout.missing}
    if not layouts:
        raise UserError(f"{source.name} holds no CSV with {', '.join(NAMES)}.")
    if not usable:
        name, layout = next(iter(layouts.items()))
        raise UserError(
            f"{name} has no column '{layout.missing}': FER-2013's columns are {', '.join(NAMES)}."
        )
    with_usage = [name for name, layout in usable.items() if layout.usage is not None]
    return choose_tables(source, usable, with_usage, options)


def _with_numbers(layout: Layout, options: ImportOptions) -> ImportOptions:
    """Take numbers for FER-2013's in a table of its form, unless the options say otherwise."""
    return replace(options, scheme=options.scheme or "fer2013") if layout.is_fer2013 else options


def _read_table(
    member: Member, split: str, prefix: str, options: ImportOptions, report: ImportReport
) -> Iterator[Batch]:
    faces: list[Face[str]] = []
    side = 0
    for face in read_rows(_rows(member), split, options, report):
        side = side or side_of(face.image)
        if len(faces) * side**2 >= _BATCH_PIXELS:
            yield from _batch(faces, side, prefix, options, report)
            faces = []
        faces.append(face)
    if faces:
        yield from _batch(faces, side, prefix, options, report)


def _rows(member: Member) -> Iterator[Row[str]]:
    number = -1
    with open_table(member) as table:
        layout = table.layout
        for number, (cells, progress) in enumerate(table.rows):
            emotion = cells[layout.emotion or 0].strip()
            usage = None if layout.usage is None else cells[layout.usage].strip()
            pixels = " ".join([cells[place] for place in layout.pixels])
            place = place_of(member, number, layout.has_header)
            yield Row(place, emotion, usage, pixels, progress)
    if number < 0:
        raise UserError(f"{member.name} has a header and no rows: there is nothing to import.")


def _face_of(pixels: str) -> NDArray[np.uint8]:
    return to_face(parse_pixels([pixels], side_of(pixels))[0])


def _batch(
    faces: list[Face[str]], side: int, prefix: str, options: ImportOptions, report: ImportReport
) -> Iterator[Batch]:
    """Yield the faces as a batch, without those to skip: none, if all are."""
    try:
        images = list(parse_pixels([face.image for face in faces], side))
    except PixelError as error:
        if options.bad_files != "any":
            cure = "correct or remove that row, or skip such rows"
            place = faces[error.row].place
            raise row_error(place, str(error), f"{cure} with --skip-bad", cure) from error
        faces, images = _parse_each(faces, side, report)
    if faces:
        yield to_batch(faces, images, prefix)


def _parse_each(
    faces: list[Face[str]], side: int, report: ImportReport
) -> tuple[list[Face[str]], list[NDArray[np.uint8]]]:
    """Return the faces whose pixels are an image, and these images; report the others."""
    good, images = [], []
    for face in faces:
        try:
            images.append(parse_pixels([face.image], side)[0])
        except PixelError as error:
            report.bad[face.place] = str(error)
        else:
            good.append(face)
    return good, images
