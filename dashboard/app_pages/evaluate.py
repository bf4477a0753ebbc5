"""Evaluate: how good a model is on a split, and which faces it gets wrong."""

import streamlit as st

from dashboard import resources
from dashboard.components.evaluate.calibration import show_calibration
from dashboard.components.evaluate.confusion import show_confusion
from dashboard.components.evaluate.curves import show_curves
from dashboard.components.evaluate.downloads import show_downloads
from dashboard.components.evaluate.figures import show_figures
from dashboard.components.evaluate.gallery import show_chosen
from dashboard.components.evaluate.judged import Judged, judge
from dashboard.components.evaluate.mistakes import show_mistakes
from dashboard.components.evaluate.slices import show_slices
from dashboard.components.evaluate.training import show_training
from dashboard.components.evaluation_job import offer_evaluation
from dashboard.components.model_picker import find_targets, job_for, pick_model, pick_target
from pipeline.errors import UserError
from pipeline.evaluation.target import Target
from pipeline.runs import Run, list_models

VIEWS = {
    "Confusion": show_confusion,
    "Curves": show_curves,
    "Calibration": show_calibration,
    "Mistakes": show_mistakes,
    "Slices": show_slices,
    "Training": show_training,
}
WITHOUT_GALLERY = ("Curves", "Training")


def offer(model: Run, target: Target) -> None:
    """Say that an evaluation is missing, and offer to do it if its data set is here."""
    where = f"**{target.split}** of **{target.dataset}**"
    st.markdown(f"No predictions of **{model.name}** on {where} are stored yet.")
    if resources.dataset_by_fingerprint(target.fingerprint) is None:
        st.caption(f"'{target.dataset}' ({target.fingerprint}) is not in this workspace.")
        st.page_link("app_pages/dataset.py", label="Import a data set", icon=":material/upload:")
        return
    offer_evaluation("evaluate_start", [job_for(model, target)], "Evaluate")


@st.fragment
def show_views(judged: Judged) -> None:
    """Show one view of an evaluation, and below it the faces that were chosen in any view."""
    view = st.segmented_control(
        "View", VIEWS, default="Confusion", required=True, label_visibility="collapsed",
        key="evaluate_view", bind="query-params",
    )  # fmt: skip
    try:  # the fragment runs by itself, too, and files may have been removed since
        VIEWS[view](judged)
        if view not in WITHOUT_GALLERY:
            show_chosen(judged)
    except UserError as error:
        st.warning(str(error), icon=":material/warning:")


def show_evaluation(model: Run, target: Target) -> None:
    """Show everything about a model on a split, or how to get it."""
    if not resources.is_evaluated(model, target):
        return offer(model, target)
    try:
        judged = judge(model, target)
    except UserError as error:
        st.warning(str(error), icon=":material/warning:")
        return offer(model, target)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"{judged.metrics.n:,} faces of {target.words} · fingerprint {target.fingerprint[:12]}",
            width="stretch",
        )
        show_downloads(judged)
    show_figures(judged)
    show_views(judged)


st.title("Evaluate")
models = list_models()
if not models:
    st.markdown(
        "Here a trained model is judged: its accuracy with an interval, what it confuses with "
        "what, how sure it is, and the faces behind every number. There is no model yet."
    )
    st.page_link("app_pages/train.py", label="Train a model", icon=":material/model_training:")
    st.stop()
with st.container(horizontal=True, vertical_alignment="bottom"):
    model = pick_model("evaluate", models)
    targets = find_targets([model])
    target = pick_target("evaluate", targets) if targets else None
if target:
    show_evaluation(model, target)
else:
    st.markdown("There are no faces to judge this model on: import a data set first.")
    st.page_link("app_pages/dataset.py", label="Import a data set", icon=":material/upload:")
