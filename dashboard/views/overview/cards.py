"""A data set or a model as a card, whose title is a link."""

import streamlit as st

from dashboard.widgets.class_strip import class_strip
from dashboard.widgets.markdown import escape_markdown
from pipeline.data.dataset import split_name
from pipeline.data.store import dataset_info, is_synthetic
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.report.model_list import ModelEntry
from pipeline.report.units import accuracy_with_interval
from pipeline.runs import RunRow


def show_dataset(name: str) -> None:
    """Show a data set: its faces by split and by emotion; an error if it is damaged."""
    with st.container(border=True, gap="xsmall"):
        try:
            info = dataset_info(name)
        except UserError as error:
            st.error(escape_markdown(str(error)))
            return
        splits = [
            f"{split_name(split)} {sum(counts.values()):,}" for split, counts in info.counts.items()
        ]
        with st.container(horizontal=True, vertical_alignment="center"):
            _link("dataset", name, {"dataset": name})
            badge = ":orange-badge[synthetic] " if is_synthetic(info.fingerprint) else ""
            st.markdown(f"{badge}{info.faces:,} faces", width="content")
        st.caption(escape_markdown(" · ".join(splits)))
        totals = {e: sum(counts.get(e, 0) for counts in info.counts.values()) for e in EMOTIONS}
        st.html(class_strip(totals))


def show_model(entry: ModelEntry) -> None:
    """Show a model: name, architecture, badges, accuracy with its 95% interval."""
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap=None, width="stretch"):
            _link("evaluate", entry.title, {"evaluate_model": entry.run.name})
            badges = ":blue-badge[bundled] " if entry.run.bundled else ""
            badges += ":orange-badge[synthetic] " if entry.synthetic else ""
            st.markdown(
                f"{badges}:small[:gray[{escape_markdown(entry.architecture or 'damaged')}]]"
            )
        if entry.accuracy is None:
            st.caption("not evaluated", width="content")
        else:
            accuracy = accuracy_with_interval(entry.accuracy, entry.interval)
            st.markdown(f"**{accuracy}**", width="content")


def show_run(row: RunRow, badge: str) -> None:
    """Show the title of a running or queued run."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        _link("train", row.title, {"train.run": row.run.name})
        st.markdown(badge, width="content")


def _link(page: str, text: str, address: dict[str, str]) -> None:
    label = f"**{escape_markdown(text)}**"
    st.page_link(f"app_pages/{page}.py", label=label, query_params=address)
