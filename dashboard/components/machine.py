"""What this machine has, and how much of it is in use."""

import psutil
import streamlit as st

from dashboard import resources
from dashboard.components.units import size
from pipeline.workspace import PROJECT, workspace


def show_machine() -> None:
    """Show processor, memory and disk as tiles."""
    with st.grid(3, min_column_width=180):
        for label, value in machine_figures().items():
            st.metric(label, value, border=True)


def machine_figures() -> dict[str, str]:
    """Return what there is and how much of it is in use or free, in words."""
    memory = psutil.virtual_memory()
    disk = psutil.disk_usage(str(workspace() if workspace().is_dir() else PROJECT))
    cores = psutil.cpu_count()
    return {
        "Processor": f"{100 * resources.processor().share():.0f} % of {cores} cores",
        "Memory free": f"{size(memory.available)} of {size(memory.total)}",
        "Disk free": f"{size(disk.free)} of {size(disk.total)}",
    }
