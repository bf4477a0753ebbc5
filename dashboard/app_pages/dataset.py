"""Dataset: know the faces before you train on them."""

import streamlit as st

from dashboard import resources
from dashboard.components.dataset import selection
from dashboard.components.dataset.audit import show_audit
from dashboard.components.dataset.chosen_faces import show_chosen
from dashboard.components.dataset.face_map import show_map
from dashboard.components.dataset.faces import show_filters
from dashboard.components.dataset.ferplus import show_ferplus
from dashboard.components.dataset.filters import FILTERS
from dashboard.components.dataset.known import KnownFaces
from dashboard.components.dataset.manage import show_manage
from dashboard.components.dataset.overview import show_overview
from dashboard.components.import_form import show_import_form, show_import_jobs
from pipeline.data.audit import kept_audit
from pipeline.data.statistics import statistics
from pipeline.data.store import DatasetInfo, dataset_info, dataset_names
from pipeline.errors import UserError

VIEWS = ("Overview", "Faces", "Audit", "Map", "FER+")


def show_dataset(info: DatasetInfo) -> None:
    """Show one view of a data set, and below it the faces that were chosen in any view."""
    votes = " · FER+ votes" if info.ferplus else ""
    st.markdown(
        f"**{info.name}** · {info.faces:,} faces{votes} · from {info.source} · "
        f"fingerprint `{info.fingerprint[:12]}`"
    )
    dataset = resources.dataset(info.name, info.fingerprint)
    known = KnownFaces(dataset, statistics(dataset), kept_audit(dataset))
    selection.begin(info.name, info.fingerprint)
    filters = selection.chosen()
    view = st.segmented_control(
        "View", VIEWS, default=VIEWS[0], required=True, label_visibility="collapsed",
        key="view", bind="query-params",
    )  # fmt: skip
    if view == "Faces":
        show_filters(known, filters)
    elif view == "Audit":
        show_audit(known)
    elif view == "Map":
        show_map(known)
    elif view == "FER+":
        show_ferplus(known)
    else:
        show_overview(info, known)
    if view == "Faces" or FILTERS.keys() & filters.keys():
        show_chosen(known, filters)


st.title("Dataset")
names = dataset_names()
if st.session_state.get("dataset.imported") in names:  # what was just imported is shown
    st.session_state["dataset"] = st.session_state.pop("dataset.imported")
asked = st.session_state.get("dataset", st.query_params.get("dataset"))
if names and asked and asked not in names:
    st.info(f"There is no data set '{asked}' any more; shown is '{names[0]}'.")
with st.container(horizontal=True, vertical_alignment="bottom"):
    if names:
        name = st.selectbox("Data set", names, key="dataset", bind="query-params", width=280)
        if st.button("Import…", icon=":material/download:"):
            st.dialog("Import a data set")(show_import_form)()
        show_manage(name)
show_import_jobs()
if not names:
    st.markdown(
        "Look at the faces you train on: how many there are of each emotion, in which split, and "
        "what they look like. Begin with a data set: the drawn sample takes a few seconds."
    )
    with st.container(border=True):
        show_import_form()
    st.stop()
try:
    show_dataset(dataset_info(name))
except UserError as error:
    st.error(str(error))
