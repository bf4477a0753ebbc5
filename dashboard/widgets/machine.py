"""CPU, memory and disk of this machine."""

import psutil
import streamlit as st

from dashboard import resources
from pipeline.report.units import size
from pipeline.workspace import PROJECT, workspace


def show_machine() -> None:
    """Show CPU load, free memory and free disk as metric tiles."""
    with st.grid(3, min_column_width=180):
        for label, value in machine_usage().items():
            st.metric(label, value, border=True)


def machine_usage() -> dict[str, str]:
    """Return label → value: CPU load, free memory, and free disk of the workspace."""
    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(str(workspace() if workspace().is_dir() else PROJECT))
    cores = psutil.cpu_count()
    return {
        "CPU": f"{100 * resources.cpu_load().utilization():.0f}% of {cores:,} cores",
        "Memory free": f"{size(memory.available)} of {size(memory.total)}",
        "Disk free": f"{size(disk.free)} of {size(disk.total)}",
    }
