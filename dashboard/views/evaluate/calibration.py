"""The view Calibration: reliability diagram before and after temperature scaling."""

import pandas as pd
import streamlit as st

from dashboard import actions
from dashboard.access import editors_only
from dashboard.views.evaluate.filters import FILTERS
from dashboard.widgets.markdown import escape_markdown
from pipeline.data.dataset import faces_name
from pipeline.evaluation.calibration import (
    MIN_FACES,
    N_BINS,
    apply_temperature,
    log_loss,
    reliability,
)
from pipeline.evaluation.predictions import Predictions
from pipeline.report.charts.calibration import reliability_diagram
from pipeline.report.evaluation import Evaluation
from pipeline.report.units import UNKNOWN, percent, score


def show_calibration(evaluation: Evaluation) -> None:
    """Show the reliability diagram, whose marks filter the faces, and the temperature."""
    scaled, explanation = _scaled(evaluation)
    predictions = {"as predicted": evaluation.predictions}
    if scaled is not None:
        predictions["temperature scaled"] = scaled
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.header(
            "Reliability diagram",
            help="ECE is the expected calibration error: how far, on average, confidence and "
            f"accuracy lie apart, in {N_BINS} bins of confidence.",
        )
        bin = FILTERS.active(evaluation).get("bin")
        FILTERS.show_chart(
            "evaluate.reliability",
            reliability_diagram(
                {name: reliability(each) for name, each in predictions.items()},
                int(bin) if bin else None,
            ),
            lambda mark: {"bin": str(mark[0])},
            alt="Accuracy over confidence, before and after temperature scaling",
        )
    with right:
        st.header("Temperature")
        _show_temperature(evaluation, predictions)
        st.caption(escape_markdown(explanation))
        st.caption(
            "A calibrated model lies on the diagonal, an overconfident one below it. A "
            "temperature divides the logits, which changes confidences and never the predicted "
            "emotion (Guo et al. 2017). The stored temperature is applied wherever the model is "
            "used."
        )


def _scaled(evaluation: Evaluation) -> tuple[Predictions | None, str]:
    """Return the predictions with temperature scaling, and where the temperature comes from."""
    fitted, predictions = evaluation.model.calibration(), evaluation.predictions
    split = (predictions.fingerprint, predictions.split)
    if fitted and (fitted.fingerprint, fitted.split) != split:
        return (
            apply_temperature(predictions, fitted.temperature),
            f"The temperature was fitted on {fitted.faces:,} faces of "
            f"{escape_markdown(faces_name(fitted.dataset, fitted.split))}.",
        )
    if evaluation.cross_fitted is None:
        return None, f"A temperature needs at least {MIN_FACES} faces and a mistake among them."
    return evaluation.cross_fitted, (
        "The temperature is fitted on these faces, which would bias the comparison: so each of "
        "five folds is scaled by the temperature fitted on the other four."
    )


def _show_temperature(evaluation: Evaluation, predictions: dict[str, Predictions]) -> None:
    fitted = evaluation.model.calibration()
    st.metric("Stored", score(fitted.temperature) if fitted else UNKNOWN, width="content")
    table = {
        "expected calibration error": [percent(reliability(p).ece) for p in predictions.values()],
        "log loss": [score(log_loss(p)) for p in predictions.values()],
    }
    st.table(
        pd.DataFrame(table, index=list(predictions)), alt="Calibration before and after scaling"
    )
    if fitted is None and len(predictions) > 1 and _is_choosing_split(evaluation):
        label = "Fit and store the temperature"
        if st.button(label, icon=":material/thermostat:", type="primary", **editors_only()):
            actions.calibrate(evaluation.model, evaluation.predictions)
            st.rerun()


def _is_choosing_split(evaluation: Evaluation) -> bool:
    """Return whether these are all faces of the model's validation split."""
    dataset, subset = evaluation.dataset, evaluation.subset
    whole = not (subset.exclude or subset.without_duplicates)
    if not whole or dataset is None or subset.split != dataset.choosing_split():
        return False
    return evaluation.model.config().dataset_fingerprint == dataset.fingerprint
