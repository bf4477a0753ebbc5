"""Time, memory and disk that a training needs, estimated by a job on demand."""

import pandas as pd
import streamlit as st

from dashboard.views.train.training_data import open_dataset
from dashboard.widgets.job_progress import follow_job, offer_job
from dashboard.widgets.messages import show_error, show_warning
from pipeline.config.options import config_options
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.jobs import Job, estimate_job, running_estimate
from pipeline.report.units import duration, size
from pipeline.training.estimate import (
    AvailableResources,
    Estimate,
    Layer,
    available_resources,
    cost_key,
    load_estimate,
    training_now,
)


def show_estimate(config: TrainConfig) -> None:
    """Show the stored estimate of a configuration, or a button that makes one."""
    try:
        key = cost_key(config, open_dataset(config))
    except UserError as error:
        show_error(error)
        return
    job, running = estimate_job(key, config_options(config)), running_estimate()
    estimate = load_estimate(key, config)
    with st.container(border=True, gap="small"):
        if running:
            other = "" if running.folder == job.folder else " another configuration"
            follow_job(running, f"Estimating{other}, about 30 s")
        if estimate:
            _show_metrics(estimate, config)
        if not running:
            _offer(job, estimate)
    if estimate:
        with st.expander("Layers"):
            _show_layers(estimate.layers)


def _offer(job: Job, estimate: Estimate | None) -> None:
    """Offer an estimate, or another one if the stored one was slowed down by a training."""
    if estimate is None:
        st.markdown("**Estimate time and memory** (runs a few steps, about 30\u00a0s)")
        if training_now():
            st.caption("A training is running: measured times will be longer than alone.")
        offer_job(job, "Estimate", ":material/speed:", type="secondary")
    elif estimate.beside_training and not training_now():
        offer_job(job, "Estimate again", ":material/speed:", type="secondary")


def _show_metrics(estimate: Estimate, config: TrainConfig) -> None:
    with st.grid(2, min_column_width=130, gap="small"):
        st.metric(
            "Parameters",
            _short(estimate.parameters),
            help=f"{estimate.parameters:,}, {estimate.trainable_parameters:,} of them trainable",
        )
        st.metric(
            "Multiply-adds",
            _short(estimate.multiply_adds),
            help="Convolutions and matrix products in one forward pass of one face.",
        )
        st.metric("Time per epoch", _time(estimate.epoch_s), help="Validation included.")
        st.metric("Total time", duration(estimate.total_s), help="Without export and evaluation.")
    st.caption(" · ".join(_details(estimate, config)))
    _show_requirements(estimate, available_resources())


def _details(estimate: Estimate, config: TrainConfig) -> list[str]:
    epochs = estimate.head_epochs + estimate.epochs
    at_most = "at most " if config.may_stop_early else ""
    details = [
        f"{at_most}{epochs:,} epoch{'s' if epochs > 1 else ''}",
        f"{estimate.images_per_s:,.0f} faces/s",
        f"first step after {_time(estimate.start_s)}",
    ]
    if estimate.head_epoch_s is not None:
        details.insert(1, f"{_time(estimate.head_epoch_s)} per epoch of the head alone")
    if estimate.beside_training:
        details.append("measured during another training: faster on an idle machine")
    return details


def _show_requirements(estimate: Estimate, available: AvailableResources) -> None:
    rows = (
        ("Memory", estimate.memory, available.memory, "use a smaller batch, input size or network"),
        ("Disk", estimate.disk, available.disk, "free some disk space"),
    )
    st.markdown(
        "  \n".join(
            f"{name}: up to **{size(needed)}** of {size(free)} available"
            for name, needed, free, _ in rows
        )
    )
    for name, needed, free, cure in rows:
        if needed > free:
            missing = f"Not enough {name.lower()}, {size(needed - free)} short: {cure}."
            show_warning(missing)


def _show_layers(layers: tuple[Layer, ...]) -> None:
    """Show the layers as a table whose columns fit into a third of the screen."""
    column = st.column_config
    st.dataframe(
        pd.DataFrame(
            {
                "layer": [layer.name for layer in layers],
                "output": [" × ".join(map(str, layer.output_shape)) for layer in layers],
                "parameters": [layer.parameters for layer in layers],
                "multiply-adds": [layer.multiply_adds for layer in layers],
            }
        ),
        hide_index=True,
        alt="The layers of the network",
        column_config={
            "layer": column.TextColumn(width=90),
            "output": column.TextColumn(width=78),
            "parameters": column.NumberColumn(width=78, format="compact"),
            "multiply-adds": column.NumberColumn(width=90, format="compact"),
        },
    )


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def _short(count: float) -> str:
    """Return a count with three digits and a unit prefix, such as `1.22 M`."""
    for unit in ("", " k", " M"):
        if count < 1000:
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.3g} G"
