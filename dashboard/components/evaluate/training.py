"""How the model learned."""

import streamlit as st

from dashboard.charts.history import learning_curves
from dashboard.components.evaluate.confusion import PLAIN
from dashboard.components.evaluate.judged import Judged
from pipeline.errors import UserError


def show_training(judged: Judged) -> None:
    """Show the learning curves of the model's training, where its history is known."""
    st.subheader("Learning curves")
    history = judged.model.history()
    if history.empty:
        st.caption("This model has no stored history.")
        return
    try:
        figure = learning_curves(history, judged.model.config().train.monitor)
    except UserError as error:
        st.warning(str(error), icon=":material/warning:")
        return
    st.plotly_chart(figure, config=PLAIN, alt="Accuracy, loss and learning rate by epoch")
