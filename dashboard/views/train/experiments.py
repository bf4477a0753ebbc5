"""Experiments: an experiment's runs in one table, best first, and charts over what varies."""

import math
from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import resources
from dashboard.views.train.navigation import EXPERIMENT, open_run
from dashboard.views.train.run_list import STATE_LABELS
from dashboard.views.train.search_status import show_search
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.parallel_chart import show_parallel
from pipeline.queue.search import NOT_PROMISING, find_search, searches
from pipeline.queue.trial_summary import (
    best_trials,
    formatted_values,
    numeric_fields,
    scored_trials,
    trial_names,
    trial_summary,
    varied_fields,
)
from pipeline.queue.trials import Trial, experiments, read_trials
from pipeline.report.best_trial import best_so_far
from pipeline.report.charts.experiment import (
    accuracy_by_epoch,
    accuracy_by_field,
    accuracy_heat_map,
)
from pipeline.report.charts.style import NO_MODE_BAR
from pipeline.report.units import duration

_REFRESH_S = 5.0
_MAX_SPARSITY = 4  # cells of a heat map for each that is filled
_COMPARE_MODELS = "compare_models"  # the Compare page's key of its models, also in its address


def show_experiments() -> None:
    """Show one of the experiments, by default the newest."""
    by_name = experiments(resources.runs().rows())
    begun = [name for name, each in searches().items() if not (each.finished or name in by_name)]
    names = [*begun, *by_name]
    if not names:
        st.caption("No experiment yet: turn on 'Try several values' in a new run.")
        return
    name = st.selectbox("Experiment", names, key=EXPERIMENT, bind="query-params", width=480)
    search = find_search(name)
    if search:
        show_search(search)
    rows = by_name.get(name, [])
    active = any(row.state in ("queued", "running") for row in rows)
    active |= search is not None and search.state() == "running"
    st.fragment(run_every=_REFRESH_S if active else None)(_show_experiment)(name)


def _show_experiment(name: str) -> None:
    rows = experiments(resources.runs().rows()).get(name, [])
    if not rows and find_search(name) is None:  # its last run was deleted
        st.rerun()
    trials = read_trials(rows)
    st.markdown(escape_markdown(trial_summary(trials)))
    if not trials:
        return
    if best := best_so_far(trials):
        st.caption(escape_markdown(best))
    selected = _show_table(trials, f"train.trials.{name}")
    _show_actions(trials, selected)
    _show_charts(trials, selected)


def _show_table(trials: Sequence[Trial], key: str) -> Trial | None:
    """Show the runs as a table and return the selected one."""
    event = st.dataframe(
        trials_table(trials),
        hide_index=True,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        alt="The runs of the experiment, the best first",
        column_config={
            name: st.column_config.NumberColumn(
                format=form, help="On validation faces, at the run's best epoch."
            )
            for name, form in (("accuracy", "%.1f%%"), ("macro F1", "%.3f"))
        },
    )
    selected = [row for row in event.selection.rows if row < len(trials)]
    return trials[selected[0]] if selected else None


def trials_table(trials: Sequence[Trial]) -> pd.DataFrame:
    """Return one row for each trial; accuracy in percent."""
    fields = varied_fields(trials)

    rows = [
        {
            **formatted_values(trial, fields),
            "accuracy": math.nan if trial.accuracy is None else 100 * trial.accuracy,
            "macro F1": math.nan if trial.macro_f1 is None else trial.macro_f1,
            "epochs done": f"{trial.row.status.epoch}/{trial.row.status.epochs}",
            "time": "–" if trial.seconds is None else duration(trial.seconds),
            "state": _state_label(trial),
            "run": trial.row.title,
        }
        for trial in trials
    ]
    return pd.DataFrame(rows).rename(columns={name: name.replace("_", " ") for name in fields})


def _state_label(trial: Trial) -> str:
    cut = trial.row.state == "stopped" and trial.row.status.message == NOT_PROMISING
    return f"{STATE_LABELS[trial.row.state]}{': not promising' * cut}"


def _show_actions(trials: Sequence[Trial], selected: Trial | None) -> None:
    models = [trial.row.run.name for trial in trials if trial.row.run.exported]
    best = best_trials(trials)
    trial = selected or (best[0] if len(best) == 1 else trials[0])
    which = "selected" if selected else "best" if len(best) == 1 else "first"
    with st.container(horizontal=True):
        if st.button(f"Open the {which} run", icon=":material/open_in_full:"):
            open_run(trial.row.run.name)
            st.rerun()
        if len(models) > 1 and st.button("Compare these", icon=":material/compare_arrows:"):
            st.switch_page("app_pages/compare.py", query_params={_COMPARE_MODELS: models})


def _show_charts(trials: Sequence[Trial], selected: Trial | None) -> None:
    """Show accuracy by epoch and, if one or two numeric fields vary, by their values."""
    compared, fields = scored_trials(trials), varied_fields(trials)
    if not compared:
        return
    by_value = _accuracy_by_fields(compared, fields)
    left, right = st.columns(2, gap="medium") if by_value else (st.container(), None)
    with left:
        names = trial_names(compared, fields, with_field_names=False)
        histories = {name: trial.history for name, trial in zip(names, compared, strict=True)}
        highlighted = names[compared.index(selected)] if selected in compared else None
        legend = " · ".join(fields).replace("_", " ")
        figure = accuracy_by_epoch(histories, legend, highlighted)
        st.plotly_chart(
            figure,
            key="train.trials.epochs",
            config=NO_MODE_BAR,
            alt="Validation accuracy of each run by epoch",
        )
    if right and by_value:
        right.plotly_chart(
            by_value,
            key="train.trials.fields",
            config=NO_MODE_BAR,
            alt="Accuracy by the values of the varied fields",
        )
    if len(fields) > 1:
        show_parallel(
            "train.trials.parallel",
            {name: [trial.values.get(name) for trial in compared] for name in fields},
            [trial.accuracy or 0.0 for trial in compared],
        )


def _accuracy_by_fields(trials: Sequence[Trial], fields: Sequence[str]) -> go.Figure | None:
    """Return accuracy by one or two numeric fields; None for more, or without a grid."""
    numeric = numeric_fields(trials, fields)
    names = [name.replace("_", " ") for name in numeric]
    accuracies = [trial.accuracy or 0.0 for trial in trials]
    if len(numeric) == 1:
        values = [trial.values[numeric[0]] for trial in trials]
        return accuracy_by_field(names[0], values, accuracies)
    if len(numeric) == 2:
        x, y = numeric
        pairs = [(trial.values[x], trial.values[y]) for trial in trials]
        cells = len({first for first, _ in pairs}) * len({second for _, second in pairs})
        if cells > _MAX_SPARSITY * len(pairs):  # points of a search, which are on no grid
            return None
        return accuracy_heat_map((names[0], names[1]), pairs, accuracies)
    return None
