"""Accuracy by slice of a split, with intervals."""

from collections.abc import Sequence

import plotly.graph_objects as go

from pipeline.evaluation.slices import Slice
from pipeline.report.charts.style import FADED, REFERENCE, SERIES, finish, make_clickable
from pipeline.report.units import accuracy_with_interval

_ROW_PX = 26
_FRAME_PX = 70


def accuracy_by_slice(
    slices: Sequence[Slice], accuracy: float, chosen: tuple[str, str] | None = None
) -> go.Figure:
    """Draw the accuracy of each slice with its 95% interval, and a line at that of all faces.

    A mark carries `[kind, name]` as custom data and is hit anywhere in its row.

    Args:
        slices: the slices, kind by kind.
        accuracy: on all faces, 0-1.
        chosen: kind and name of a slice to highlight.
    """
    kinds = list(dict.fromkeys(each.kind for each in slices))
    figure = go.Figure()
    for i, kind in enumerate(kinds):
        group = [each for each in slices if each.kind == kind]
        figure.add_scatter(
            x=[100 * each.accuracy for each in group],
            y=[[kind] * len(group), [each.name for each in group]],
            customdata=[[each.kind, each.name] for each in group],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [100 * (each.interval[1] - each.accuracy) for each in group],
                "arrayminus": [100 * (each.accuracy - each.interval[0]) for each in group],
                "thickness": 1.5,
            },
            mode="markers",
            marker={
                "color": SERIES[i % len(SERIES)],
                "size": 9,
                "opacity": [
                    1.0 if chosen in (None, (each.kind, each.name)) else FADED for each in group
                ],
            },
            hovertext=[
                f"<b>{each.kind} {each.name}</b>: {len(each.faces):,} faces"
                f"<br>accuracy {accuracy_with_interval(each.accuracy, each.interval)}"
                for each in group
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": FADED}},
        )
    figure.add_vline(x=100 * accuracy, line={"color": REFERENCE, "dash": "dash", "width": 1.5})
    finish(figure, "accuracy, %", "", height=_FRAME_PX + _ROW_PX * len(slices), legend=False)
    make_clickable(figure, "y")
    figure.update_yaxes(autorange="reversed", showgrid=False, dividercolor=REFERENCE)
    return figure
