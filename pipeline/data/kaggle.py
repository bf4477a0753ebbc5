"""Download of Kaggle data sets with kagglehub. Independent of their content."""

import io
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial, partialmethod
from pathlib import Path
from typing import Any, Self

from pipeline.data.import_options import Progress
from pipeline.errors import UserError

NAME = "kaggle"
FER2013 = "msambare/fer2013"

_HANDLE = re.compile(r"[\w-]+/[\w-]+(/versions/\d+)?", re.ASCII)
# Of a data set's address; a page of it, such as /code, may follow. A `Path` has one slash for two.
_ADDRESS = re.compile(r"(?:https?:/+)?(?:www\.)?kaggle\.com(?:/|$)", re.IGNORECASE)
_DATASET_PATH = re.compile(
    rf"(?:datasets/|(?!(?:code|datasets|discussions|models)/))({_HANDLE.pattern})(/.*)?"
)
_COMPETITION = re.compile(r"(?:c|competitions)/+([\w-]+).*", re.ASCII)
_CONNECT_S, _SILENCE_S = 10, 60  # without time-outs kagglehub waits forever


def is_kaggle(source: str) -> bool:
    """Return whether a source is `kaggle`, `kaggle:owner/name` or an address on kaggle.com."""
    return source == NAME or source.startswith(f"{NAME}:") or bool(_ADDRESS.match(source))


def handle_of(source: str) -> str:
    """Return the `owner/name` of a Kaggle source; `kaggle` alone means FER-2013.

    Args:
        source: `kaggle`, `kaggle:owner/name`, the address of a data set, or `kaggle:` and that.

    Raises:
        UserError: it names no data set.
    """
    given = FER2013 if source == NAME else source.removeprefix(f"{NAME}:").strip()
    handle = path = given
    if address := _ADDRESS.match(given):
        path = re.split("[?#]", given[address.end() :])[0].strip("/")
        found = _DATASET_PATH.fullmatch(path)
        handle = found[1] if found else ""
        given = f"kaggle.com/{path}"
    if competition := _COMPETITION.fullmatch(path):
        page = f"https://www.kaggle.com/competitions/{competition[1]}"
        raise UserError(
            f"'{given}' is a competition, whose files Kaggle gives to those only who accept its "
            f"rules in a browser: do so at {page}/rules, download the file at {page}/data and "
            "import that file."
        )
    if not _HANDLE.fullmatch(handle):
        raise UserError(
            f"'{given}' is not the name of a Kaggle data set: write the owner/name that its "
            f"address ends in, for example {FER2013}, or the address itself."
        )
    return handle


@contextmanager
def downloaded(
    source: str, scratch: Path, on_progress: Progress, keep_in: Path | None = None
) -> Iterator[Path]:
    """Download a data set to a folder that is removed when the block ends.

    Args:
        source: see `handle_of`.
        scratch: an existing folder, in which that folder is created.
        on_progress: called with the fraction downloaded, 0 to 1.
        keep_in: a folder on the same disk, to which the download goes to stay there; if it is
            there already, nothing is downloaded.

    Raises:
        UserError: Kaggle cannot be reached, or refuses the data set.
        OSError: the files cannot be written.
    """
    stored = keep_in and stored_download(source, keep_in)
    if stored:
        yield stored
        return
    handle = handle_of(source)
    folder = scratch / _folder_name(handle)
    try:
        path = _download(handle, folder, on_progress)
        if keep_in:
            keep_in.mkdir(parents=True, exist_ok=True)
            path = path.rename(keep_in / folder.name)
        yield path
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def stored_download(source: str, folder: Path) -> Path | None:
    """Return where `downloaded` has stored a data set in a folder; None if it has not."""
    path = folder / _folder_name(handle_of(source))
    return path if path.is_dir() else None


def _folder_name(handle: str) -> str:
    return handle.split("/")[1]


def _download(handle: str, folder: Path, on_progress: Progress) -> Path:
    from kagglehub.exceptions import DataCorruptionError, KaggleApiHTTPError
    from requests import RequestException

    manually = (
        f"download https://www.kaggle.com/datasets/{handle} in a browser and import that file"
    )
    try:
        return download(handle, folder, on_progress)
    except KaggleApiHTTPError as error:
        raise _refused(handle, error.response.status_code, manually) from error
    except RequestException as error:
        raise UserError(
            f"Kaggle cannot be reached ({type(error).__name__}): check the network, or {manually}."
        ) from error
    except (DataCorruptionError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".:")
        raise UserError(
            f"'{handle}' could not be downloaded from Kaggle ({reason}): try again, or {manually}."
        ) from error


def _refused(handle: str, status: int, manually: str) -> UserError:
    if status == 404:
        return UserError(
            f"Kaggle has no data set '{handle}': write the owner/name that its address ends in, "
            f"for example {FER2013}."
        )
    if status in (401, 403):
        return UserError(
            f"Kaggle refuses '{handle}' without permission ({status}): put a token from "
            f"https://www.kaggle.com/settings into ~/.kaggle/access_token, or {manually}."
        )
    return UserError(f"Kaggle answered with an error ({status}): try again later, or {manually}.")


def download(handle: str, folder: Path, on_progress: Progress) -> Path:
    """Call kagglehub with time-outs, its progress reported and its messages suppressed.

    Args:
        handle: `owner/name`.
        folder: where the files go; created if missing.
        on_progress: called with the fraction downloaded, 0 to 1.
    """
    import kagglehub
    from requests.adapters import HTTPAdapter

    logging.getLogger("kagglehub").setLevel(logging.CRITICAL)
    bar = partial(_Bar, on_progress)
    send = partialmethod(HTTPAdapter.send, timeout=(_CONNECT_S, _SILENCE_S))
    with (
        redirect_stdout(io.StringIO()),  # kagglehub prints there that a newer version exists
        _replaced(kagglehub.clients, "tqdm", bar),
        _replaced(HTTPAdapter, "send", send),
    ):
        return Path(kagglehub.dataset_download(handle, output_dir=str(folder)))


class _Bar:
    """Replaces the tqdm progress bar of kagglehub."""

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
