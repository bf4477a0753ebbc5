"""Download a run's files and export its model."""

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from dashboard.widgets.job_progress import follow_job, offer_job
from dashboard.widgets.markdown import escape_markdown
from pipeline.jobs import export_job
from pipeline.registry.export_model import can_export
from pipeline.runs import Run, RunState

_POPOVER_WIDTH_PX = 260
_FORMATS = {
    **{"int8": "OpenVINO int8", "litert": "LiteRT", "savedmodel": "SavedModel", "onnx": "ONNX"},
    "tensorboard": "TensorBoard",
}
"""Further formats of the command `export` → their names."""


def show_export(run: Run, state: RunState) -> None:
    """Show a popover with the run's files to download, and exports in the formats of runtimes.

    Args:
        run: the run.
        state: its state; a running one exports its model when the training ends.
    """
    with st.popover("Export", icon=":material/download:", key=f"train.open.export.{run.name}"):
        with st.container(width=_POPOVER_WIDTH_PX):
            _show_openvino(run, state)
            if run.exported and state != "running":
                _show_formats(run)
            for label, path in (
                ("Keras model", run.weights_path),
                ("Configuration", run.config_path),
                ("History", run.history_path),
            ):
                if path.is_file():
                    _download_button(run, label, path.name, path.read_bytes)


def _show_openvino(run: Run, state: RunState) -> None:
    job = export_job(run.name)
    if run.exported:
        _download_button(run, "OpenVINO model", "openvino.zip", lambda: openvino_zip(run))
    elif job.running():
        follow_job(job, "Exporting to OpenVINO")
    elif run.weights_path.is_file() and state != "running":
        offer_job(job, "Export to OpenVINO", ":material/deployed_code:")


def _show_formats(run: Run) -> None:
    formats = [to for to in _FORMATS if can_export(run, to)]
    to = st.selectbox(
        "Other format",
        formats,
        index=None,
        format_func=_FORMATS.__getitem__,
        placeholder="choose one",
        key=f"train.open.format.{run.name}",
        help="Each has its labels and its input in a .json beside it.",
    )
    if to is None:
        return
    job, folder = export_job(run.name, to), run.exports_path / to
    if job.running():
        follow_job(job, f"Exporting to {_FORMATS[to]}")
    elif to == "int8" and run.int8_path.is_file():
        files = [run.int8_path, *map(run.int8_path.with_suffix, (".bin", ".json"))]
        _download_button(run, f"{_FORMATS[to]} model", "int8.zip", lambda: _zip(files))
    elif folder.is_dir():
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        label = "TensorBoard files" if to == "tensorboard" else f"{_FORMATS[to]} model"
        _download_button(run, label, f"{to}.zip", lambda: _zip(files, folder))
    else:
        offer_job(job, f"Export to {_FORMATS[to]}", ":material/deployed_code:")


def _download_button(run: Run, label: str, name: str, read: Callable[[], bytes]) -> None:
    """Show a download button; the file is read when the button is pressed."""
    st.download_button(
        label,
        read,
        f"{run.name}-{name}",
        key=f"train.open.download.{run.name}.{name}",
        icon=":material/download:",
        on_click="ignore",
        width="stretch",
        help=escape_markdown(name),
    )


def openvino_zip(run: Run) -> bytes:
    """Return a ZIP archive of a run's exported model: `model.xml` and `model.bin`."""
    return _zip([run.openvino_path, run.openvino_path.with_suffix(".bin")])


def _zip(files: Sequence[Path], folder: Path | None = None) -> bytes:
    """Return an archive of the files that exist, named by their paths below a folder if given."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path in files:
            if path.is_file():
                file.write(path, path.relative_to(folder or path.parent))
    return archive.getvalue()
