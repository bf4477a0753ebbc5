"""Two models against each other: whether the difference is real."""

from collections.abc import Sequence

import streamlit as st

from dashboard import resources
from dashboard.charts.difference import SIGNIFICANT, accuracy_differences, confusion_difference
from dashboard.components.compare.compared import MOST_TOGETHER, Compared
from dashboard.components.compare.differing_faces import (
    choose_cell,
    chosen_cell,
    show_differing_faces,
    to_first_page,
)
from dashboard.components.evaluate.confusion import PLAIN
from pipeline.errors import UserError
from pipeline.evaluation.comparison import PairedDifference, paired_differences
from pipeline.runs import Run

_FIRST, _SECOND = "compare_first", "compare_second"
_PAIRS, _CELLS = "compare.pairs", "compare.cells"


def show_pairs(compared: Compared) -> None:
    """Show every pair, then two models: their difference, and the faces on which they differ."""
    models = compared.together
    if len(models) < 2:
        st.caption("Choose a second model to compare with.")
        return
    labels = {m.name: compared.labels[m.name] for m in models}
    try:
        pairs = resources.made_of_all(paired_differences, models, compared.target)
    except UserError as error:
        st.warning(str(error), icon=":material/warning:")
        return
    first, second = _pick_pair(models, labels)
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Differences in accuracy, in points")
        st.plotly_chart(
            accuracy_differences(pairs, labels, (first.name, second.name)),
            key=_PAIRS,
            on_select=lambda: _choose_pair([model.name for model in models]),
            selection_mode="points",
            config=PLAIN,
            alt="Row less column, every pair",
        )
        st.caption(
            f"Row less column. A star: hardly chance, McNemar's exact test below {SIGNIFICANT} "
            "for all pairs together (Holm). Click a cell to see the two side by side."
        )
        if len(compared.models) > MOST_TOGETHER:
            st.caption(f"Of {len(compared.models)} models the first {MOST_TOGETHER} are paired.")
    with right:
        _show_two(compared, first, second, labels, pairs)
    show_differing_faces(compared, first, second)


def _pick_pair(models: Sequence[Run], labels: dict[str, str]) -> tuple[Run, Run]:
    by_name, picked = {model.name: model for model in models}, []
    with st.container(horizontal=True):
        for place, (label, key) in enumerate((("First", _FIRST), ("Second", _SECOND))):
            name = st.selectbox(
                label, list(by_name), place, format_func=lambda name: labels.get(name, name),
                key=key, bind="query-params",
            )  # fmt: skip
            picked.append(by_name.get(name, models[place]))
    return picked[0], picked[1]


def _choose_pair(names: Sequence[str]) -> None:
    points = st.session_state[_PAIRS].selection.points
    if points:
        row, column = points[0]["customdata"]
        if row != column:
            st.session_state[_FIRST], st.session_state[_SECOND] = names[row], names[column]
            to_first_page()


def _show_two(
    compared: Compared,
    first: Run,
    second: Run,
    labels: dict[str, str],
    pairs: Sequence[PairedDifference],
) -> None:
    st.subheader("First less second, in faces")
    if first.name == second.name:
        st.caption("Choose two different models.")
        return
    st.markdown(_verdict(first, second, labels, pairs))
    st.plotly_chart(
        confusion_difference(
            compared.measured[first.name].metrics.confusion,
            compared.measured[second.name].metrics.confusion,
            (labels[first.name], labels[second.name]),
            chosen_cell(),
        ),
        key=_CELLS,
        on_select=_choose_cell,
        selection_mode="points",
        config=PLAIN,
        alt="Faces that the first puts into each cell more than the second",
    )
    st.caption("On the diagonal more is better, elsewhere worse. Click a cell to see its faces.")


def _verdict(
    first: Run, second: Run, labels: dict[str, str], pairs: Sequence[PairedDifference]
) -> str:
    wanted = {first.name, second.name}
    pair = next(pair for pair in pairs if {pair.first, pair.second} == wanted)
    sign = 1 if pair.first == first.name else -1
    low, high = sorted(100 * sign * end for end in pair.interval)
    alone = (pair.only_first, pair.only_second)[::sign]
    real = "hardly chance" if pair.adjusted_p < SIGNIFICANT else "may be chance"
    return (
        f"**{labels[first.name]}** less **{labels[second.name]}**: "
        f"**{100 * sign * pair.difference:+.1f} points** ({low:+.1f} to {high:+.1f}, 95 %), "
        f"{real}: right alone {alone[0]:,} against {alone[1]:,} of {pair.n:,} faces, "
        f"McNemar p = {pair.p_value:.2g}, for all pairs together {pair.adjusted_p:.2g}."
    )


def _choose_cell() -> None:
    points = st.session_state[_CELLS].selection.points
    if points:
        label, predicted = points[0]["customdata"]
        choose_cell((label, predicted))
