"""What accuracy costs: a mark a model, and the frontier that none gets beyond."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from dashboard.charts.style import REFERENCE, SERIES, finish
from pipeline.evaluation.comparison import frontier
from pipeline.evaluation.cost import Cost

AXES = {"time": ("milliseconds a face", "ms"), "size": ("size, MB", "size_mb")}
"""What accuracy can be drawn over → the axis' title and the field of `Cost`."""

_SMALLEST_PX, _LARGER_PX = 9, 26
_NAMED = 20


@dataclass(frozen=True)
class PricedModel:
    """A model with what it is worth and what it costs.

    Args:
        name: what it is called.
        accuracy: 0-1.
        interval: its 95 % interval.
        cost: parameters, size and time.
        together: whether it is several models together.
    """

    name: str
    accuracy: float
    interval: tuple[float, float]
    cost: Cost
    together: bool = False


def accuracy_by_cost(models: Sequence[PricedModel], axis: str) -> go.Figure:
    """Draw accuracy over time or size; the other one is the area of the mark.

    Args:
        models: those whose cost is not known are left out.
        axis: a key of `AXES`.
    """
    title, field = AXES[axis]
    known = [model for model in models if getattr(model.cost, field) is not None]
    costs = {model.name: float(getattr(model.cost, field)) for model in known}
    figure = go.Figure()
    _add_frontier(figure, costs, {model.name: model.accuracy for model in known})
    largest = max((model.cost.size_mb or 0.0 for model in known), default=0.0) or 1.0
    slowest = max((model.cost.ms or 0.0 for model in known), default=0.0) or 1.0
    for kind, symbol, colour in ((False, "circle", SERIES[0]), (True, "diamond", SERIES[1])):
        mine = [model for model in known if model.together == kind]
        if not mine:
            continue
        areas = [
            (model.cost.size_mb or 0.0) / largest
            if axis == "time"
            else (model.cost.ms or 0.0) / slowest
            for model in mine
        ]
        figure.add_scatter(
            x=[costs[model.name] for model in mine],
            y=[100 * model.accuracy for model in mine],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [100 * (model.interval[1] - model.accuracy) for model in mine],
                "arrayminus": [100 * (model.accuracy - model.interval[0]) for model in mine],
                "thickness": 1,
                "width": 3,
            },
            mode="markers+text" if len(known) <= _NAMED else "markers",
            text=[model.name for model in mine],
            textposition="top right",
            marker={
                "symbol": symbol,
                "color": colour,
                "opacity": 0.85,
                "size": _SMALLEST_PX + _LARGER_PX * np.sqrt(areas),
            },
            hovertext=[_words(model) for model in mine],
            hovertemplate="%{hovertext}<extra></extra>",
            cliponaxis=False,
            name="together" if kind else "model",
        )
    finish(figure, title, "accuracy, %", height=400, legend=False)
    figure.update_xaxes(type="log", **_ends(list(costs.values())))
    return figure


def _add_frontier(figure: go.Figure, costs: dict[str, float], accuracies: dict[str, float]) -> None:
    best = frontier(costs, accuracies)
    figure.add_scatter(
        x=[costs[name] for name in best],
        y=[100 * accuracies[name] for name in best],
        mode="lines",
        line={"color": REFERENCE, "dash": "dash", "shape": "hv", "width": 1.5},
        hoverinfo="skip",
        name="frontier",
    )


def _ends(costs: Sequence[float]) -> dict[str, object]:
    """Return the range of a logarithmic axis with room for names, and its ticks."""
    if not costs:
        return {}
    low, high = np.log10(min(costs)), np.log10(max(costs))
    room = max(0.25, 0.25 * (high - low))
    steps = [
        float(f"{digit}e{power}")
        for power in range(int(np.floor(low)) - 1, int(np.ceil(high)) + 2)
        for digit in (1, 2, 5)
    ]
    ticks = [step for step in steps if low - room <= np.log10(step) <= high + 2 * room]
    return {
        "range": [low - room, high + 2 * room],
        "tickvals": ticks,
        "ticktext": [f"{tick:g}" for tick in ticks],
    }


def _words(model: PricedModel) -> str:
    low, high = model.interval
    cost = model.cost
    facts = [
        f"{cost.ms:.1f} ms a face" if cost.ms is not None else "time not measured",
        f"{cost.size_mb:.1f} MB" if cost.size_mb is not None else "",
        f"{cost.parameters / 1e6:.2f} M parameters" if cost.parameters is not None else "",
    ]
    return f"<b>{model.name}</b>: {model.accuracy:.1%} ({low:.1%} – {high:.1%})<br>" + ", ".join(
        filter(None, facts)
    )
