"""Class distribution of a split as bars."""

import plotly.graph_objects as go

from pipeline.labels import COLORS, EMOTIONS
from pipeline.report.charts.style import CLICKED, finish, make_clickable, opacities


def class_distribution(
    counts: dict[str, int], *, shares: bool, largest: float, chosen: str | None = None
) -> go.Figure:
    """Draw the number of faces of each emotion, in its color.

    A bar carries `[emotion]` as custom data and is hit anywhere in its row.

    Args:
        counts: emotion → number of faces.
        shares: show percentages of the split instead of counts.
        largest: the longest bar of the splits that share an axis, in faces or percent.
        chosen: an emotion to highlight.
    """
    total = max(1, sum(counts.values()))
    numbers = [counts.get(emotion, 0) for emotion in EMOTIONS]
    values = [100 * number / total for number in numbers] if shares else numbers
    figure = go.Figure(
        go.Bar(
            x=values,
            y=EMOTIONS,
            orientation="h",
            marker={
                "color": [COLORS[emotion] for emotion in EMOTIONS],
                "opacity": opacities(EMOTIONS, chosen),
            },
            text=[f"{value:.1f}%" if shares else f"{value:,}" for value in values],
            textposition="outside",
            cliponaxis=False,
            customdata=[[emotion] for emotion in EMOTIONS],
            hovertext=[
                f"<b>{emotion}</b>: {number:,} faces, {number / total:.1%}"
                for emotion, number in zip(EMOTIONS, numbers, strict=True)
            ],
            hovertemplate="%{hovertext}<extra></extra>",
            **CLICKED,
        )
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(range=[0, largest * 1.2], showticklabels=False, showgrid=False)
    figure.update_layout(bargap=0.25)
    make_clickable(figure, "y")
    return finish(figure, "", "", height=210, legend=False)


def axis_end(counts: dict[str, dict[str, int]], *, shares: bool) -> dict[str, float]:
    """Return the longest bar of each split's axis: shared by all for percentages.

    Args:
        counts: split → emotion → number of faces.
        shares: whether the bars show percentages.
    """
    ends = {}
    for split, numbers in counts.items():
        longest = max(1, *numbers.values())
        ends[split] = 100 * longest / max(1, sum(numbers.values())) if shares else float(longest)
    return dict.fromkeys(ends, max(ends.values(), default=1.0)) if shares else ends


def imbalance(counts: dict[str, int]) -> float | None:
    """Return the imbalance ratio: faces of the most frequent emotion per face of the rarest.

    Args:
        counts: emotion → number of faces.

    Returns:
        The ratio, or None if an emotion has no face.
    """
    numbers = [counts.get(emotion, 0) for emotion in EMOTIONS]
    return max(numbers) / min(numbers) if min(numbers) else None
