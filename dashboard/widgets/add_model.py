"""Adds a model file: the file, what was found by trying it, the question where that is in doubt."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import actions
from dashboard.access import allowed_path, editors_only, import_root
from dashboard.widgets.import_sources import forget_upload, upload_field
from dashboard.widgets.job_progress import follow_job
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.data.store import dataset_names
from pipeline.errors import UserError
from pipeline.jobs import Job, add_model_jobs
from pipeline.registry.find_preprocessing import Candidate
from pipeline.registry.preprocessing import SCALES
from pipeline.report.units import percent
from pipeline.runs import Run
from pipeline.workspace import runs_folder

_TYPES = ["keras", "h5", "hdf5", "tflite", "onnx"]
_FILE, _PATH = "File", "Path on this machine"
_FIND = "Find automatically"
_STARTED, _EXPANDER = "add_model.started", "add_model.opened"
_UPLOAD = "Model file"
_SHOWN = 5


def show_add_model() -> None:
    """Show what was found of the model that was added last, else those being added and the form."""
    jobs = add_model_jobs()
    started = st.session_state.get(_STARTED)
    if started and started not in jobs and not Run(runs_folder() / started).exported:
        del st.session_state[_STARTED]  # it was canceled, or the model has been removed
        started = None
    opened = bool(jobs or started)
    if opened:  # the form is still there once they are canceled or dismissed
        st.session_state[f"{_EXPANDER}.False"] = True
    expander = st.expander(
        "Add a model file",
        expanded=opened,
        key=f"{_EXPANDER}.{opened}",
        icon=":material/upload_file:",
        on_change="rerun",
    )
    if not expander.open:
        return
    with expander:
        for name, job in jobs.items():
            with st.container(border=True):
                _show_job(name, job)
        if started and started not in jobs:
            _show_added(Run(runs_folder() / started))
        else:
            _show_form({name for name, job in jobs.items() if job.running()})


def _show_job(name: str, job: Job) -> None:
    title = escape_markdown(name)
    if job.running():
        return follow_job(job, f"Trying **{title}** on labeled faces")
    search, chosen = _read(job.folder / "search.json"), None
    if search is None:
        show_error(f"'{name}' was not added: {job.failure() or 'it was interrupted.'}")
    else:
        st.warning(f"**{title}**: {escape_markdown(search['doubt'])}.")
        _show_table(search)
        chosen = _ask(name, search)
    with st.container(horizontal=True):
        options = editors_only(disabled=chosen is None)
        pressed = search is not None and st.button(
            "Add with this choice", key=f"add_model.confirm.{name}", **options
        )
        if search is not None and chosen is not None and pressed:
            _start_again(name, job, search, chosen)
        if st.button("Dismiss", key=f"add_model.dismiss.{name}", **editors_only()):
            st.session_state.pop(_STARTED, None)
            actions.cancel_job(job)
            st.rerun()


def _ask(name: str, search: dict[str, Any]) -> Candidate | None:
    """Ask which of the candidates the model was trained with."""
    found = [Candidate(**each) for each in search["candidates"]]
    return st.selectbox(
        "Scaling and label order it was trained with",
        found,
        format_func=lambda each: f"{each} ({percent(each.accuracy)})",
        index=None,
        placeholder="Choose…",
        key=f"add_model.choice.{name}",
    )


def _start_again(name: str, job: Job, search: dict[str, Any], chosen: Candidate) -> None:
    request = json.loads((job.folder / "request.json").read_text())
    answers = ["--scale", chosen.scale, "--labels", ",".join(chosen.labels)]
    options = [*request["options"], *answers, "--try", search["dataset"]]  # the last one counts
    _start(name, request["source"], options)


def _show_added(run: Run) -> None:
    title = escape_markdown(run.name)
    search = _read(run.search_path)
    if search is None:  # both options were given, and it was tried on no data set
        st.success(f"**{title}** was added.")
    else:
        best = Candidate(**search["candidates"][0])
        accuracy = percent(best.accuracy_all or best.accuracy)
        st.success(
            f"**{title}** was added: {escape_markdown(str(best))}, {accuracy} on "
            f"{escape_markdown(search['dataset'])}."
        )
        _show_table(search)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Done", on_click=_close)
        st.page_link(
            "app_pages/evaluate.py", label="Evaluate", query_params={"evaluate_model": run.name}
        )
        st.page_link("app_pages/live.py", label="Try live", query_params={"live_model": run.name})


def _close() -> None:
    st.session_state.pop(_STARTED, None)
    st.session_state[f"{_EXPANDER}.False"] = False


def _show_table(search: dict[str, Any]) -> None:
    found = [Candidate(**each) for each in search["candidates"]][:_SHOWN]
    everything = ["" if each.accuracy_all is None else percent(each.accuracy_all) for each in found]
    table = pd.DataFrame(
        {
            "scaling and label order": list(map(str, found)),
            f"{search['faces']:,} faces": [percent(each.accuracy) for each in found],
            f"all {search['faces_all']:,} faces": everything,
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        height="content",
        alt="Accuracy of the model with each scaling and label order that was tried",
    )


def _show_form(running: set[str]) -> None:
    """Show the form, also below a model that is tried or was not added: its file would be lost.

    Args:
        running: names of the models that are being added.
    """
    st.caption(
        "A trained emotion network: Keras (.keras, .h5), TFLite or ONNX; by its path also a "
        "SavedModel folder or OpenVINO. The scaling of its input and the order of its classes are "
        "found by trying it on labeled faces."
    )
    where = st.segmented_control("From", [_FILE, _PATH], default=_FILE, key="add_model.from")
    upload, source = None, ""
    try:
        if where == _PATH:
            text = st.text_input("Path", placeholder="model.onnx", key="add_model.path").strip()
            st.caption(f"A file or folder below {escape_markdown(str(import_root()))}.")
            source = str(allowed_path(text)) if text else ""
        else:
            upload = upload_field(_UPLOAD, _TYPES)
    except UserError as error:
        show_error(error)
    title = upload.path.name if upload else Path(source).name
    name = st.text_input(
        "Name of the model",
        value=Path(title).stem,
        key=f"add_model.name.{title}",
        placeholder="letters, digits, . - _",
    ).strip()
    options = _known_options()
    ready = bool(name and (upload or source)) and name not in running
    if st.button("Add model", type="primary", **editors_only(disabled=not ready)):
        _start(name, source, options, upload)


def _known_options() -> list[str]:
    """Ask for what the user knows already; return the options of the command."""
    with st.popover("Options", icon=":material/tune:"):
        datasets = dataset_names()
        tried_on = st.selectbox(
            "Try it on", ["The largest data set", *datasets], key="add_model.dataset"
        )
        scale = st.selectbox("Scaling of the input", [_FIND, *SCALES], key="add_model.scale")
        labels = st.text_input(
            "Order of the classes",
            key="add_model.labels",
            placeholder=_FIND,
            help="A known order (fer2013, alphabetical, ferplus, affectnet, rafdb), or the names "
            "of all classes with commas between them.",
        ).strip()
        size = st.number_input(
            "Input size, pixels",
            min_value=8,
            max_value=1024,
            value=None,
            key="add_model.size",
            help="Only if the file leaves it open.",
        )
    options = ["--try", tried_on] if tried_on in datasets else []
    options += ["--scale", scale] if scale != _FIND else []
    options += ["--labels", labels] if labels else []
    return options + (["--input-size", str(size)] if size else [])


def _start(name: str, source: str, options: list[str], upload: Any = None) -> None:
    try:
        actions.add_model(name, source, options, upload)
    except UserError as error:
        return show_error(error)
    if upload is not None:
        forget_upload(_UPLOAD)
    st.session_state[_STARTED] = name
    st.rerun()


def _read(path: Path) -> dict[str, Any] | None:
    """Return the content of a `search.json`, or None."""
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return content
