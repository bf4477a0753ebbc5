"""Reliability diagram: accuracy over confidence."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from pipeline.evaluation.calibration import N_BINS, Reliability
from pipeline.report.charts.style import REFERENCE, SERIES, finish, make_clickable

_DASHES = ("solid", "dash")
_HEIGHT_PX = 460
_MIN_PX, _ADDED_PX = 5, 9


def reliability_diagram(
    diagrams: Mapping[str, Reliability], chosen: int | None = None
) -> go.Figure:
    """Draw accuracy over confidence, and below it the share of the faces in each bin.

    A calibrated model lies on the diagonal, an overconfident one below it. The marks of the first
    diagram carry `[bin]` as custom data.

    Args:
        diagrams: name → bins, such as before and after temperature scaling.
        chosen: a bin to highlight.
    """
    figure = make_subplots(
        rows=2, cols=1, shared_xaxes=True, row_heights=[0.75, 0.25], vertical_spacing=0.06
    )
    for i, (name, each) in enumerate(diagrams.items()):
        used = np.flatnonzero(each.faces)
        color = SERIES[i % len(SERIES)]
        share = each.faces / max(1, each.faces.sum())
        figure.add_scatter(
            x=each.confidence[used],
            y=each.accuracy[used],
            # Lists: Streamlit returns the wrong element of an array.
            customdata=[[bin] for bin in used.tolist()] if i == 0 else None,
            name=f"{name}, ECE {100 * each.ece:.1f}%",
            mode="lines+markers",
            line={"color": color, "dash": _DASHES[i % len(_DASHES)], "width": 2},
            marker={
                "size": _MIN_PX + _ADDED_PX * np.sqrt(share[used] / share.max()),
                "color": color,
                "line": {
                    "width": [3 if i == 0 and bin == chosen else 0 for bin in used],
                    "color": REFERENCE,
                },
            },
            hovertext=[
                f"<b>{name}</b>: {each.faces[bin]:,} faces<br>confidence "
                f"{each.confidence[bin]:.1%}, accuracy {each.accuracy[bin]:.1%}"
                for bin in used
            ],
            hovertemplate="%{hovertext}<extra></extra>" if i == 0 else None,
            hoverinfo=None if i == 0 else "skip",  # lest marks on top take the clicks
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 1}},
            row=1,
            col=1,
        )
        figure.add_bar(
            x=(np.arange(N_BINS) + 0.5) / N_BINS,
            y=100 * share,
            customdata=[[bin] for bin in range(N_BINS)] if i == 0 else None,
            marker={"color": color},
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
