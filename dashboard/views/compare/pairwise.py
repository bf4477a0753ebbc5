"""The view Pairwise: significance of every difference in accuracy, and two models side by side."""

from collections.abc import Sequence

import streamlit as st

from dashboard import resources
from dashboard.views.compare.comparison import MAX_PAIRED, Comparison
from dashboard.views.compare.differing_faces import (
    select_cell,
    selected_cell,
    show_differing_faces,
    show_first_page,
)
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_warning
from pipeline.errors import UserError
from pipeline.evaluation.comparison import PairedDifference, paired_differences
from pipeline.report.charts.comparison import (
    SIGNIFICANT,
    accuracy_differences,
    confusion_difference,
)
from pipeline.report.charts.style import NO_MODE_BAR
from pipeline.report.units import difference
from pipeline.runs import Run

_FIRST, _SECOND = "compare_first", "compare_second"
_PAIRS, _CELLS = "compare.pairs", "compare.cells"
_FIT_ON_A_PHONE = 3


def show_pairwise(comparison: Comparison) -> None:
    """Show the differences of all pairs, then two models with the faces on which they differ."""
    models = comparison.paired
    if len(models) < 2:
        st.caption("This needs two models that are evaluated on these faces.")
        return
    labels = {m.name: comparison.labels[m.name] for m in models}
    try:
        pairs = resources.cached_on_predictions(paired_differences, models, comparison.subset)
    except UserError as error:
        show_warning(error)
        return
    first, second = _pick_pair(models, labels)
    left, right = st.columns([5, 4], gap="medium")
    with left:
        st.header(
            "Δ accuracy, in points",
            help="McNemar's exact test compares two models by the faces that only one of them "
            "predicts correctly. Holm's method raises the p-values because many pairs are tested: "
            f"the chance of even one false star is at most {SIGNIFICANT:.0%}.",
        )
        # page.css gives the names and cells of many models room on a phone.
        with st.container(key="wide-pairs" if len(models) > _FIT_ON_A_PHONE else None):
            st.plotly_chart(
                accuracy_differences(pairs, labels, (first.name, second.name)),
                key=_PAIRS,
                on_select=lambda: _select_pair([model.name for model in models]),
                selection_mode="points",
                config=NO_MODE_BAR,
                alt="Accuracy of the row's model minus that of the column's, every pair",
            )
        st.caption(
            f"Row minus column. A star: significant, p below {SIGNIFICANT} by McNemar's exact "
            "test, adjusted for all pairs by Holm's method. Click a cell to see the two models "
            "side by side."
        )
        if len(comparison.models) > MAX_PAIRED:
            st.caption(f"Of {len(comparison.models)} models the first {MAX_PAIRED} are paired.")
    with right:
        _show_two(comparison, first, second, pairs)
    show_differing_faces(comparison, first, second)


def _pick_pair(models: Sequence[Run], labels: dict[str, str]) -> tuple[Run, Run]:
    by_name, picked = {model.name: model for model in models}, []
    with st.container(horizontal=True):
        for i, (label, key) in enumerate((("First", _FIRST), ("Second", _SECOND))):
            name = st.selectbox(
                label,
                list(by_name),
                i,
                format_func=lambda name: labels.get(name, name),
                key=key,
                bind="query-params",
            )
            picked.append(by_name.get(name, models[i]))
    return picked[0], picked[1]


def _select_pair(names: Sequence[str]) -> None:
    """Take the models of the clicked cell. For callbacks."""
    points = st.session_state[_PAIRS].selection.points
    if points:
        row, column = points[0]["customdata"]
        if row != column:
            st.session_state[_FIRST], st.session_state[_SECOND] = names[row], names[column]
            show_first_page()


def _show_two(
    comparison: Comparison, first: Run, second: Run, pairs: Sequence[PairedDifference]
) -> None:
    st.header("First minus second, in faces")
    if first.name == second.name:
        st.caption("Choose two different models.")
        return
    names = comparison.labels[first.name], comparison.labels[second.name]
    first_name, second_name = map(escape_markdown, names)
    st.markdown(f"**{first_name}** minus **{second_name}**: {_test_result(first, second, pairs)}")
    st.plotly_chart(
        confusion_difference(
            comparison.metrics[first.name].metrics.confusion,
            comparison.metrics[second.name].metrics.confusion,
            names,
            selected_cell(),
        ),
        key=_CELLS,
        on_select=_select_clicked_cell,
        selection_mode="points",
        config=NO_MODE_BAR,
        alt="Confusion matrix of the first model minus that of the second",
    )
    st.caption("On the diagonal more is better, elsewhere worse. Click a cell to see its faces.")


def _test_result(first: Run, second: Run, pairs: Sequence[PairedDifference]) -> str:
    pair = next(p for p in pairs if {p.first, p.second} == {first.name, second.name})
    value, (low, high) = pair.difference, pair.interval
    counts = pair.only_first, pair.only_second
    if pair.first != first.name:
        value, (low, high), counts = -value, (-high, -low), counts[::-1]
    result = "significant" if pair.adjusted_p < SIGNIFICANT else "not significant"
    adjusted = f", after Holm {pair.adjusted_p:.2g}" if len(pairs) > 1 else ""
    return (
        f"Δ **{difference(value, (low, high))}**, {result}. Only one is correct: "
        f"{counts[0]:,} against {counts[1]:,} of {pair.n:,} faces; McNemar p = "
        f"{pair.p_value:.2g}{adjusted}."
    )


def _select_clicked_cell() -> None:
    points = st.session_state[_CELLS].selection.points
    if points:
        label, predicted = points[0]["customdata"]
        select_cell((label, predicted))
