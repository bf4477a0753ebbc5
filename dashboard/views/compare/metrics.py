"""The view Metrics: the table, statistics over seeds, accuracy by cost, and the ensemble."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import resources
from dashboard.views.compare.comparison import MAX_PAIRED, Comparison
from dashboard.views.compare.save_ensemble import offer_to_save
from dashboard.views.compare.table import comparison_table, show_table
from dashboard.widgets.choice_bar import choice_bar
from dashboard.widgets.heading import level_heading
from dashboard.widgets.job_progress import follow_job, offer_job
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_warning
from pipeline.errors import UserError
from pipeline.evaluation.comparison import (
    ensemble,
    paired_differences,
    seed_groups,
    seed_statistics,
)
from pipeline.evaluation.metrics import Metrics, accuracy_interval, compute_metrics
from pipeline.evaluation.model_cost import total_cost
from pipeline.evaluation.predictions import Predictions
from pipeline.jobs import speed_job
from pipeline.report.charts.accuracy_by_cost import AXES, ModelPoint, accuracy_by_cost
from pipeline.report.charts.style import NO_MODE_BAR
from pipeline.report.units import (
    UNKNOWN,
    accuracy_with_interval,
    difference,
    percent,
    score,
)


def show_metrics(comparison: Comparison) -> None:
    """Show the table, statistics over seeds, accuracy by cost, and the ensemble of the models."""
    show_table(comparison_table(comparison))
    _show_seeds(comparison)
    mean = _ensemble(comparison)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _show_accuracy_by_cost(comparison, mean)
        _offer_speed(comparison)
    with right:
        _show_ensemble(comparison, mean)


def _show_seeds(comparison: Comparison) -> None:
    """Show mean and deviation of runs that differ only in the seed."""
    rows = []
    for names in seed_groups(comparison.configs):
        statistics = seed_statistics([comparison.metrics[name].metrics for name in names])
        rows.append(
            {
                "runs": ", ".join(comparison.labels[name] for name in names),
                "seeds": len(names),
                "accuracy, %": _mean_and_deviation(statistics, "accuracy", 100),
                "macro F1": _mean_and_deviation(statistics, "macro_f1"),
                "log loss": _mean_and_deviation(statistics, "log_loss"),
                "ECE, %": _mean_and_deviation(statistics, "ece", 100),
            }
        )
    if rows:
        st.header("Over seeds")
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            column_config={
                "ECE, %": st.column_config.TextColumn(help="Expected calibration error, as above.")
            },
            alt="Mean and deviation over seeds",
        )
        st.caption("Mean ± standard deviation of runs that differ only in the seed.")


def _mean_and_deviation(
    statistics: dict[str, tuple[float, float]], name: str, factor: int = 1
) -> str:
    if name not in statistics:
        return UNKNOWN
    mean, deviation = (factor * value for value in statistics[name])
    digits = 1 if factor == 100 else 3
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}"


def _ensemble(comparison: Comparison) -> tuple[Predictions, Metrics] | None:
    if len(comparison.paired) < 2:
        return None
    return resources.cached_on_predictions(_mean, comparison.paired, comparison.subset)


def _mean(models: Sequence[Predictions]) -> tuple[Predictions, Metrics]:
    mean = ensemble(models)
    return mean, compute_metrics(mean)


def _show_accuracy_by_cost(
    comparison: Comparison, mean: tuple[Predictions, Metrics] | None
) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.header("Accuracy and cost", width="stretch")
        axis = choice_bar("Over", AXES, "compare_cost", default="time", width="content")
    costs, labels = comparison.costs, comparison.labels
    models = [
        ModelPoint(labels[name], each.metrics.accuracy, each.interval, costs[name])
        for name, each in comparison.metrics.items()
    ]
    if mean:
        predictions, metrics = mean
        cost = total_cost([costs[model.name] for model in comparison.paired])
        ends = accuracy_interval(predictions)
        models.append(ModelPoint(predictions.model, metrics.accuracy, ends, cost, True))
    if all(getattr(model.cost, AXES[axis][1]) is None for model in models):
        return  # the offer to measure it follows
    figure = accuracy_by_cost(models, axis)
    st.plotly_chart(figure, config=NO_MODE_BAR, alt="Accuracy over cost, with the Pareto frontier")
    other = "size" if axis == "time" else "time"
    st.caption(
        "The dashed line is the Pareto frontier: the models for which no other one is both more "
        f"accurate and less costly. The larger a mark, the larger the {other} of its "
        "model; the diamond is the ensemble."
    )


def _show_ensemble(comparison: Comparison, mean: tuple[Predictions, Metrics] | None) -> None:
    level_heading(
        "Ensemble",
        help="McNemar's exact test compares two models by the faces that only one of them predicts "
        "correctly; p is the probability of so uneven a split if both were equally accurate.",
    )
    if mean is None:
        st.caption("This needs two models that are evaluated on these faces.")
        return
    predictions, metrics = mean
    best = max(comparison.paired, key=lambda m: comparison.metrics[m.name].metrics.accuracy)
    try:
        (pair,) = paired_differences([predictions, resources.predictions(best, comparison.subset)])
    except UserError as error:
        show_warning(error)
        return
    first = "the first " if len(comparison.models) > MAX_PAIRED else ""
    accuracy = accuracy_with_interval(metrics.accuracy, accuracy_interval(predictions))
    st.markdown(
        f"The mean of the probabilities of {first}{len(comparison.paired)} models: accuracy "
        f"**{accuracy}**, macro F1 **{score(metrics.macro_f1)}**, log loss "
        f"**{score(metrics.log_loss)}**, calibration error **{percent(metrics.ece)}**."
    )
    st.markdown(
        f"Δ to **{escape_markdown(comparison.labels[best.name])}**, the best single model: "
        f"**{difference(pair.difference, pair.interval)}**, McNemar p = {pair.p_value:.2g}."
    )
    cost = total_cost([comparison.costs[model.name] for model in comparison.paired])
    st.markdown(f"Cost: {escape_markdown(str(cost)) or 'not known'}.")
    offer_to_save(comparison)


def _offer_speed(comparison: Comparison) -> None:
    """Offer to measure the latency of all models, one after the other."""
    job = speed_job([model.name for model in comparison.models])
    if job.running():
        return follow_job(job, "Measuring the time of a face")
    missing = sum(cost.ms is None for cost in comparison.costs.values())
    n = len(comparison.models)
    if missing:
        st.caption(
            f"The time of {missing} of {n} models has not been measured on this machine yet."
        )
    offer_job(
        job,
        f"Measure the time of {n} model{'s' * (n != 1)}",
        ":material/timer:",
        type="primary" if missing else "secondary",
    )
