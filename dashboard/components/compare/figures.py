"""All figures of the compared models: the table, cost, seeds, and the models together."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import resources
from dashboard.charts.cost import AXES, PricedModel, accuracy_by_cost
from dashboard.components.compare.compared import MOST_TOGETHER, Compared
from dashboard.components.compare.table import comparison_table, show_table
from dashboard.components.evaluate.confusion import PLAIN
from dashboard.components.job import follow_job, offer_job
from dashboard.components.units import accuracy_with_interval
from pipeline.errors import UserError
from pipeline.evaluation.comparison import ensemble, paired_differences
from pipeline.evaluation.cost import together
from pipeline.evaluation.jobs import SpeedJob
from pipeline.evaluation.metrics import Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.seeds import over_seeds, seed_groups


def show_figures(compared: Compared) -> None:
    """Show the table, the picture of accuracy and cost, seeds, and what a mean would give."""
    show_table(comparison_table(compared))
    _show_seeds(compared)
    mean = _ensemble(compared)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _show_cost(compared, mean)
    with right:
        _show_ensemble(compared, mean)
        _offer_speed(compared)


def _show_seeds(compared: Compared) -> None:
    """Show mean and deviation of runs that differ in nothing but their seed."""
    groups = seed_groups(compared.configs)
    if not groups:
        return
    labels = compared.labels
    rows = []
    for names in groups:
        spread = over_seeds([compared.measured[name].metrics for name in names])
        figures = {
            "accuracy, %": _spread(spread, "accuracy", 100),
            "macro F1": _spread(spread, "macro_f1"),
            "log loss": _spread(spread, "log_loss"),
            "ECE, %": _spread(spread, "ece", 100),
        }
        runs = ", ".join(labels[name] for name in names)
        rows.append({"one configuration": runs, "seeds": len(names), **figures})
    st.subheader("Over seeds")
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Mean and deviation over seeds")
    st.caption("Mean ± standard deviation of runs that differ in nothing but their seed.")


def _spread(spread: dict[str, tuple[float, float]], name: str, factor: int = 1) -> str:
    if name not in spread:
        return "–"
    mean, deviation = (factor * value for value in spread[name])
    digits = 1 if factor == 100 else 3
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}"


def _ensemble(compared: Compared) -> tuple[Predictions, Metrics] | None:
    if len(compared.together) < 2:
        return None
    return resources.made_of_all(_mean, compared.together, compared.target)


def _mean(judged: Sequence[Predictions]) -> tuple[Predictions, Metrics]:
    made = ensemble(judged)
    return made, compute_metrics(made)


def _show_cost(compared: Compared, mean: tuple[Predictions, Metrics] | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader("Accuracy and cost", width="stretch")
        axis = st.segmented_control(
            "Over", list(AXES), default="time", required=True, width="content",
            label_visibility="collapsed", key="compare_cost", bind="query-params",
        )  # fmt: skip
    costs, labels = compared.costs, compared.labels
    models = [
        PricedModel(labels[name], each.metrics.accuracy, each.interval, costs[name])
        for name, each in compared.measured.items()
    ]
    if mean:
        predictions, metrics = mean
        cost = together([costs[model.name] for model in compared.together])
        interval = accuracy_interval(predictions)
        models.append(PricedModel(predictions.model, metrics.accuracy, interval, cost, True))
    field = AXES[axis][1]
    if any(getattr(model.cost, field) is not None for model in models):
        figure = accuracy_by_cost(models, axis)
        st.plotly_chart(figure, config=PLAIN, alt="Accuracy over cost, with the frontier")
        other = "size" if axis == "time" else "time"
        st.caption(
            f"The area of a mark is its {other}. Along the broken line no model is both cheaper "
            "and better. A diamond is the mean of all."
        )
    else:
        st.caption("No time was measured on this machine yet: measure it beside.")


def _show_ensemble(compared: Compared, mean: tuple[Predictions, Metrics] | None) -> None:
    st.subheader("All together")
    if mean is None:
        st.caption("Choose a second model to see what the mean of their probabilities would give.")
        return
    predictions, metrics = mean
    best = max(compared.together, key=lambda m: compared.measured[m.name].metrics.accuracy)
    try:
        (pair,) = paired_differences([predictions, resources.judged(best, compared.target)])
    except UserError as error:
        st.warning(str(error), icon=":material/warning:")
        return
    low, high = (100 * end for end in pair.interval)
    costs = compared.costs
    cost = together([costs[model.name] for model in compared.together])
    facts = [
        f"{cost.ms:.1f} ms a face" if cost.ms is not None else "",
        f"{cost.size_mb:.1f} MB" if cost.size_mb is not None else "",
        f"{cost.parameters / 1e6:.2f} M parameters" if cost.parameters is not None else "",
    ]
    many = len(compared.models) > MOST_TOGETHER
    st.markdown(
        f"The mean of the probabilities of {'the first ' if many else ''}"
        f"{len(compared.together)} models: accuracy "
        f"**{accuracy_with_interval(metrics.accuracy, accuracy_interval(predictions))}**, macro F1 "
        f"**{metrics.macro_f1:.3f}**, log loss **{metrics.log_loss:.3f}**, calibration error "
        f"**{100 * metrics.ece:.1f} %**."
    )
    st.markdown(
        f"Against **{compared.labels[best.name]}**, the best alone: "
        f"**{100 * pair.difference:+.1f} points** ({low:+.1f} to {high:+.1f}), McNemar "
        f"p = {pair.p_value:.2g}."
    )
    st.markdown(f"Cost: {', '.join(filter(None, facts)) or 'not known'}.")


def _offer_speed(compared: Compared) -> None:
    """Offer to measure the time of all compared models, one after the other."""
    job = SpeedJob(tuple(model.name for model in compared.models))
    if job.running():
        return follow_job(job, "Measuring the time of a face")
    missing = sum(cost.ms is None for cost in compared.costs.values())
    n = len(compared.models)
    if missing:
        st.caption(f"The time of {missing} of {n} models was not measured on this machine yet.")
    offer_job(
        job, f"Measure the time of {n} model{'s' * (n != 1)}", ":material/timer:",
        type="primary" if missing else "secondary",
    )  # fmt: skip
