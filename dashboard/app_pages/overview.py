"""Overview: what is here, what runs now, and what to do next."""

import streamlit as st

from dashboard import resources
from dashboard.components.class_strip import class_strip
from dashboard.components.machine import show_machine
from dashboard.components.model_list import ModelEntry, model_entries
from dashboard.components.plain import plain
from dashboard.components.run_progress import BADGES, active_runs, show_bars
from dashboard.components.units import accuracy_with_interval, size
from pipeline.data.store import dataset_info, dataset_names
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS

_MODELS_SHOWN = 6
_WAITING_SHOWN = 4


def show_next_step(has_data: bool, has_model: bool) -> None:
    """Offer the one thing to do next, by what is there."""
    if not has_data:
        page, words = "dataset", "Import a data set"
        why = "Begin with faces: FER-2013, or the drawn sample with no download."
    elif not has_model:
        page, words = "train", "Train a model"
        why = "The data is here. A small network on the drawn sample takes two minutes."
    else:
        page, words = "live", "Go live"
        why = "Try the best model on the camera, or look at its mistakes under Evaluate."
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Next step** &nbsp; {why}", width="stretch")
        if page == "live" and st.button("Evaluate", icon=":material/query_stats:"):
            st.switch_page("app_pages/evaluate.py")
        if st.button(words, type="primary", icon=":material/arrow_forward:"):
            st.switch_page(f"app_pages/{page}.py")


def show_dataset(name: str) -> None:
    """Show a data set as a card; a damaged one says so."""
    with st.container(border=True, gap="xsmall"):
        try:
            info = dataset_info(name)
        except UserError as error:
            st.error(str(error))
            return
        splits = [f"{split} {sum(counts.values()):,}" for split, counts in info.counts.items()]
        st.markdown(f"**{name}** · {info.faces:,} faces")
        st.caption(" · ".join(splits))
        totals = {e: sum(counts.get(e, 0) for counts in info.counts.values()) for e in EMOTIONS}
        st.html(class_strip(totals))


def show_model(entry: ModelEntry) -> None:
    """Show a model as a line: name, accuracy with its interval, size."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        badge = " :blue-badge[shipped]" if entry.shipped else ""
        parameters = f" · {entry.parameters / 1e6:.2f} M parameters" if entry.parameters else ""
        with st.container(gap=None, width="stretch"):
            st.markdown(f"**{entry.name}**{badge}")
            st.caption(f"{entry.architecture}{parameters} · {size(entry.size)}")
        if entry.accuracy is None:
            st.caption("not evaluated yet", width="content")
        else:
            with st.container(gap=None, width="content"):
                st.markdown(f"**{accuracy_with_interval(entry.accuracy, entry.interval)}**")
                st.caption(f"{entry.dataset}, {entry.split}")


def show_active(states: dict[str, str]) -> None:
    """Show what trains and waits now; when a run begins or ends, the whole page follows."""
    active = active_runs(resources.runs().rows())
    if active.states != states:
        st.rerun()
    for row in active.running:
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{plain(row.title)}** &nbsp; {BADGES['running']}")
            show_bars(row)
    for row in active.waiting[:_WAITING_SHOWN]:
        st.markdown(f"**{plain(row.title)}** &nbsp; {BADGES['queued']}")
    if len(active.waiting) > _WAITING_SHOWN:
        st.page_link("app_pages/train.py", label=f"All {len(active.waiting):,} that wait")


st.title("Emotion Detector")
st.markdown(
    "Explore facial-emotion data such as FER-2013, train models on it, judge and compare them, "
    "and run them on a camera: seven emotions, all on this machine."
)
names, models = dataset_names(), model_entries()
show_next_step(bool(names), bool(models))

now = active_runs(resources.runs().rows()).states
if now:
    st.subheader("Runs now")
    st.fragment(run_every=1.0)(show_active)(now)

left, right = st.columns(2, gap="large")
with left:
    st.subheader("Data sets")
    for dataset_name in names:
        show_dataset(dataset_name)
    if not names:
        st.caption("None yet. A data set is faces with their emotions, split for training.")
with right:
    st.subheader("Models")
    for model in models[:_MODELS_SHOWN]:
        show_model(model)
    if len(models) > _MODELS_SHOWN:
        st.page_link("app_pages/compare.py", label=f"All {len(models)} models")
    if not models:
        st.caption("None yet. A finished training becomes a model, ready for photos and camera.")
st.subheader("This machine")
show_machine()
