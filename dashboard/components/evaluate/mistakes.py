"""What the model takes for what most often."""

import streamlit as st

from dashboard.charts.pairs import confused_pairs_chart
from dashboard.components.evaluate.confusion import PLAIN, choose_cell, marked_cell
from dashboard.components.evaluate.judged import Judged

_CHART = "evaluate.pairs"


def show_mistakes(judged: Judged) -> None:
    """Show the most confused pairs; a click on a bar chooses its faces."""
    st.subheader("Most confused pairs")
    if judged.predictions.right.all():
        st.caption("No face is taken for another emotion than its label.")
        return
    st.plotly_chart(
        confused_pairs_chart(judged.metrics.confusion, marked_cell(judged)),
        key=_CHART,
        on_select=lambda: choose_cell(_CHART),
        selection_mode="points",
        config=PLAIN,
        alt="The most confused pairs of emotions",
    )
    st.caption("Label → prediction, with the share of the label's faces.")
