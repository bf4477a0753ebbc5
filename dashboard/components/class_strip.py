"""A thin bar that shows how a data set's faces divide among the emotions, each one named."""

from pipeline.labels import COLOURS, EMOTIONS

_BAR = "display:flex;height:10px;border-radius:3px;overflow:hidden;gap:1px"
_LEGEND = "display:flex;flex-wrap:wrap;gap:2px 14px;margin-top:6px;font-size:0.8rem"
_DOT = "display:inline-block;width:9px;height:9px;border-radius:2px;margin-right:5px"


def class_strip(counts: dict[str, int]) -> str:
    """Return the bar and its legend as HTML.

    Args:
        counts: emotion → number of faces.
    """
    total = max(1, sum(counts.values()))
    shares = {emotion: 100 * counts.get(emotion, 0) / total for emotion in EMOTIONS}
    words = ", ".join(f"{emotion} {share:.1f} %" for emotion, share in shares.items())
    parts = "".join(
        f'<div title="{emotion} {share:.1f} %" '
        f'style="width:{share:.2f}%;background:{COLOURS[emotion]}"></div>'
        for emotion, share in shares.items()
    )
    legend = "".join(
        f'<span style="white-space:nowrap"><span style="{_DOT};background:{COLOURS[emotion]}">'
        f"</span>{emotion} {share:.1f} %</span>"
        for emotion, share in shares.items()
    )
    return (
        f'<div role="img" aria-label="{words}" style="{_BAR}">{parts}</div>'
        f'<div style="{_LEGEND}">{legend}</div>'
    )
