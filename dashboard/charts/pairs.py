"""Which emotions a model takes for which others most often."""

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard.charts.style import CLICKED, finish, make_clickable, opacities
from pipeline.labels import COLOURS, EMOTIONS

_SHOWN = 10


def confused_pairs(counts: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return label and prediction of the most frequent confusions, at most 10, the worst first.

    Args:
        counts: int (7, 7), rows true, columns predicted.
    """
    wrong = counts * (1 - np.eye(len(EMOTIONS), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_SHOWN]
    cells = [(int(i) // len(EMOTIONS), int(i) % len(EMOTIONS)) for i in order]
    return [cell for cell in cells if wrong[cell]]


def confused_pairs_chart(
    counts: NDArray[np.int64], chosen: tuple[int | None, int | None] | None = None
) -> go.Figure:
    """Draw a bar for each of the most frequent confusions, in the colour of what it was taken for.

    A bar carries `[label, predicted]` as custom data and is hit anywhere in its row.

    Args:
        counts: int (7, 7), rows true, columns predicted.
        chosen: a pair to pick out.
    """
    pairs = confused_pairs(counts)
    figure = go.Figure(
        go.Bar(
            x=[int(counts[pair]) for pair in pairs],
            y=[f"{EMOTIONS[label]} → {EMOTIONS[predicted]}" for label, predicted in pairs],
            orientation="h",
            customdata=pairs,
            marker={
                "color": [COLOURS[EMOTIONS[predicted]] for _, predicted in pairs],
                "opacity": opacities(pairs, chosen if chosen in pairs else None),
            },
            text=[
                f"{counts[pair]:,} ({counts[pair] / counts[pair[0]].sum():.0%})" for pair in pairs
            ],
            textposition="outside",
            cliponaxis=False,
            hovertext=[
                f"<b>{EMOTIONS[label]}</b> taken for <b>{EMOTIONS[predicted]}</b>: "
                f"{counts[label, predicted]:,} of {counts[label].sum():,} faces"
                for label, predicted in pairs
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            **CLICKED,
        )
    )
    most = max((int(counts[pair]) for pair in pairs), default=1)
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(range=[0, most * 1.25], showticklabels=False, showgrid=False)
    make_clickable(figure, "y")
    return finish(figure, "", "", height=340, legend=False)
