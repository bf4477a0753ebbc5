"""Sources of an import and the fields of each."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import streamlit as st

from dashboard.access import allowed_path, import_root
from dashboard.limits import max_upload_mb
from dashboard.widgets.import_jobs import ImportRequest, StagedUpload
from dashboard.widgets.markdown import escape_markdown
from pipeline.data import kaggle, sample
from pipeline.jobs import import_job

_STAGED = "import.staged"
"""Session state: label of a file field → its `StagedUpload`."""
_FORMS = "import.forms"
"""Session state: how many forms were sent; the fields of each are new, and so empty."""


class Source(NamedTuple):
    """The source chosen in the form.

    Args:
        title: the file or data set, from which a name is suggested; empty until it is chosen.
        source: what the command imports.
        path: where it can be looked at before it is imported; None if it cannot.
        upload: the uploaded file, if it is one.
        by_path: whether further files are named by their paths, too.
    """

    title: str
    source: str = ""
    path: Path | None = None
    upload: StagedUpload | None = None
    by_path: bool = False


def sample_source() -> Source:
    """Ask whether the sample is imbalanced; it needs no other input."""
    st.caption("1,400 synthetic faces with splits, generated here: no download needed.")
    imbalanced = st.toggle(
        "Imbalanced, as FER-2013 is",
        help="17 times as many happy faces as disgusted ones, to try class weights.",
    )
    name = sample.IMBALANCED if imbalanced else sample.NAME
    return Source(name, name)


def upload_source() -> Source:
    """Show the field of an uploaded file."""
    upload = upload_field(
        "A CSV, Parquet or npz file of faces, or a zip or tar of one or of images in folders"
    )
    if upload is None:
        return Source("")
    return Source(upload.path.name, str(upload.path), upload.path, upload)


def path_source() -> Source:
    """Show the field of a file or folder on the machine that the dashboard runs on.

    Raises:
        UserError: it may not be imported.
    """
    text = st.text_input("Path", placeholder="fer2013.tar.gz").strip()
    st.caption(
        f"A file or folder below {escape_markdown(str(import_root()))}. Another folder is named by "
        "EMOTION_IMPORT_ROOT when the dashboard starts."
    )
    if not text:
        return Source("")
    path = allowed_path(text)
    return Source(text, str(path), path, by_path=True)


def kaggle_source() -> Source:
    """Show the field of a Kaggle data set; the default is FER-2013.

    Raises:
        UserError: it is not the name or address of one.
    """
    text = st.text_input(
        "Kaggle data set",
        value=kaggle.FER2013,
        help="Its owner/name, or its address on kaggle.com.",
    ).strip()
    st.caption(
        "This machine downloads it, which needs a network; only the faces are stored. What its "
        "classes and folders mean is asked after the download, if their names do not say it."
    )
    if not text:
        return Source("")
    handle = kaggle.handle_of(f"{kaggle.NAME}:{text}")
    return Source(handle, f"{kaggle.NAME}:{handle}")


def failed_source(name: str, request: ImportRequest) -> Source:
    """Return the source of a failed import, with the files that it uploaded or downloaded.

    Args:
        name: of the import.
        request: what it was to import.
    """
    st.caption(f"From **{escape_markdown(request.title)}**, which need not be sent again.")
    folder = import_job(name).folder
    if kaggle.is_kaggle(request.source):
        path = kaggle.stored_download(request.source, folder / "source")
        return Source(request.title, request.source, path)
    path = Path(request.source)
    return Source(request.title, request.source, path, by_path=not path.is_relative_to(folder))


def votes_path(label: str) -> str:
    """Show a field for the path of FER+ votes; return the path, empty for none.

    Raises:
        UserError: it may not be read.
    """
    text = st.text_input(label, placeholder="fer2013new.csv").strip()
    return str(allowed_path(text)) if text else ""


def upload_field(label: str, type: str | Sequence[str] | None = None) -> StagedUpload | None:
    """Show a field for a file; return it as it lies on the disk, or None.

    Raises:
        UserError: it cannot be written there.
    """
    key = f"{label} {st.session_state.get(_FORMS, 0)}"
    file = st.file_uploader(label, type, key=key, max_upload_size=max_upload_mb("import"))
    staged: dict[str, StagedUpload] = st.session_state.setdefault(_STAGED, {})
    if file is None:
        staged.pop(label, None)
    elif label not in staged or staged[label].file_id != file.file_id:
        staged[label] = StagedUpload(file)
    return staged.get(label)


def forget_upload(label: str) -> None:
    """Forget an upload that was taken; if it is needed again, its field writes it again."""
    st.session_state[_STAGED].pop(label, None)


def forget_uploads() -> None:
    """Delete the uploads that no import has taken, and empty their fields."""
    st.session_state.pop(_STAGED, None)
    st.session_state[_FORMS] = st.session_state.get(_FORMS, 0) + 1
