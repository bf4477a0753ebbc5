"""One recognised face: the picture that the model sees, and its seven probabilities."""

from dashboard.components.faces import data_uri
from pipeline.labels import COLOURS, EMOTIONS
from pipeline.vision.reader import ShownFace

_CARD = (
    "border:1px solid rgba(128,128,128,0.35);border-radius:0.5rem;padding:0.75rem 1rem;"
    "margin-bottom:0.75rem"
)
_SIDES = "display:flex;gap:1rem;align-items:center;margin-top:0.5rem"
_PICTURE = "width:96px;height:96px;image-rendering:pixelated;border-radius:4px"
_GRID = (
    "flex:1;display:grid;grid-template-columns:max-content 1fr;gap:2px 8px;align-items:center;"
    "font-size:0.8rem;line-height:1.25"
)


def face_card(face: ShownFace, *, hidden: bool) -> str:
    """Return a face at twice its size beside its bars as HTML, drawn anew at next to no cost.

    Args:
        face: what to show.
        hidden: show no picture of it.
    """
    sure = f", {face.confidence:.0%} sure" if face.emotion else ""
    what = f"What the model sees of face {face.number}"
    picture = f'<img alt="{what}" style="{_PICTURE}" src="{data_uri(face.picture)}"/>'
    bars = "".join(
        f'<span>{emotion}</span><span style="display:flex;align-items:center;gap:6px">'
        f'<span style="width:{80 * share:.1f}%;height:11px;min-width:1px;border-radius:2px;'
        f'background:{COLOURS[emotion]}"></span>{share:.1%}</span>'
        for emotion, share in zip(EMOTIONS, face.probabilities, strict=True)
    )
    return (
        f'<div style="{_CARD}"><div><b>Face {face.number}</b> · {face.label}{sure}</div>'
        f'<div style="{_SIDES}">{"" if hidden else picture}<div style="{_GRID}">{bars}</div></div>'
        "</div>"
    )
