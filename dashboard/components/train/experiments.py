"""An experiment: its runs as one table, the best first, and what the varied fields did."""

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from dashboard import resources
from dashboard.components.plain import plain
from dashboard.components.train.experiment_charts import show_charts
from dashboard.components.train.place import open_run
from dashboard.components.train.run_list import MARKS
from dashboard.components.units import duration
from pipeline.training.trials import Trial, experiments, read_trials
from pipeline.training.verdict import leading, value_texts, varied_fields, verdict

_CHOICE = "train.experiment"
_EVERY_S = 5.0
_COMPARED = "compare_models"  # the key of the Compare page's choice, which is in its address, too


def show_experiments() -> None:
    """Show one of the experiments, the newest at first."""
    found = experiments(resources.runs().rows())
    if not found:
        st.caption("No experiment yet: try several values of a field in a new run.")
        return
    name = st.selectbox("Experiment", list(found), key=_CHOICE, bind="query-params", width=480)
    active = any(row.state in ("queued", "running") for row in found[name])
    st.fragment(run_every=_EVERY_S if active else None)(_show_experiment)(name)


def _show_experiment(name: str) -> None:
    rows = experiments(resources.runs().rows()).get(name)
    if not rows:  # its last run was deleted
        st.rerun()
    trials = read_trials(rows)
    st.markdown(plain(verdict(trials)))
    chosen = _choose(trials, f"train.trials.{name}")
    _show_actions(trials, chosen)
    show_charts(trials, chosen)


def _choose(trials: Sequence[Trial], key: str) -> Trial | None:
    """Show the runs as a table and return the one that is ticked."""
    event = st.dataframe(
        table(trials), hide_index=True, key=key, on_select="rerun",
        selection_mode="single-row",
        column_config={
            name: st.column_config.NumberColumn(format="%.1f %%", help=f"{name} at its best epoch")
            for name in ("accuracy", "macro F1")
        },
    )  # fmt: skip
    places = [place for place in event.selection.rows if place < len(trials)]
    return trials[places[0]] if places else None


def table(trials: Sequence[Trial]) -> pd.DataFrame:
    """Return what the table shows, one row a run, best first; accuracy and macro F1 in percent."""
    fields = varied_fields(trials)

    def percent(share: float | None) -> float:
        return math.nan if share is None else 100 * share

    rows = [
        {
            **value_texts(trial, fields),
            "accuracy": percent(trial.accuracy),
            "macro F1": percent(trial.macro_f1),
            "epochs done": f"{trial.row.status.epoch}/{trial.row.status.epochs}",
            "time": "–" if trial.seconds is None else duration(trial.seconds),
            "state": MARKS[trial.row.state],
            "run": trial.row.title,
        }
        for trial in trials
    ]
    return pd.DataFrame(rows).rename(columns={name: name.replace("_", " ") for name in fields})


def _show_actions(trials: Sequence[Trial], chosen: Trial | None) -> None:
    models = [trial.row.run.name for trial in trials if trial.row.run.exported]
    label, opened = _to_open(trials, chosen)
    with st.container(horizontal=True):
        if st.button(label, icon=":material/open_in_full:"):
            open_run(opened.row.run.name)
            st.rerun()
        if len(models) > 1 and st.button("Compare these", icon=":material/compare_arrows:"):
            st.switch_page("app_pages/compare.py", query_params={_COMPARED: models})


def _to_open(trials: Sequence[Trial], chosen: Trial | None) -> tuple[str, Trial]:
    """Return the words of the button that opens a run, and that run."""
    if chosen:
        return "Open the chosen run", chosen
    best = leading(trials)
    return ("Open the best run", best[0]) if len(best) == 1 else ("Open the first run", trials[0])
