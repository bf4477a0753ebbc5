"""The form to import a data set: its source, what is found there, and what its names mean."""

import itertools
import re
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from dashboard.access import read_only_reason
from dashboard.widgets.dialog import dialog
from dashboard.widgets.import_content import ask_classes, ask_splits, show_summary
from dashboard.widgets.import_jobs import ImportRequest, StagedUpload, requested, start_import
from dashboard.widgets.import_look import SourceLook
from dashboard.widgets.import_photos import ask_faces, forget_examples
from dashboard.widgets.import_sources import (
    Source,
    failed_source,
    forget_uploads,
    kaggle_source,
    path_source,
    sample_source,
    upload_field,
    upload_source,
    votes_path,
)
from dashboard.widgets.import_status import FORM
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.data import kaggle, sample
from pipeline.data.dataset import SPLITS
from pipeline.data.import_options import BAD_FILES, Survey
from pipeline.data.readers import READERS, fer_csv, image_folder
from pipeline.data.store import dataset_names
from pipeline.errors import UserError
from pipeline.jobs import import_job, import_jobs

SOURCES = {
    "Synthetic sample": sample_source,
    "Upload": upload_source,
    "Path on this machine": path_source,
    "Kaggle": kaggle_source,
}
_BAD_FILES = {
    "few": "Skip a few, up to 5%",
    "none": "Stop at the first",
    "any": "Skip any number",
}
_SUFFIXES = (".tar.gz", ".tgz", ".tar", ".csv.gz", ".csv", ".zip", ".parquet", ".npz")
_MAX_LENGTH = 60
_LISTED = 3
_SPLIT = "Split of faces without one"
_QUICK_S, _POLL_S = 1.0, 0.5
_LOOK = "import.look"
"""Session state: the look at the source that is chosen."""


def open_import_form(failed: str = "") -> None:
    """Open the form in a dialog.

    Args:
        failed: the name of a failed import to correct; empty for a new one.
    """
    title = f"Import {failed} again" if failed else "Import a data set"
    options = {"width": "medium", "on_dismiss": forget_import}
    dialog(escape_markdown(title), **options)(show_import_form)(failed)


def forget_import() -> None:
    """Forget what the form has seen and uploaded."""
    _leave_look()
    forget_examples()
    forget_uploads()


def show_import_form(failed: str = "") -> None:
    """Show the source, what is found in it, the open questions, and the button that imports it.

    Args:
        failed: the name of a failed import to correct; empty for a new one.
    """
    if reason := read_only_reason():
        st.info(reason, icon=":material/lock:")
        return
    before = requested(failed) if failed else None
    if before and (failure := import_job(failed).failure()):
        show_error(failure)
    survey = None
    try:
        source = failed_source(failed, before) if before else _choose_source()
        if source.path:
            look = _look_at(source.path)
            if not look.is_done(_QUICK_S):
                st.fragment(run_every=_POLL_S)(_follow)(look, source.title, failed)
                return
            survey = look.survey()
        else:
            _leave_look()
    except UserError as error:
        show_error(error)
        return
    _show_questions(failed, source, survey, before)


def _look_at(path: Path) -> SourceLook:
    """Return the look at a source, begun once; it ends that at another."""
    look: SourceLook | None = st.session_state.get(_LOOK)
    if look is None or look.path != path:
        _leave_look()
        look = st.session_state[_LOOK] = SourceLook(path)
    return look


def _leave_look() -> None:
    if look := st.session_state.pop(_LOOK, None):
        look.leave()


def _follow(look: SourceLook, title: str, failed: str) -> None:
    """Show the progress of a look; once it is done the page opens the form again."""
    if look.is_done():
        st.session_state[FORM] = failed
        st.rerun()
    st.progress(look.progress, f"Looking at **{escape_markdown(title)}**…")


def _choose_source() -> Source:
    kind = st.segmented_control(
        "Import from",
        list(SOURCES),
        default=next(iter(SOURCES)),
        required=True,
        label_visibility="collapsed",
    )
    return SOURCES[kind]()


def _show_questions(
    failed: str, source: Source, survey: Survey | None, before: ImportRequest | None
) -> None:
    """Show what was found, the questions and options, and the button that starts the import."""
    request = before or ImportRequest(title="", source="")
    request = request.model_copy(update={"title": source.title, "source": source.source})
    key, unanswered = f"import {source.source}", list[str]()
    if survey:
        show_summary(survey)
        request.class_map, classes = ask_classes(f"{key} class", survey, request.class_map)
        request.split_map, splits = ask_splits(f"{key} split", survey, request.split_map)
        unanswered = classes + splits
        if survey.without_split:
            request.split = _choice(_SPLIT, SPLITS, request.split)
        if source.path and READERS[survey.format] is image_folder:
            ask_faces(key, source.path, request)
    votes = None
    if source.source not in sample.NAMES and source.title:
        with st.expander("Options", expanded=bool(failed)):
            votes = _show_options(source, survey, request)
    with st.form("import", border=False):
        name = failed or st.text_input(
            "Name", value=suggested_name(source.title), help="Of letters, digits, '.', '_' and '-'."
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            pressed = st.form_submit_button(
                "Import",
                type="primary",
                icon=":material/download:",
                disabled=not source.title or bool(unanswered),
            )
            if unanswered:
                st.caption(f"Still to choose: {_listed(unanswered)}")
    if pressed:
        _start(name.strip(), request, source, votes, again=bool(failed))


def _show_options(
    source: Source, survey: Survey | None, request: ImportRequest
) -> StagedUpload | None:
    """Show what has a usual value; return FER+ votes that were uploaded."""
    request.bad_files = st.radio(
        "Images that cannot be read",
        BAD_FILES,
        format_func=_BAD_FILES.__getitem__,
        index=BAD_FILES.index(request.bad_files),
        horizontal=True,
        help="Files that are no images, such as notes, are always skipped.",
    )
    if survey is None:  # of Kaggle, from where nothing is known yet
        request.split = _choice(_SPLIT, SPLITS, request.split)
    reads_votes = READERS[survey.format] is fer_csv if survey else source.title != kaggle.FER2013
    return _ask_votes(source, request) if reads_votes else None


def _ask_votes(source: Source, request: ImportRequest) -> StagedUpload | None:
    label = "FER+ votes (optional), to join to the rows of FER-2013's CSV"
    votes = None
    if request.ferplus and not st.checkbox(
        f"Join the FER+ votes of {escape_markdown(Path(request.ferplus).name)}", value=True
    ):
        request.ferplus = ""
    if not request.ferplus and source.by_path:
        request.ferplus = votes_path(label)
    elif not request.ferplus:
        votes = upload_field(label, type="csv")
    if request.ferplus or votes:
        request.force_votes = st.checkbox(
            "Join the votes even if they seem to be on other faces",
            value=request.force_votes,
            help="Otherwise they are refused where too few agree with the labels.",
        )
    return votes


def _listed(names: list[str]) -> str:
    """Return up to three names, and how many more there are."""
    shown = [f"**{escape_markdown(name)}**" for name in names[:_LISTED]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more:,} more" if more else "")


def _choice(label: str, choices: Sequence[str], chosen: str) -> str:
    return st.selectbox(label, choices, index=choices.index(chosen))


def _start(
    name: str, request: ImportRequest, source: Source, votes: StagedUpload | None, *, again: bool
) -> None:
    try:
        start_import(name, request, source.upload, votes, again=again)
    except UserError as error:
        show_error(error)
        if source.upload and not source.upload.path.exists():
            forget_uploads()  # it went with the job that could not start
    else:
        forget_import()
        st.session_state["dataset.imported"] = name
        st.rerun()


def suggested_name(title: str) -> str:
    """Return an unused valid name made from a file or Kaggle data set name; empty if impossible."""
    stem = Path(title).name
    for suffix in _SUFFIXES:
        stem = stem.removesuffix(suffix)
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("._-")[:_MAX_LENGTH]
    taken = {*dataset_names(), *(job.folder.name for job in import_jobs())}
    names = itertools.chain([plain], (f"{plain}-{number}" for number in itertools.count(2)))
    return next(name for name in names if name not in taken)
