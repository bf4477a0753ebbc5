"""Whether the model is as sure as it is right, before and after temperature scaling."""

import pandas as pd
import streamlit as st

from dashboard import resources
from dashboard.charts.calibration import reliability_diagram
from dashboard.components.evaluate import chosen
from dashboard.components.evaluate.confusion import PLAIN
from dashboard.components.evaluate.judged import Judged
from pipeline.evaluation.calibration import (
    FEWEST,
    at_temperature,
    calibrate,
    cross_fitted,
    log_loss,
    reliability,
)
from pipeline.evaluation.predictions import Predictions
from pipeline.runs import Calibration

_CHART = "evaluate.reliability"


def show_calibration(judged: Judged) -> None:
    """Show the reliability diagram; a click on a mark chooses the faces of its bin."""
    fitted = judged.model.calibration()
    after, words = _after(judged, fitted)
    measured = {"as predicted": reliability(judged.predictions)}
    if after is not None:
        measured["temperature scaled"] = reliability(after)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.subheader("Reliability")
        bin = chosen.filters(judged).get("bin")
        st.plotly_chart(
            reliability_diagram(measured, int(bin) if bin else None),
            key=_CHART,
            on_select=_choose_bin,
            selection_mode="points",
            config=PLAIN,
            alt="Accuracy over confidence, before and after temperature scaling",
        )
    with right:
        st.subheader("Temperature")
        _show_temperature(judged, fitted, after)
        st.caption(words)
        st.caption(
            "On the diagonal the model is as sure as it is right; below it, it is too sure. A "
            "temperature divides the logits, which changes how sure it is and never what it says "
            "(Guo et al. 2017). The recognizer shows confidences at the stored temperature."
        )


def _after(judged: Judged, fitted: Calibration | None) -> tuple[Predictions | None, str]:
    """Return the scaled predictions, and how the temperature for them was found."""
    if fitted and not _fitted_here(judged, fitted):
        where = f"{fitted.faces:,} faces of {fitted.dataset}, {fitted.split}"
        return (
            at_temperature(judged.predictions, fitted.temperature),
            f"The temperature was fitted on {where}.",
        )
    scaled = resources.made_of(cross_fitted, judged.model, judged.target)
    if scaled is None:
        return None, (
            f"A temperature is fitted on {FEWEST} faces and more, of which some are mistakes."
        )
    return scaled, (
        "These are the faces that it is fitted on, which would flatter it: so each fifth of them "
        "is scaled here by the temperature of the other four."
    )


def _fitted_here(judged: Judged, fitted: Calibration) -> bool:
    predictions = judged.predictions
    mine = predictions.fingerprint, predictions.split
    return (fitted.fingerprint, fitted.split) == mine


def _show_temperature(
    judged: Judged, fitted: Calibration | None, after: Predictions | None
) -> None:
    st.metric("Stored", f"{fitted.temperature:.3f}" if fitted else "–", width="content")
    rows = {"as predicted": judged.predictions, "temperature scaled": after}
    known = {name: each for name, each in rows.items() if each is not None}
    table = {
        "expected calibration error": [f"{100 * reliability(p).ece:.1f} %" for p in known.values()],
        "log loss": [f"{log_loss(p):.3f}" for p in known.values()],
    }
    st.table(pd.DataFrame(table, index=list(known)))
    if fitted is None and after is not None and _is_choosing_split(judged):
        label = "Fit and store the temperature"
        if st.button(label, icon=":material/thermostat:", type="primary"):
            calibrate(judged.model, judged.predictions)
            st.rerun()


def _is_choosing_split(judged: Judged) -> bool:
    dataset, predictions = judged.dataset, judged.predictions
    whole = not (judged.target.exclude or judged.target.without_twins)
    if not whole or dataset is None or predictions.split != dataset.choosing_split():
        return False
    return judged.model.config().dataset_fingerprint == dataset.fingerprint


def _choose_bin() -> None:
    points = st.session_state[_CHART].selection.points
    if points and points[0].get("customdata"):
        (bin,) = points[0]["customdata"]
        chosen.choose(bin=str(bin))
