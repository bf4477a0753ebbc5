"""What the training in the form will cost: measured once, kept, shown at once from then on."""

import pandas as pd
import streamlit as st

from dashboard.components.job import follow_job, offer_job
from dashboard.components.train.faces import faces_of
from dashboard.components.units import duration, size
from pipeline.errors import UserError
from pipeline.training.config import TrainConfig
from pipeline.training.estimate import (
    Estimate,
    Layer,
    Room,
    cost_key,
    kept_estimate,
    room,
    training_now,
)
from pipeline.training.jobs import EstimateJob, running_estimate


def show_cost(config: TrainConfig) -> None:
    """Show the kept estimate of a configuration, or offer to make it.

    Args:
        config: what the form says.
    """
    try:
        key = cost_key(config, faces_of(config))
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    job, under_way = EstimateJob(key, config), running_estimate()
    kept = kept_estimate(key, config)
    with st.container(border=True, gap="small"):
        if under_way:
            other = "" if under_way.key == key else " another configuration"
            follow_job(under_way, f"Estimating{other}, about half a minute")
        if kept:
            _show(kept, config)
        if not under_way:
            _offer(job, kept)
    if kept:
        with st.expander("Layers"):
            _show_layers(kept.layers)


def _offer(job: EstimateJob, kept: Estimate | None) -> None:
    """Offer the first measuring, or another one where that would tell more than the kept one."""
    if kept is None:
        st.markdown(
            "What will it cost? A few steps tell: time, memory, disk. It takes about half a "
            "minute and is kept."
        )
        if training_now():
            st.caption(
                "A training is running: the times are measured beside it, longer than alone."
            )
        offer_job(job, "Estimate", ":material/speed:", type="secondary")
    elif kept.beside_training and not training_now():
        offer_job(job, "Measure again", ":material/speed:", type="secondary")


def _show(estimate: Estimate, config: TrainConfig) -> None:
    with st.grid(2, min_column_width=130, gap="small"):
        st.metric("Parameters", _short(estimate.parameters), help=_trained(estimate))
        st.metric(
            "Multiply-adds", _short(estimate.multiply_adds),
            help="of the convolutions and matrix products, in one forward pass of one face",
        )  # fmt: skip
        st.metric("An epoch", _time(estimate.epoch_s), help="with its validation")
        st.metric("In all", duration(estimate.total_s), help="without export and evaluation")
    st.caption(" · ".join(_details(estimate, config)))
    _show_needs(estimate, room())


def _trained(estimate: Estimate) -> str:
    return f"{estimate.parameters:,}, of which {estimate.trainable_parameters:,} are trained"


def _details(estimate: Estimate, config: TrainConfig) -> list[str]:
    epochs = estimate.head_epochs + estimate.epochs
    most = "at most " if config.early_stopping_patience else ""
    words = [
        f"{most}{epochs:,} epoch{'s' if epochs > 1 else ''}",
        f"{estimate.images_per_s:,.0f} faces/s",
        f"first step after {_time(estimate.start_s)}",
    ]
    if estimate.head_epoch_s is not None:
        words.insert(1, f"{_time(estimate.head_epoch_s)} while the head alone is trained")
    if estimate.beside_training:
        words.append("measured beside a training: alone it is faster")
    return words


def _show_needs(estimate: Estimate, there: Room) -> None:
    needs = (
        ("Memory", estimate.memory, there.memory, "take a smaller batch, input size or network"),
        ("Disk", estimate.disk, there.disk, "free some space"),
    )
    st.markdown(
        "  \n".join(
            f"{name}: up to **{size(needed)}** of {size(available)} available"
            for name, needed, available, _ in needs
        )
    )
    for name, needed, available, cure in needs:
        if needed > available:
            lacking = f"{name} falls short by {size(needed - available)}: {cure}."
            st.warning(lacking, icon=":material/warning:")


def _show_layers(layers: tuple[Layer, ...]) -> None:
    """Show the layers in columns that all fit into a third of a screen."""
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
        column_config={
            "layer": column.TextColumn(width=96),
            "output": column.TextColumn(width=84),
            "parameters": column.NumberColumn(width=80, format="compact"),
            "multiply-adds": column.NumberColumn(width=95, format="compact"),
        },
    )


def _time(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 10 else duration(seconds)


def _short(count: float) -> str:
    """Return a number with three figures and its thousands as a letter, such as `1.22 M`."""
    for unit in ("", " k", " M"):
        if count < 1000:
            return f"{count:.3g}{unit}"
        count /= 1000
    return f"{count:.3g} G"
