"""Parallel coordinates: the fields in which runs differ, and their accuracy."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from pipeline.config.options import as_text
from pipeline.report.charts.style import finish

_MAX_TICKS = 12
_COLORS = ((0.0, "#B9BEC4"), (1.0, "#2F7FD0"))
"""Gray to blue: both read on light and dark pages."""


def parallel_coordinates(
    fields: Mapping[str, Sequence[object]], accuracies: Sequence[float]
) -> go.Figure:
    """Draw a line for each run through its values of the fields to its accuracy, its color.

    The values of a field are evenly spaced in their order, so that learning rates of several
    orders of magnitude stay apart.

    Args:
        fields: name → its value in each run; None where a run lacks the field.
        accuracies: of each run, 0 to 1.
    """
    percentages = [100 * accuracy for accuracy in accuracies]
    low, high = min(percentages), max(percentages)
    margin = 0.05 if high - low < 0.1 else 0.0
    accuracy = {
        "label": "accuracy, %",
        "values": percentages,
        "range": [low - margin, high + margin],
        "tickformat": ".1f",
    }
    line = {"color": percentages, "colorscale": _COLORS, "cmin": low, "cmax": high + margin}
    dimensions = [_dimension(name, values) for name, values in fields.items()]
    figure = go.Figure(go.Parcoords(line=line, dimensions=[*dimensions, accuracy], labelangle=-25))
    finish(figure, "", "", height=340, legend=False)
    figure.update_layout(margin={"l": 70, "r": 50, "t": 80, "b": 20})
    return figure


def _dimension(name: str, values: Sequence[object]) -> dict[str, object]:
    distinct = sorted(set(values), key=_order)
    places = {value: place for place, value in enumerate(distinct)}
    step = -(-len(distinct) // _MAX_TICKS)
    ticks = list(range(0, len(distinct), step))
    return {
        "label": name,
        "values": [places[value] for value in values],
        "range": [-0.5, len(distinct) - 0.5],
        "tickvals": ticks,
        "ticktext": ["–" if distinct[i] is None else as_text(distinct[i]) for i in ticks],
    }


def _order(value: object) -> tuple[int, float, str]:
    if value is None:
        return 0, 0.0, ""
    if isinstance(value, int | float):
        return 1, float(value), ""
    return 2, 0.0, as_text(value)
