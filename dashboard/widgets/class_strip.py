"""A thin bar of the emotions' shares in a data set, with a legend."""

from pipeline.labels import COLORS, EMOTIONS

_BAR = "display:flex;height:10px;border-radius:3px;overflow:hidden;gap:1px"
_LEGEND = "display:flex;flex-wrap:wrap;gap:2px 14px;margin-top:6px;font-size:0.8rem"
_DOT = "display:inline-block;width:9px;height:9px;border-radius:2px;margin-right:5px"


def class_strip(counts: dict[str, int]) -> str:
    """Return the bar and its legend as HTML.

    Args:
        counts: emotion → number of faces.
    """
    total = max(1, sum(counts.values()))
    bars, legend, texts = [], [], []
    for emotion in EMOTIONS:
        share = 100 * counts.get(emotion, 0) / total
        color, text = COLORS[emotion], f"{emotion} {share:.1f}%"
        bars.append(f'<div title="{text}" style="width:{share:.2f}%;background:{color}"></div>')
        legend.append(
            f'<span style="white-space:nowrap"><span style="{_DOT};background:{color}"></span>'
            f"{text}</span>"
        )
        texts.append(text)
    return (
        f'<div role="img" aria-label="{", ".join(texts)}" style="{_BAR}">{"".join(bars)}</div>'
        f'<div style="{_LEGEND}">{"".join(legend)}</div>'
    )
