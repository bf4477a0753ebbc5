"""Download a run's files and export its model to OpenVINO."""

import io
import zipfile
from collections.abc import Callable

import streamlit as st

from dashboard.widgets.job_progress import follow_job, offer_job
from dashboard.widgets.markdown import escape_markdown
from pipeline.jobs import export_job
from pipeline.runs import Run, RunState

_POPOVER_WIDTH_PX = 260


def show_export(run: Run, state: RunState) -> None:
    """Show a popover with the run's files to download, and the OpenVINO export if it is missing.

    Args:
        run: the run.
        state: its state; a running one exports its model when the training ends.
    """
    with st.popover("Export", icon=":material/download:", key=f"train.open.export.{run.name}"):
        with st.container(width=_POPOVER_WIDTH_PX):
            _show_openvino(run, state)
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
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path in (run.openvino_path, run.openvino_path.with_suffix(".bin")):
            file.write(path, path.name)
    return archive.getvalue()
