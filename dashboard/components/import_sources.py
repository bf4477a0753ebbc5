"""Where data may come from: what is asked for each way, and how its import starts."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypedDict

import streamlit as st

from pipeline.data import kaggle, sample
from pipeline.data.dataset import SPLITS
from pipeline.data.jobs import Upload, start_import
from pipeline.errors import UserError
from pipeline.workspace import workspace


class Chosen(NamedTuple):
    """What is to be imported.

    Args:
        called: what a name can be made of; empty until something is chosen.
        start: starts the import under a name; raises UserError.
    """

    called: str
    start: Callable[[str], None]


class _Options(TypedDict):
    skip_unknown: bool
    split: str


def ask_sample() -> Chosen:
    """Ask nothing: the faces are drawn here."""
    st.caption("1,400 drawn faces with splits, made here: everything works with no download.")
    return Chosen(sample.NAME, lambda name: start_import(name, sample.NAME))


def ask_upload() -> Chosen:
    """Ask for a file of the browser's machine."""
    file = st.file_uploader(
        "FER-2013 as CSV, tar.gz or zip; or a zip of train/<emotion>/ pictures",
        type=["csv", "gz", "tgz", "tar", "zip"],
    )
    if file is None:
        return Chosen("", lambda name: None)
    votes, options = _ask_votes(), _ask_options(file.name)
    return Chosen(file.name, lambda name: start_import(name, file, ferplus=votes, **options))


def ask_path() -> Chosen:
    """Ask for a file or folder of the machine that the dashboard runs on."""
    path = st.text_input(
        "Path",
        placeholder="fer2013.tar.gz",
        help=f"a CSV, tar.gz, zip or folder of pictures below {import_root()}",
    )
    votes = st.text_input(
        "FER+ votes (optional)",
        placeholder="fer2013new.csv",
        help="a CSV of FER+ votes to join to FER-2013's rows, below the same folder",
    )
    options = _ask_options(path)

    def start(name: str) -> None:
        ferplus = allowed_path(votes) if votes.strip() else None
        start_import(name, allowed_path(path), ferplus=ferplus, **options)

    return Chosen(path.strip(), start)


def ask_kaggle() -> Chosen:
    """Ask for a data set of Kaggle; FER-2013's pictures stand there at the beginning."""
    handle = st.text_input(
        "Data set of Kaggle",
        value=kaggle.FER2013,
        help="the owner/name that its address on kaggle.com ends in",
    ).strip()
    st.caption("Fetched by this machine, which needs the network; nothing but the faces is kept.")
    votes = None if handle == kaggle.FER2013 else _ask_votes()
    options = _ask_options(handle)

    def start(name: str) -> None:
        source = f"{kaggle.NAME}:{handle}"
        kaggle.handle_of(source)
        start_import(name, source, ferplus=votes, **options)

    return Chosen(handle, start)


def _ask_votes() -> Upload | None:
    return st.file_uploader(
        "FER+ votes (optional), to join to the rows of FER-2013's CSV", type="csv"
    )


def _ask_options(source: str) -> _Options:
    """Ask what matters for pictures only, unless the source can hold none."""
    if not source or source.lower().endswith(".csv"):
        return {"skip_unknown": False, "split": "train"}
    with st.expander("Options for pictures"):
        skip_unknown = st.toggle(
            "Pass over folders that name no emotion", help="else the import stops at the first"
        )
        split = st.selectbox("Split of pictures that lie below none", SPLITS)
    return {"skip_unknown": skip_unknown, "split": split}


def import_root() -> Path:
    """Return the folder below which paths may be imported: `$EMOTION_IMPORT_ROOT`."""
    return Path(os.environ.get("EMOTION_IMPORT_ROOT") or workspace()).expanduser().resolve()


def allowed_path(text: str) -> Path:
    """Return a path below the import root; relative ones count from there.

    Raises:
        UserError: it leads elsewhere.
    """
    root = import_root()
    try:
        path = (root / text.strip()).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, a null byte
        raise UserError(f"{text!r} is no path: write one below {root}.") from error
    if not text.strip() or not path.is_relative_to(root):
        raise UserError(f"'{text}' is not below {root}, from where files may be imported.")
    return path
