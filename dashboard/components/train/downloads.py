"""What a run can be exported as; a file is read only when it is asked for."""

import io
import zipfile
from collections.abc import Callable

import streamlit as st

from dashboard.components.job import follow_job, offer_job
from pipeline.runs import Run, ShownState
from pipeline.runs.export_job import ExportJob

_WIDTH_PX = 260


def show_downloads(run: Run, state: ShownState) -> None:
    """Offer the run's files, and to make the OpenVINO model where it is missing.

    Args:
        run: the run.
        state: its state; a model is exported at the end of the training.
    """
    with st.popover("Export", icon=":material/download:", key=f"train.opened.export.{run.name}"):
        with st.container(width=_WIDTH_PX):
            _show_openvino(run, state)
            for label, path in (
                ("Keras model", run.weights_path),
                ("Configuration", run.config_path),
                ("History", run.history_path),
            ):
                if path.is_file():
                    _download(run, label, path.name, path.read_bytes)


def _show_openvino(run: Run, state: ShownState) -> None:
    job = ExportJob(run.name)
    if run.exported:
        _download(run, "OpenVINO model", "openvino.zip", lambda: openvino_zip(run))
    elif job.running():
        follow_job(job, "Exporting to OpenVINO")
    elif run.weights_path.is_file() and state != "running":
        offer_job(job, "Make the OpenVINO model", ":material/deployed_code:")


def _download(run: Run, label: str, name: str, read: Callable[[], bytes]) -> None:
    st.download_button(
        label, read, f"{run.name}-{name}", key=f"train.opened.download.{run.name}.{name}",
        icon=":material/download:", on_click="ignore", width="stretch", help=name,
    )  # fmt: skip


def openvino_zip(run: Run) -> bytes:
    """Return a run's exported model as one archive with `model.xml` and `model.bin`."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path in (run.openvino_path, run.openvino_path.with_suffix(".bin")):
            file.write(path, path.name)
    return archive.getvalue()
