"""Dataset: what is in a data set, and how to get one."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import resources
from dashboard.charts.distribution import axis_end, class_distribution, imbalance
from dashboard.components.faces import sample_by_emotion, strip
from dashboard.components.import_form import show_import_form, show_import_jobs
from pipeline.data.store import DatasetInfo, dataset_info, dataset_names
from pipeline.errors import UserError
from pipeline.labels import COLOURS, EMOTIONS

_PER_ROW = 12


def show_distribution(info: DatasetInfo) -> None:
    """Show the classes of each split as bars, and how far they are from even."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Classes by split", width="stretch")
        unit = st.segmented_control(
            "Bars show",
            ["counts", "shares"],
            default="counts",
            required=True,
            label_visibility="collapsed",
            key="dataset.unit",
            persist_state="session",
        )
    shares = unit == "shares"
    ends = axis_end(info.counts, shares=shares)
    with st.grid(min(3, len(info.counts)), min_column_width=280, gap="medium"):
        for split, counts in info.counts.items():
            with st.container(gap="xsmall"):
                ratio = imbalance(counts)
                words = f"imbalance {ratio:.1f} : 1" if ratio else "an emotion is missing"
                st.markdown(f"**{split}** · {sum(counts.values()):,} faces · {words}")
                figure = class_distribution(counts, shares=shares, largest=ends[split])
                st.plotly_chart(figure, key=f"bars {split}", config={"displayModeBar": False})
    st.caption(
        "Imbalance: how many times the rarest emotion fits into the most frequent one. "
        "Above about 5, look at macro F1 beside accuracy, and try class weights."
    )


def show_faces(info: DatasetInfo) -> None:
    """Show a row of faces an emotion, and others on a click."""
    dataset = resources.dataset(info.name, info.fingerprint)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader("Sample faces", width="stretch")
        split = st.selectbox("Split", dataset.split_names(), width=180)
        if st.button("Show others", icon=":material/shuffle:"):
            st.session_state["dataset.seed"] = st.session_state.get("dataset.seed", 0) + 1
    candidates = dataset.indices(split)
    seed = st.session_state.get("dataset.seed", 0)
    for label, emotion in enumerate(EMOTIONS):
        name, *halves = st.columns([2, 9, 9], vertical_alignment="center", gap="xsmall")
        name.html(f'<span style="color:{COLOURS[emotion]}">■</span> {emotion}')
        chosen = sample_by_emotion(dataset.labels, candidates, label, _PER_ROW, seed)
        if not len(chosen):
            halves[0].caption("no face of this emotion")
        for half, place in zip(np.array_split(chosen, 2), halves, strict=True):
            if len(half):
                faces = np.ascontiguousarray(dataset.images[half])
                place.image(strip(faces, _PER_ROW // 2), width="stretch", alt=f"{emotion} faces")


def show_counts(info: DatasetInfo) -> None:
    """Show the numbers behind the bars."""
    table = pd.DataFrame(info.counts).reindex(EMOTIONS)
    table["all"] = table.sum(axis=1)
    table.loc["all"] = table.sum()
    st.subheader("Counts")
    st.dataframe(table.astype(int).map("{:,}".format))


st.title("Dataset")
names = dataset_names()
if st.session_state.get("dataset.imported") in names:  # what was just imported is shown
    st.session_state["dataset"] = st.session_state.pop("dataset.imported")
with st.container(horizontal=True, vertical_alignment="bottom"):
    if names:
        chosen_name = st.selectbox("Data set", names, key="dataset", bind="query-params", width=280)
        if st.button("Import…", icon=":material/download:"):
            st.dialog("Import a data set")(show_import_form)()
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
    chosen_info = dataset_info(chosen_name)
    votes_word = " · FER+ votes" if chosen_info.ferplus else ""
    st.markdown(
        f"**{chosen_info.name}** · {chosen_info.faces:,} faces{votes_word} · from "
        f"{chosen_info.source} · fingerprint `{chosen_info.fingerprint[:12]}`"
    )
    show_distribution(chosen_info)
    show_faces(chosen_info)
    show_counts(chosen_info)
except UserError as error:
    st.error(str(error))
