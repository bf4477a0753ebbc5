"""From a file or folder to a data set of the workspace."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from pipeline.data import kaggle, sample
from pipeline.data.dataset import SPLITS
from pipeline.data.kaggle import Progress
from pipeline.data.readers import READERS, Reader, fer_csv
from pipeline.data.readers.ferplus import read_votes
from pipeline.data.readers.packed import DAMAGED
from pipeline.data.store import new_dataset
from pipeline.data.writer import DatasetInfo
from pipeline.errors import UserError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def import_dataset(
    source: Path,
    name: str,
    *,
    ferplus: Path | None = None,
    skip_unknown: bool = False,
    split: str = "train",
    on_progress: Progress = lambda fraction: None,
) -> DatasetInfo:
    """Import a data set, whole or not at all.

    Args:
        source: a CSV, tar.gz, zip or folder; `sample` for the drawn faces; `kaggle` for Kaggle's
            FER-2013, `kaggle:owner/name` for another data set there.
        name: the data set's name.
        ferplus: FER+ votes to join to a CSV's rows.
        skip_unknown: pass over class folders that name no emotion.
        split: where pictures go that lie below no split's folder.
        on_progress: called with the fraction done, 0 to 1.

    Raises:
        UserError: anything about the source or the name is wrong; nothing is left behind.
    """
    if split not in SPLITS:
        raise UserError(f"Unknown split '{split}'. Choose from: {', '.join(SPLITS)}.")
    source = _plain_path(source)
    try:
        with (
            new_dataset(name) as writer,
            _at_hand(source, writer.folder, on_progress) as (place, advance),
        ):
            reader = sample if str(source) == sample.NAME else _reader_of(place)
            if ferplus and reader is not fer_csv:
                raise UserError(
                    "FER+ votes join by row order: give --ferplus with a FER-2013 CSV only."
                )
            skipped, splits = 0, []
            for batch in reader.read(place, split=split, skip_unknown=skip_unknown):
                writer.append(batch)
                skipped += batch.skipped
                splits.append(batch.splits)
                advance(batch.progress)
            votes = read_votes(ferplus, np.concatenate(splits)) if ferplus else None
            return writer.finish(name, _origin(source), skipped, votes)
    except DAMAGED as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".:")
        raise UserError(
            f"{source.name} is truncated or damaged ({reason}): fetch it again."
        ) from error
    except OSError as error:
        raise _failed(source, error) from error


def _failed(source: Path, error: OSError) -> UserError:
    if error.errno in _DISK_FULL:
        return UserError(f"The disk is full: free some space and import {source.name} again.")
    where = error.filename or source
    return UserError(f"The import failed at {where}: {error.strerror or error}.")


@contextmanager
def _at_hand(source: Path, scratch: Path, on_progress: Progress) -> Iterator[tuple[Path, Progress]]:
    """Give where the source lies, fetched first if need be, and what its reading reports to."""
    if not kaggle.is_kaggle(str(source)):
        yield source, on_progress
        return
    with kaggle.fetched(str(source), scratch, lambda done: on_progress(done / 2)) as folder:
        yield folder, lambda done: on_progress((1 + done) / 2)


def _plain_path(source: Path) -> Path:
    """Make `.` and `..` name the folder they mean; a link keeps its name, which has the ending."""
    named = str(source) == sample.NAME or kaggle.is_kaggle(str(source))
    return source if named else Path(os.path.abspath(source))


def _origin(source: Path) -> str:
    if kaggle.is_kaggle(str(source)):
        return f"{kaggle.NAME}:{kaggle.handle_of(str(source))}"
    return source.name


def _reader_of(source: Path) -> Reader:
    if not source.exists():
        raise UserError(f"There is no file or folder '{source}'; for drawn faces say 'sample'.")
    for reader in READERS.values():
        if reader.matches(source):
            return reader
    raise UserError(
        f"{source.name} is none of what can be imported: FER-2013's CSV, a .tar.gz or .zip that "
        "holds it, or a .zip or folder of train|test|validation/<class>/ pictures."
    )
