"""Compare: several models on the same faces, side by side."""

import streamlit as st

from dashboard import resources
from dashboard.views.compare.comparison import Comparison, compare
from dashboard.views.compare.config_diff import show_config_diff
from dashboard.views.compare.curves import show_curves
from dashboard.views.compare.metrics import show_metrics
from dashboard.views.compare.pairwise import show_pairwise
from dashboard.widgets.add_model import show_add_model
from dashboard.widgets.address import update_old_address
from dashboard.widgets.choice_bar import choice_bar
from dashboard.widgets.evaluation_progress import offer_evaluation
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_warning
from dashboard.widgets.model_choice import pick_models, show_notes
from dashboard.widgets.subset_picker import find_subsets, pick_subset
from pipeline.data.dataset import faces_name
from pipeline.data.store import is_synthetic
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS

VIEWS = {
    "Metrics": show_metrics,
    "Pairwise": show_pairwise,
    "Curves": show_curves,
    "Config diff": show_config_diff,
}

OLD_ADDRESS = {
    "compare_view": {"Figures": "Metrics", "Pairs": "Pairwise", "Configuration": "Config diff"},
    "compare_outcome": {
        f"only {which} right": f"only {which} correct" for which in ("first", "second")
    },
    "compare_outcome_cell": {
        f"only {which} says {emotion}": f"only {which} predicts {emotion}"
        for which in ("first", "second")
        for emotion in EMOTIONS
    },
}


def show_missing(comparison: Comparison) -> None:
    """Name the models that are skipped, and offer to evaluate those that were not evaluated."""
    for problem in comparison.problems:
        show_warning(problem)
    if not comparison.missing:
        return
    subset, n = comparison.subset, len(comparison.missing)
    titles = resources.model_names()
    names = ", ".join(escape_markdown(titles[model.name]) for model in comparison.missing)
    where = escape_markdown(faces_name(subset.dataset, subset.split))
    st.caption(f"Not evaluated on {where} yet: {names}.")
    if resources.dataset_by_fingerprint(subset.fingerprint) is None:
        st.page_link("app_pages/dataset.py", label="Import the data set", icon=":material/upload:")
        return
    label = f"Evaluate {n} model{'s' * (n > 1)}"
    offer_evaluation("compare_start", comparison.missing, subset, label)


@st.fragment
def show_views(comparison: Comparison) -> None:
    """Show one view of the comparison."""
    view = choice_bar("View", VIEWS, "compare_view")
    try:  # a fragment also reruns alone, and files may have been removed since
        VIEWS[view](comparison)
    except UserError as error:
        show_warning(error)


update_old_address(OLD_ADDRESS)
st.title("Compare")
models = resources.models()
if not models:
    st.markdown(
        "This page compares models on the same faces: every metric with the best value marked, "
        "the significance of differences, and the faces that only one model predicts correctly. "
        "There is no model yet."
    )
    st.page_link("app_pages/train.py", label="Train a model", icon=":material/model_training:")
    st.stop()
selected = pick_models("compare", models)
subsets = find_subsets(selected or [entry.run for entry in models])
if not subsets:
    st.markdown("There are no faces to evaluate these models on: import a data set first.")
    st.page_link("app_pages/dataset.py", label="Import a data set", icon=":material/upload:")
    st.stop()
with st.container(horizontal=True, vertical_alignment="bottom"):
    subset = pick_subset("compare", subsets, selected)
show_add_model()
show_notes("compare_models", selected, real_faces=not is_synthetic(subset.fingerprint))
if not selected:
    st.caption("Choose one or more models above.")
    st.stop()
comparison = compare(selected, subset)
if comparison.models:
    first = comparison.metrics[comparison.models[0].name].metrics
    st.caption(
        f"{first.n:,} faces of {escape_markdown(subset.description)} · "
        f"fingerprint {escape_markdown(subset.fingerprint[:12])} · "
        "★ the best value of each metric"
    )
    if not comparison.same_training_faces():
        st.caption(
            "These models were not all trained on the same faces, as Config diff shows: "
            "a model does best on faces like those that it learned from."
        )
show_missing(comparison)
if comparison.models:
    show_views(comparison)
