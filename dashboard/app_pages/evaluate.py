"""Evaluate: the metrics of a model on a split, with the faces of every mark."""

import plotly.graph_objects as go
import streamlit as st

from dashboard import resources
from dashboard.views.evaluate.calibration import show_calibration
from dashboard.views.evaluate.confusion import show_confusion, show_mistakes
from dashboard.views.evaluate.curves import show_curves
from dashboard.views.evaluate.export import show_export
from dashboard.views.evaluate.filters import FILTERS
from dashboard.views.evaluate.gallery import show_filtered_faces
from dashboard.views.evaluate.metrics import show_metrics
from dashboard.views.evaluate.slices import show_slices
from dashboard.widgets.address import update_old_address
from dashboard.widgets.choice_bar import choice_bar
from dashboard.widgets.evaluation_progress import offer_evaluation
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_warning
from dashboard.widgets.model_choice import pick_model, show_notes
from dashboard.widgets.subset_picker import find_subsets, pick_subset, show_evaluated
from pipeline.data.dataset import faces_name
from pipeline.data.store import is_synthetic
from pipeline.errors import UserError
from pipeline.evaluation.curves import OUTCOMES
from pipeline.evaluation.slices import DUPLICATE_STATUSES
from pipeline.evaluation.subset import EvaluationSubset
from pipeline.report.charts.confusion import SHARES
from pipeline.report.charts.style import NO_MODE_BAR
from pipeline.report.evaluation import Evaluation
from pipeline.report.evaluation_charts import EVALUATION_CHARTS
from pipeline.runs import Run

# View → its charts whose marks select faces; the other charts follow `EVALUATION_CHARTS`.
CLICKABLE_VIEWS = {
    "Confusion": show_confusion,
    "Curves": show_curves,
    "Calibration": show_calibration,
    "Mistakes": show_mistakes,
    "Slices": show_slices,
}
WITHOUT_GALLERY = ("Curves", "Training")

OLD_STATUSES = ("twin in train", "near twin in train", "twin elsewhere", "no twin")
OLD_ADDRESS: dict[str, dict[str, str]] = {
    "evaluate_shares": {"by row": SHARES[1], "by column": SHARES[2]},
    "evaluate_order": {"Most doubtful": "Least confident"},
    "evaluate_outcome": dict(zip(("found", "false alarms", "missed"), OUTCOMES, strict=True)),
    "evaluate_slice": {
        f"twins: {old}": f"duplicates: {new}"
        for old, new in zip(OLD_STATUSES, DUPLICATE_STATUSES, strict=True)
    }
    | {
        f"FER+ agreement: {least}{percent} %": f"FER+ agreement: {least}{percent}%"
        for percent in range(40, 110, 10)
        for least in ("", "at most ")
    },
}


def show_missing(model: Run, subset: EvaluationSubset) -> None:
    """Offer a missing evaluation if the data set is in the workspace."""
    name = escape_markdown(resources.model_names()[model.name])
    where = escape_markdown(faces_name(subset.dataset, subset.split))
    st.markdown(f"**{name}** has not been evaluated on **{where}** yet.")
    if resources.dataset_by_fingerprint(subset.fingerprint) is None:
        absent = f"'{subset.dataset}' ({subset.fingerprint}) is not in this workspace."
        st.caption(escape_markdown(absent))
        st.page_link("app_pages/dataset.py", label="Import a data set", icon=":material/upload:")
        return
    offer_evaluation("evaluate_start", [model], subset, "Evaluate")


@st.fragment
def show_views(evaluation: Evaluation) -> None:
    """Show one view of an evaluation, and below it the faces selected in it."""
    view = choice_bar(
        "View",
        dict.fromkeys(chart.view for chart in EVALUATION_CHARTS.values()),
        "evaluate_view",
        default="Confusion",
    )
    FILTERS.enter(view)
    try:  # a fragment also reruns alone, and files may have been removed since
        if view in CLICKABLE_VIEWS:
            CLICKABLE_VIEWS[view](evaluation)
        for title, chart in EVALUATION_CHARTS.items():
            if chart.view == view and not chart.clickable:
                show_chart(title, chart.draw(evaluation))
        if view not in WITHOUT_GALLERY:
            show_filtered_faces(evaluation)
    except UserError as error:
        show_warning(error)


def show_chart(title: str, figure: go.Figure | None) -> None:
    """Show a chart without clickable marks."""
    st.header(title)
    if figure is None:
        st.caption("This evaluation lacks the data for this chart.")
    else:
        st.plotly_chart(figure, config=NO_MODE_BAR, alt=title)


def show_evaluation(model: Run, subset: EvaluationSubset) -> None:
    """Show a model's evaluation on a subset, or how to get it."""
    if not resources.is_evaluated(model, subset):
        return show_missing(model, subset)
    try:
        evaluation = resources.evaluation(model, subset)
    except UserError as error:
        show_warning(error)
        return show_missing(model, subset)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"{evaluation.metrics.n:,} faces of {escape_markdown(subset.description)} · "
            f"fingerprint {escape_markdown(subset.fingerprint[:12])}",
            width="stretch",
        )
        show_export(evaluation)
    FILTERS.drop_invalid(evaluation)
    show_metrics(evaluation)
    show_views(evaluation)


update_old_address(OLD_ADDRESS)
st.title("Evaluate")
models = resources.models()
if not models:
    st.markdown(
        "This page evaluates a trained model: accuracy with an interval, confusion matrix, "
        "calibration, and the faces behind every number. There is no model yet."
    )
    st.page_link("app_pages/train.py", label="Train a model", icon=":material/model_training:")
    st.stop()
with st.container(horizontal=True, vertical_alignment="bottom"):
    model = pick_model("evaluate", models) or models[0].run
    subsets = find_subsets([model])
    if subsets:
        show_evaluated("evaluate", model, subsets)
        subset = pick_subset("evaluate", subsets, [model])
real = bool(subsets) and not is_synthetic(subset.fingerprint)
show_notes("evaluate_model", [model], real_faces=real)
if subsets:
    show_evaluation(model, subset)
else:
    st.markdown("There are no faces to evaluate this model on: import a data set first.")
    st.page_link("app_pages/dataset.py", label="Import a data set", icon=":material/upload:")
