"""The next step: import, train, watch, then try, evaluate and compare one's own run."""

from collections.abc import Sequence

import streamlit as st

from dashboard.widgets.markdown import escape_markdown
from pipeline.report.model_list import ModelEntry, best_rival
from pipeline.runs import RunRow

KINDS = ("imported", "ensemble")
"""What stands for the architecture of a model that was not trained here."""

Link = tuple[str, str, dict[str, str | list[str]]]
"""Label, page and query parameters."""


def show_next_step(
    datasets: Sequence[str], runs: Sequence[RunRow], models: Sequence[ModelEntry]
) -> None:
    """Show what to do next, with links to do it; bundled models are no step of one's own.

    Args:
        datasets: their names.
        runs: the workspace's runs, the newest first.
        models: see `model_entries`.
    """
    why, links = _next_step(datasets, runs, models)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f"**Next step** &nbsp; {escape_markdown(why)}", width="stretch")
        with st.container(horizontal=True, gap="small", width="content"):
            for place, (label, page, address) in enumerate(links):
                if st.button(escape_markdown(label), type="secondary" if place else "primary"):
                    st.switch_page(f"app_pages/{page}.py", query_params=address)


def _next_step(
    datasets: Sequence[str], runs: Sequence[RunRow], models: Sequence[ModelEntry]
) -> tuple[str, list[Link]]:
    """Return a sentence and links, the main one first."""
    live: list[Link] = [("Try the bundled models live", "live", {})] if models else []
    own = [entry for entry in models if not entry.run.bundled and entry.architecture not in KINDS]
    active = [row for row in runs if row.state in ("running", "queued")]
    if own:
        return _try(max(own, key=lambda entry: entry.run.name), models)
    if active:
        return (
            f"{active[-1].title} is {active[-1].state}: watch its curves.",
            [("Watch the training", "train", {"train.run": active[-1].run.name}), *live],
        )
    if datasets:
        return (
            "Train a model. The preset Quick takes about a minute on the synthetic sample, and 8 "
            "minutes on FER-2013.",
            [("Train a model", "train", {"train.view": "New run"}), *live],
        )
    return (
        "Start with data: FER-2013, or the synthetic sample, which needs no download.",
        [("Import a data set", "dataset", {}), *live],
    )


def _try(entry: ModelEntry, models: Sequence[ModelEntry]) -> tuple[str, list[Link]]:
    """Return the step after a finished training: its mistakes, live, and the best other model."""
    name = entry.run.name
    links: list[Link] = [
        ("Evaluate", "evaluate", {"evaluate_model": name}),
        ("Try live", "live", {"live_model": name}),
    ]
    if rival := best_rival(entry, models):
        links.append(
            ("Compare with the best", "compare", {"compare_models": [name, rival.run.name]})
        )
    return f"Try your run {entry.title}: its mistakes, then the camera.", links
