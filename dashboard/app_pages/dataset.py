"""The page Dataset: import data sets, and explore their faces."""

import streamlit as st

from dashboard import resources
from dashboard.access import editors_only
from dashboard.views.dataset.audit import show_audit
from dashboard.views.dataset.face_map import show_map
from dashboard.views.dataset.faces import show_filter_controls, show_filtered_faces
from dashboard.views.dataset.ferplus import show_ferplus
from dashboard.views.dataset.filters import FILTERS, begin
from dashboard.views.dataset.manage import show_manage
from dashboard.views.dataset.overview import show_overview
from dashboard.widgets.choice_bar import choice_bar
from dashboard.widgets.import_form import forget_import, open_import_form, show_import_form
from dashboard.widgets.import_status import FORM, show_imports
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.data.store import DatasetInfo, dataset_info, dataset_names
from pipeline.errors import UserError

VIEWS = ("Overview", "Faces", "Audit", "Map", "FER+")


def show_dataset(info: DatasetInfo) -> None:
    """Show one view of a data set, and below it the faces that match its filters."""
    votes = " · FER+ votes" if info.ferplus else ""
    st.markdown(
        f"**{escape_markdown(info.name)}** · {info.faces:,} faces{votes} · "
        f"from {escape_markdown(info.source)} · "
        f"fingerprint {escape_markdown(info.fingerprint[:12])}"
    )
    faces = resources.annotated(resources.dataset(info.name, info.fingerprint))
    begin(info.name, info.fingerprint)
    view = choice_bar("View", VIEWS, "view")
    FILTERS.enter(view, refines=view == "Faces")
    has_results = True
    if view == "Faces":
        show_filter_controls(faces)
    elif view == "Audit":
        has_results = show_audit(faces)
    elif view == "Map":
        has_results = show_map(faces)
    elif view == "FER+":
        has_results = show_ferplus(faces)
    else:
        show_overview(info, faces)
    active = FILTERS.active()
    if view == "Faces" or (has_results and FILTERS.filters.keys() & active.keys()):
        show_filtered_faces(faces, active)


st.title("Dataset")
names = dataset_names()
if st.session_state.get("dataset.imported") in names:
    st.session_state["dataset"] = st.session_state.pop("dataset.imported")
if names and (gone := st.session_state.get("dataset", names[0])) not in names:
    st.info(escape_markdown(f"There is no data set '{gone}' any more; shown is '{names[0]}'."))
with st.container(horizontal=True, vertical_alignment="bottom"):
    if names:
        name = st.selectbox("Data set", names, key="dataset", bind="query-params", width=280)
        if st.button(
            "Import…", icon=":material/download:", on_click=forget_import, **editors_only()
        ):
            open_import_form()
        show_manage(name)
show_imports()
failed = st.session_state.pop(FORM, None)
if failed or (failed is not None and names):  # without data sets, the form is on the page
    open_import_form(failed)
if not names:
    st.markdown(
        "Explore the faces that models are trained on: how many there are of each emotion in each "
        "split, and what they look like. Start with a data set: the synthetic sample takes a few "
        "seconds."
    )
    with st.container(border=True):
        show_import_form()
    st.stop()
try:
    show_dataset(dataset_info(name))
except UserError as error:
    show_error(error)
