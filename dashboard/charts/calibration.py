"""Reliability diagrams: how often a model is right when it is so sure."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.charts.style import REFERENCE, SERIES, finish, make_clickable
from pipeline.evaluation.calibration import BINS, Reliability

_DASHES = ("solid", "dash")
_HEIGHT_PX = 460
_SMALLEST_PX, _LARGER_PX = 5, 9


def reliability_diagram(
    measured: Mapping[str, Reliability], chosen: int | None = None
) -> go.Figure:
    """Draw accuracy over confidence, and below it how many faces each bin holds.

    On the diagonal a model is as sure as it is right; below it, it is too sure. The marks carry
    `[bin]` as custom data, those of the first.

    Args:
        measured: name → what was measured, such as before and after temperature scaling.
        chosen: a bin to pick out.
    """
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.75, 0.25], vertical_spacing=0.06
    )
    for i, (name, each) in enumerate(measured.items()):
        some = np.flatnonzero(each.faces)
        colour = SERIES[i % len(SERIES)]
        share = each.faces / max(1, each.faces.sum())
        figure.add_scatter(
            x=each.confidence[some],
            y=each.accuracy[some],
            # Lists, since Streamlit reads no arrays; the faces of a bin are those as predicted.
            customdata=[[bin] for bin in some.tolist()] if i == 0 else None,
            name=f"{name}, ECE {100 * each.ece:.1f} %",
            mode="lines+markers",
            line={"color": colour, "dash": _DASHES[i % len(_DASHES)], "width": 2},
            marker={
                "size": _SMALLEST_PX + _LARGER_PX * np.sqrt(share[some] / share.max()),
                "color": colour,
                "line": {
                    "width": [3 if i == 0 and bin == chosen else 0 for bin in some],
                    "color": REFERENCE,
                },
            },
            hovertext=[
                f"<b>{name}</b>: {each.faces[bin]:,} faces<br>confidence "
                f"{each.confidence[bin]:.1%}, accuracy {each.accuracy[bin]:.1%}"
                for bin in some
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            row=1,
            col=1,
        )
        figure.add_bar(
            x=(np.arange(BINS) + 0.5) / BINS,
            y=100 * share,
            customdata=[[bin] for bin in range(BINS)] if i == 0 else None,
            marker={"color": colour},
            showlegend=False,
            hovertext=[f"<b>{name}</b>: {count:,} faces" for count in each.faces],
            hovertemplate="%{hovertext}<extra></extra>",
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            row=2,
            col=1,
        )
    line = {"color": REFERENCE, "dash": "dot", "width": 1}
    figure.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, line=line, row=1, col=1)
    finish(figure, "", "", height=_HEIGHT_PX)
    make_clickable(figure)
    figure.update_layout(barmode="group", bargap=0.15, hoverdistance=20)
    figure.update_xaxes(range=[0, 1])
    figure.update_xaxes(title_text="confidence", row=2, col=1)
    figure.update_yaxes(title_text="accuracy", range=[0, 1.02], row=1, col=1)
    figure.update_yaxes(title_text="faces, %", row=2, col=1)
    return figure
