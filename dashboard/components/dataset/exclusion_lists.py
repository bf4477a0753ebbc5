"""The exclusion lists of a data set."""

import streamlit as st

from dashboard.components.dataset import selection
from pipeline.data.exclusions import exclusion_names, load_exclusions, remove_exclusions
from pipeline.errors import UserError


def show_exclusion_lists(dataset: str) -> None:
    """Show the lists of a data set, how to see their faces, and how to remove one.

    Args:
        dataset: its name.
    """
    st.subheader("Exclusion lists")
    names = exclusion_names(dataset)
    if not names:
        st.caption(
            "None yet. Show the faces of a finding, or pick some by hand, and exclude them: "
            "trainings and evaluations can then pass over that list."
        )
    for name in names:
        _show_list(dataset, name)


def _show_list(dataset: str, name: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        try:
            listed = load_exclusions(dataset, name)
            st.markdown(f"**{name}** · {len(listed):,} faces", width="stretch")
            st.caption(f"`--exclude {name}`", width="content")
            st.button(
                "Show faces", key=f"show list {name}", icon=":material/grid_view:",
                on_click=selection.choose, kwargs={"excluded": name},
            )  # fmt: skip
        except UserError as error:
            st.error(str(error), width="stretch")
        if st.button("Remove", key=f"remove list {name}", icon=":material/delete:"):
            try:
                remove_exclusions(dataset, name)
            except UserError as error:
                st.error(str(error))
                return
            if selection.chosen().get("excluded") == name:
                selection.drop("excluded")
            st.rerun()
