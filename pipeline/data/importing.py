"""Import of a file, a folder, the synthetic sample or a Kaggle data set into the workspace."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.data import kaggle, sample
from pipeline.data.dataset import Batch
from pipeline.data.import_options import (
    OTHERS,
    SKIP,
    ImportOptions,
    ImportReport,
    Progress,
    Survey,
)
from pipeline.data.readers import READERS, Reader, fer_csv
from pipeline.data.readers.archive import DAMAGED
from pipeline.data.readers.ferplus import read_votes
from pipeline.data.store import DatasetInfo, new_dataset
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.storage import cannot_write, write_text
from pipeline.workspace import datasets_folder

LOG = "import.log"
"""In the folder of a data set: what its import skipped."""

_REASON = 120  # characters; zipfile shows the bytes that it found
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_CLASSES_SHOWN = 21


def import_dataset(
    source: Path,
    name: str,
    options: ImportOptions | None = None,
    *,
    ferplus: Path | None = None,
    force_votes: bool = False,
    on_progress: Progress = lambda fraction: None,
    keep_in: Path | None = None,
    report: ImportReport | None = None,
) -> DatasetInfo:
    """Import a data set, whole or not at all.

    What was skipped is listed in `import.log` in the data set's folder.

    Args:
        source: a file or folder that one of `READERS` reads; `sample` for synthetic faces,
            `sample-imbalanced` for them in FER-2013's proportions; `kaggle` for Kaggle's FER-2013,
            `kaggle:owner/name` or its address for another one.
        name: the data set's name.
        options: how to read it.
        ferplus: FER+ votes to join to the rows of a CSV.
        force_votes: join them even if they do not agree with the labels.
        on_progress: called with the fraction done, 0 to 1.
        keep_in: a folder in the workspace where a download stays, so that it is there if the
            import fails and is tried again; None to remove it.
        report: is told what was skipped.

    Raises:
        UserError: anything about the source or the name is wrong; nothing else is left behind.
    """
    options, report = options or ImportOptions(), report or ImportReport()
    source = _normalized(source)
    with (
        _refusing(source),
        new_dataset(name) as writer,
        _local(source, writer.folder, on_progress, keep_in) as (path, advance),
    ):
        reader = sample if str(source) in sample.NAMES else _reader_of(path)
        if ferplus and reader is not fer_csv:
            raise UserError(
                "FER+ votes join by row order: give --ferplus with a FER-2013 CSV only.",
                on_page="FER+ votes join by row order to FER-2013's CSV only: import without them.",
            )
        if options.crop_for:
            options = replace(options, crop=options.crop_for(path))
        read: list[Batch] = []
        for batch in reader.read(path, options, report):
            writer.append(batch)
            read.append(batch._replace(images=batch.images[:0]))
            advance(batch.progress)
        votes = _read_votes(ferplus, read, force_votes) if ferplus else _joined(read)
        if report.lines():
            write_text(writer.folder / LOG, "\n".join([*report.lines(), ""]))
        synthetic = reader is sample
        return writer.finish(name, _origin(source), report.skipped, votes, synthetic=synthetic)


def _joined(read: list[Batch]) -> NDArray[np.uint8] | None:
    """Return the votes that all batches have; None if one has none."""
    votes = [batch.votes for batch in read if batch.votes is not None]
    return np.concatenate(votes) if votes and len(votes) == len(read) else None


@contextmanager
def _refusing(source: Path) -> Iterator[None]:
    """Turn errors of a damaged source or a full disk into a sentence."""
    try:
        yield
    except DAMAGED as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".:")[:_REASON]
        raise UserError(
            f"{source.name} is truncated or damaged ({reason}): fetch it again."
        ) from error
    except OSError as error:
        raise _failed(source, error) from error


def survey_source(
    source: Path,
    options: ImportOptions | None = None,
    on_progress: Progress = lambda fraction: None,
) -> Survey:
    """Return the classes and splits that a source names, without importing it.

    One image of each class is decoded. A folder or a zip costs the list of its names; a tar is
    unpacked to its end a few times, and of a CSV the columns of label and split are read. Kaggle's
    data sets would have to be downloaded, and the sample and formats whose reader has no `survey`
    have no open question: for them the survey is empty.

    Args:
        source: as in `import_dataset`.
        options: how its names are read.
        on_progress: called with the fraction done, 0 to 1.

    Raises:
        UserError: the source cannot be imported whatever its classes and splits mean.
    """
    source, options = _normalized(source), options or ImportOptions()
    if str(source) in sample.NAMES or kaggle.is_kaggle(str(source)):
        return Survey()
    with _refusing(source):
        reader = _reader_of(source)
        survey = getattr(reader, "survey", lambda *_: Survey())
        found: Survey = survey(source, options, on_progress)
    found.format = next(name for name, module in READERS.items() if module is reader)
    if not any(each.example is not None for each in found.classes.values()):
        with suppress(UserError):
            _add_examples(source, reader, options, found)
    return found


def _add_examples(source: Path, reader: Reader, options: ImportOptions, found: Survey) -> None:
    """Add the first face of each class that is in the first faces of a source."""
    names = [name for name, each in found.classes.items() if each.meaning != SKIP]
    for start in range(0, min(len(names), _CLASSES_SHOWN), len(EMOTIONS)):
        group = names[start : start + len(EMOTIONS)]
        as_emotions = dict.fromkeys((name.lower() for name in found.classes), SKIP)
        as_emotions |= {name.lower(): e for name, e in zip(group, EMOTIONS, strict=False)}
        chosen = replace(options, class_map=as_emotions, split_map={OTHERS: options.split})
        with _refusing(source):
            batch = next(iter(reader.read(source, chosen, ImportReport())))
        for label, name in enumerate(group):
            of_class = batch.images[batch.labels == label]
            if len(of_class):
                found.classes[name] = found.classes[name]._replace(example=of_class[0])


def _read_votes(file: Path, read: list[Batch], force: bool) -> NDArray[np.uint8]:
    ids, labels, splits = (
        np.concatenate([getattr(batch, name) for batch in read])
        for name in ("ids", "labels", "splits")
    )
    return read_votes(file, ids, labels, splits, force=force)


def _failed(source: Path, error: OSError) -> UserError:
    if error.errno in _DISK_FULL:
        return cannot_write(
            f"{source.name} cannot be imported to {datasets_folder()}",
            error,
            "free some space and import it again",
        )
    where = error.filename or source
    return UserError(f"The import failed at {where}: {error.strerror or error}.")


@contextmanager
def _local(
    source: Path, scratch: Path, on_progress: Progress, keep_in: Path | None
) -> Iterator[tuple[Path, Progress]]:
    """Yield the local path of a source, downloaded if it is Kaggle's, and the reader's progress."""
    if not kaggle.is_kaggle(str(source)):
        yield source, on_progress
        return
    with kaggle.downloaded(
        str(source), scratch, lambda done: on_progress(done / 2), keep_in
    ) as folder:
        yield folder, lambda done: on_progress((1 + done) / 2)


def _normalized(source: Path) -> Path:
    """Resolve `.` and `..`, but not links: a link may have the suffix that its target lacks."""
    is_name = str(source) in sample.NAMES or kaggle.is_kaggle(str(source))
    return source if is_name else Path(os.path.abspath(source))


def _origin(source: Path) -> str:
    if kaggle.is_kaggle(str(source)):
        return f"{kaggle.NAME}:{kaggle.handle_of(str(source))}"
    return source.name


def _reader_of(source: Path) -> Reader:
    if not source.exists():
        raise UserError(f"There is no file or folder '{source}'; for synthetic faces say 'sample'.")
    for reader in READERS.values():
        if reader.matches(source):
            return reader
    raise UserError(f"{source.name} cannot be imported. Formats: {'; '.join(READERS)}.")
