"""The charts of an experiment: over epochs, and over the fields that vary."""

from collections.abc import Sequence

import plotly.graph_objects as go
import streamlit as st

from dashboard.charts.experiment import accuracy_by_epoch, accuracy_by_value, accuracy_by_values
from pipeline.training.trials import Trial
from pipeline.training.verdict import judged, labels, numeric_fields, varied_fields

_PLAIN = {"displayModeBar": False}


def show_charts(trials: Sequence[Trial], chosen: Trial | None) -> None:
    """Show the accuracy over epochs and, of one or two numbers that vary, over these.

    Args:
        trials: of one experiment, the best first.
        chosen: the one to make stand out.
    """
    compared, fields = judged(trials), varied_fields(trials)
    if not compared:
        return
    over_fields = _over_fields(compared, fields)
    left, right = st.columns(2, gap="medium") if over_fields else (st.container(), None)
    with left:
        names = labels(compared, fields, named=False)
        histories = {name: each.history for name, each in zip(names, compared, strict=True)}
        marked = names[compared.index(chosen)] if chosen in compared else None
        legend = " · ".join(fields).replace("_", " ")
        figure = accuracy_by_epoch(histories, legend, marked)
        st.plotly_chart(figure, key="train.trials.epochs", config=_PLAIN)
    if right and over_fields:
        right.plotly_chart(over_fields, key="train.trials.fields", config=_PLAIN)


def _over_fields(trials: Sequence[Trial], fields: Sequence[str]) -> go.Figure | None:
    """Draw the accuracy over the numbers that vary; None where they are none or more than two."""
    numeric = numeric_fields(trials, fields)
    names = [name.replace("_", " ") for name in numeric]
    accuracies = [trial.accuracy or 0.0 for trial in trials]
    if len(numeric) == 1:
        values = [trial.values[numeric[0]] for trial in trials]
        return accuracy_by_value(names[0], values, accuracies)
    if len(numeric) == 2:
        x, y = numeric
        pairs = [(trial.values[x], trial.values[y]) for trial in trials]
        return accuracy_by_values((names[0], names[1]), pairs, accuracies)
    return None
