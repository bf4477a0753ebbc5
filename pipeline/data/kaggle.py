"""Data sets of Kaggle, fetched with kagglehub. Knows nothing of what is in them."""

import io
import logging
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial, partialmethod
from pathlib import Path
from typing import Any, Self

from pipeline.errors import UserError

NAME = "kaggle"
FER2013 = "msambare/fer2013"

_HANDLE = re.compile(r"[\w-]+/([\w-]+)(/versions/\d+)?", re.ASCII)
_CONNECT_S, _SILENCE_S = 10, 60  # kagglehub itself would wait for an answer forever

Progress = Callable[[float], None]


def is_kaggle(source: str) -> bool:
    """Tell whether a source is of Kaggle: `kaggle`, or `kaggle:owner/name`."""
    return source == NAME or source.startswith(f"{NAME}:")


def handle_of(source: str) -> str:
    """Return the `owner/name` of a source of Kaggle; `kaggle` alone means FER-2013.

    Raises:
        UserError: it is not of the form `owner/name`.
    """
    handle = FER2013 if source == NAME else source.removeprefix(f"{NAME}:")
    if not _HANDLE.fullmatch(handle):
        raise UserError(
            f"'{handle}' names no data set of Kaggle: write the owner/name that its address ends "
            f"in, for example {FER2013}."
        )
    return handle


@contextmanager
def fetched(source: str, scratch: Path, on_progress: Progress) -> Iterator[Path]:
    """Give a data set's files in a folder that goes when the block ends.

    Args:
        source: `kaggle` or `kaggle:owner/name`.
        scratch: an existing folder, below which the files lie for that time.
        on_progress: called with the fraction fetched, 0 to 1.

    Raises:
        UserError: Kaggle cannot be reached, or does not give the data set.
        OSError: the files cannot be written.
    """
    handle = handle_of(source)
    folder = scratch / handle.split("/")[1]
    try:
        yield _fetch(handle, folder, on_progress)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fetch(handle: str, folder: Path, on_progress: Progress) -> Path:
    from kagglehub.exceptions import DataCorruptionError, KaggleApiHTTPError
    from requests import RequestException

    otherwise = (
        f"download https://www.kaggle.com/datasets/{handle} in a browser and import that file"
    )
    try:
        return download(handle, folder, on_progress)
    except KaggleApiHTTPError as error:
        raise _refused(handle, error.response.status_code, otherwise) from error
    except RequestException as error:
        raise UserError(
            f"Kaggle cannot be reached ({type(error).__name__}): check the network, or {otherwise}."
        ) from error
    except (DataCorruptionError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".:")
        raise UserError(
            f"'{handle}' could not be fetched from Kaggle ({reason}): try again, or {otherwise}."
        ) from error


def _refused(handle: str, status: int, otherwise: str) -> UserError:
    if status == 404:
        return UserError(
            f"Kaggle has no data set '{handle}': write the owner/name that its address ends in, "
            f"for example {FER2013}."
        )
    if status in (401, 403):
        return UserError(
            f"Kaggle does not give out '{handle}' without permission ({status}): put a token from "
            f"https://www.kaggle.com/settings into ~/.kaggle/access_token, or {otherwise}."
        )
    return UserError(f"Kaggle answered with an error ({status}): try again later, or {otherwise}.")


def download(handle: str, folder: Path, on_progress: Progress) -> Path:
    """Call kagglehub, with limits to its patience, its progress passed on and its chatter not.

    Args:
        handle: `owner/name`.
        folder: where the files go; made if it is not there.
        on_progress: called with the fraction fetched, 0 to 1.
    """
    import kagglehub
    from requests.adapters import HTTPAdapter

    logging.getLogger("kagglehub").setLevel(logging.CRITICAL)
    bar = partial(_Bar, on_progress)
    send = partialmethod(HTTPAdapter.send, timeout=(_CONNECT_S, _SILENCE_S))
    with (
        redirect_stdout(io.StringIO()),  # where it says that there is a newer kagglehub
        _replaced(kagglehub.clients, "tqdm", bar),
        _replaced(HTTPAdapter, "send", send),
    ):
        return Path(kagglehub.dataset_download(handle, output_dir=str(folder)))


class _Bar:
    """What kagglehub takes for tqdm's progress bar."""

    def __init__(self, on_progress: Progress, total: int, initial: int, **_: Any) -> None:
        self._on_progress, self._total, self._done = on_progress, total, initial

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, count: int) -> None:
        self._done += count
        self._on_progress(min(1.0, self._done / max(1, self._total)))


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)
