"""Accuracy over latency or size of models, with the Pareto frontier."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from pipeline.evaluation.comparison import pareto_frontier
from pipeline.evaluation.model_cost import ModelCost
from pipeline.report.charts.style import REFERENCE, SERIES, chart_text, finish
from pipeline.report.units import accuracy_with_interval

AXES = {"time": ("milliseconds a face", "ms"), "size": ("size, MB", "size_mb")}
"""Name of an x axis → its title and the field of `ModelCost`."""

_MIN_PX, _ADDED_PX = 9, 26
_WIDTH_PX, _HEIGHT_PX = 500, 250
_CHARACTER_PX, _LINE_PX, _GAP_PX = 7, 16, 6


@dataclass(frozen=True)
class ModelPoint:
    """A model or an ensemble on the chart.

    Args:
        name: its label.
        accuracy: 0-1.
        interval: 95% interval of the accuracy.
        cost: parameters, size and latency.
        is_ensemble: whether it is an ensemble of models.
    """

    name: str
    accuracy: float
    interval: tuple[float, float]
    cost: ModelCost
    is_ensemble: bool = False


def accuracy_by_cost(models: Sequence[ModelPoint], axis: str) -> go.Figure:
    """Draw accuracy over latency or size; the area of a mark shows the other cost.

    Args:
        models: those of unknown cost are left out.
        axis: a key of `AXES`.
    """
    title, field = AXES[axis]
    other = AXES["size" if axis == "time" else "time"][1]
    known = [model for model in models if getattr(model.cost, field) is not None]
    costs = {model.name: float(getattr(model.cost, field)) for model in known}
    figure = go.Figure()
    _add_frontier(figure, costs, {model.name: model.accuracy for model in known})
    areas = {model.name: getattr(model.cost, other) or 0.0 for model in known}
    largest = max(areas.values(), default=0.0) or 1.0
    places = _label_places(costs, {model.name: model.accuracy for model in known})
    for is_ensemble, symbol, color in ((False, "circle", SERIES[0]), (True, "diamond", SERIES[1])):
        group = [model for model in known if model.is_ensemble == is_ensemble]
        if not group:
            continue
        figure.add_scatter(
            x=[costs[model.name] for model in group],
            y=[100 * model.accuracy for model in group],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [100 * (model.interval[1] - model.accuracy) for model in group],
                "arrayminus": [100 * (model.accuracy - model.interval[0]) for model in group],
                "thickness": 1,
                "width": 3,
            },
            mode="markers+text",
            text=[chart_text(m.name) if m.name in places else "" for m in group],
            textposition=[places.get(model.name, "top right") for model in group],
            marker={
                "symbol": symbol,
                "color": color,
                "opacity": 0.85,
                "size": [_MIN_PX + _ADDED_PX * np.sqrt(areas[m.name] / largest) for m in group],
            },
            hovertext=[
                f"<b>{chart_text(model.name)}</b>: "
                f"{accuracy_with_interval(model.accuracy, model.interval)}"
                f"<br>{model.cost}"
                for model in group
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            cliponaxis=False,
            name="ensemble" if is_ensemble else "model",
        )
    finish(figure, title, "accuracy, %", height=400, legend=False)
    figure.update_xaxes(type="log", **_log_axis(list(costs.values())))
    return figure


def _label_places(costs: dict[str, float], accuracies: dict[str, float]) -> dict[str, str]:
    """Return model → where its name stands beside its mark; none for those without a free place.

    The names' sizes on the page are not known here; they are taken as on a chart of usual width.
    """
    if not costs:
        return {}
    xs = np.log10(list(costs.values()))
    ys = np.array(list(accuracies.values()))
    x_unit = _WIDTH_PX / max(float(np.ptp(xs)) * 1.75, 0.75)
    y_unit = _HEIGHT_PX / max(float(np.ptp(ys)), 0.02)
    taken: list[tuple[float, float, float, float]] = []
    places = {}
    for name, x, y in zip(costs, xs * x_unit, ys * y_unit, strict=True):
        width = _CHARACTER_PX * len(name)
        for place in ("top right", "bottom right", "top left", "bottom left"):
            left = x + _GAP_PX if place.endswith("right") else x - _GAP_PX - width
            bottom = y + _GAP_PX if place.startswith("top") else y - _GAP_PX - _LINE_PX
            box = left, bottom, left + width, bottom + _LINE_PX
            if not any(_overlap(box, other) for other in taken):
                taken.append(box)
                places[name] = place
                break
    return places


def _overlap(
    first: tuple[float, float, float, float], second: tuple[float, float, float, float]
) -> bool:
    return (
        first[0] < second[2]
        and second[0] < first[2]
        and first[1] < second[3]
        and second[1] < first[3]
    )


def _add_frontier(figure: go.Figure, costs: dict[str, float], accuracies: dict[str, float]) -> None:
    names = pareto_frontier(costs, accuracies)
    figure.add_scatter(
        x=[costs[name] for name in names],
        y=[100 * accuracies[name] for name in names],
        mode="lines",
        line={"color": REFERENCE, "dash": "dash", "shape": "hv", "width": 1.5},
        hoverinfo="skip",
        name="Pareto frontier",
    )


def _log_axis(costs: Sequence[float]) -> dict[str, object]:
    """Return range and ticks of a logarithmic axis with room for labels."""
    if not costs:
        return {}
    low, high = np.log10(min(costs)), np.log10(max(costs))
    margin = max(0.25, 0.25 * (high - low))
    steps = [
        float(f"{digit}e{power}")
        for power in range(int(np.floor(low)) - 1, int(np.ceil(high)) + 2)
        for digit in (1, 2, 5)
    ]
    ticks = [step for step in steps if low - margin <= np.log10(step) <= high + 2 * margin]
    return {
        "range": [low - margin, high + 2 * margin],
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
    }
