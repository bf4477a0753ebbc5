"""Compare: several models on the same faces, side by side."""

from collections.abc import Sequence

import streamlit as st

from dashboard import resources
from dashboard.components.compare.compared import Compared, compare
from dashboard.components.compare.configuration import show_configuration
from dashboard.components.compare.curves import show_curves
from dashboard.components.compare.figures import show_figures
from dashboard.components.compare.pairs import show_pairs
from dashboard.components.evaluation_job import offer_evaluation
from dashboard.components.model_picker import find_targets, job_for, pick_target
from pipeline.errors import UserError
from pipeline.runs import Run, list_models

VIEWS = {
    "Figures": show_figures,
    "Pairs": show_pairs,
    "Curves": show_curves,
    "Configuration": show_configuration,
}
AT_FIRST = 6


def pick_models(models: Sequence[Run]) -> list[Run]:
    """Let any number of models be chosen, or all of them at once."""
    by_name = {model.name: model for model in models}
    many = len(models) > AT_FIRST
    with st.container(horizontal=True, vertical_alignment="bottom"):
        every = many and st.toggle(
            f"All {len(models)} models", key="compare_all", bind="query-params"
        )
        names = st.multiselect(
            "Models",
            list(by_name),
            default=list(by_name)[:AT_FIRST],
            key="compare_models",
            bind="query-params",
            placeholder="Choose models",
            wrap=True,
            disabled=every,
        )
    if every:
        return list(models)
    return [by_name[name] for name in names if name in by_name]


def show_missing(compared: Compared) -> None:
    """Name the models that are passed over, and offer to evaluate them."""
    for problem in compared.problems:
        st.warning(problem, icon=":material/warning:")
    if not compared.missing:
        return
    target, n = compared.target, len(compared.missing)
    names = ", ".join(model.title for model in compared.missing)
    st.caption(f"Not evaluated on {target.split} of {target.dataset} yet: {names}.")
    if resources.dataset_by_fingerprint(target.fingerprint) is None:
        st.page_link("app_pages/dataset.py", label="Import the data set", icon=":material/upload:")
        return
    jobs = [job_for(model, target) for model in compared.missing]
    offer_evaluation("compare_start", jobs, f"Evaluate {n} model{'s' * (n > 1)}")


@st.fragment
def show_views(compared: Compared) -> None:
    """Show one view of the compared models."""
    view = st.segmented_control(
        "View", VIEWS, default="Figures", required=True, label_visibility="collapsed",
        key="compare_view", bind="query-params",
    )  # fmt: skip
    try:  # the fragment runs by itself, too, and files may have been removed since
        VIEWS[view](compared)
    except UserError as error:
        st.warning(str(error), icon=":material/warning:")


st.title("Compare")
models = list_models()
if not models:
    st.markdown(
        "Here models are put side by side on the same faces: every figure with the best marked, "
        "whether a difference is real, and the faces that one gets right and another wrong. "
        "There is no model yet."
    )
    st.page_link("app_pages/train.py", label="Train a model", icon=":material/model_training:")
    st.stop()
chosen = pick_models(models)
targets = find_targets(chosen or models)
if not targets:
    st.markdown("There are no faces to judge these models on: import a data set first.")
    st.page_link("app_pages/dataset.py", label="Import a data set", icon=":material/upload:")
    st.stop()
with st.container(horizontal=True, vertical_alignment="bottom"):
    target = pick_target("compare", targets)
if not chosen:
    st.caption("Choose one or more models above.")
    st.stop()
compared = compare(chosen, target)
if compared.models:
    first = compared.measured[compared.models[0].name].metrics
    st.caption(
        f"{first.n:,} faces of {target.words} · fingerprint {target.fingerprint[:12]} · the best "
        "of each figure is tinted"
    )
    if not compared.learnt_from_the_same():
        st.caption("These models did not all learn from the same faces: see Configuration.")
show_missing(compared)
if compared.models:
    show_views(compared)
