"""Parallel coordinates of runs or models, which scroll on a narrow screen."""

from collections.abc import Mapping, Sequence

import streamlit as st

from pipeline.report.charts.parallel import parallel_coordinates
from pipeline.report.charts.style import NO_MODE_BAR


def show_parallel(
    key: str, fields: Mapping[str, Sequence[object]], accuracies: Sequence[float]
) -> None:
    """Show a line for each run through its values of the fields to its accuracy.

    Args:
        key: names the chart on the page.
        fields: name in the code → its value in each run; None where a run lacks the field.
        accuracies: of each run, 0 to 1.
    """
    named = {name.replace("_", " "): values for name, values in fields.items()}
    with st.container(key=f"wide-{key}"):  # page.css keeps its axes apart
        st.plotly_chart(
            parallel_coordinates(named, accuracies),
            key=key,
            config=NO_MODE_BAR,
            alt="A line for each run through its values of the fields to its accuracy",
        )
