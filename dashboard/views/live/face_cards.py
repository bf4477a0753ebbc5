"""A card for each face: label, confidence, the model's input and a bar for each emotion."""

from collections.abc import Iterable

from pipeline.labels import COLORS, EMOTIONS
from pipeline.report.face_images import data_uri
from pipeline.vision.confidence import UNCERTAIN
from pipeline.vision.face_prediction import FacePrediction

_CARD = (
    "border:1px solid rgba(128,128,128,0.35);border-radius:0.5rem;padding:0.75rem 1rem;"
    "margin-bottom:0.75rem"
)
_COLUMNS = "display:flex;gap:1rem;align-items:center;margin-top:0.5rem"
_IMAGE = "width:96px;height:96px;image-rendering:pixelated;border-radius:4px"
_BARS = (
    "flex:1;display:grid;grid-template-columns:max-content 1fr;gap:2px 8px;align-items:center;"
    "font-size:0.8rem;line-height:1.25"
)


def face_cards(faces: Iterable[FacePrediction], *, hidden: bool = False) -> str:
    """Return HTML for all cards: in one element, as each element costs the video some frames.

    Label, confidence and bars are of one distribution, the faces' `confidences`.

    Args:
        faces: with their face crops.
        hidden: show no images of the faces.
    """
    return "".join(_card(face, hidden=hidden) for face in faces)


def distribution(smoothing_s: float | None) -> str:
    """Return a sentence on what confidence and bars are, for below the cards.

    Args:
        smoothing_s: time constant over which they are averaged; 0 or None for no average.
    """
    averaged = f"averaged over {smoothing_s:.1f} s" if smoothing_s else "not averaged over time"
    return f"Confidence and bars: the model's probabilities at its temperature, {averaged}."


def _card(face: FacePrediction, *, hidden: bool) -> str:
    confidence = "" if face.label == UNCERTAIN else f", confidence {face.confidence:.0%}"
    image = ""
    if face.face_gray is not None and not hidden:
        text = f"The image the model sees of face {face.number}"
        image = f'<img alt="{text}" style="{_IMAGE}" src="{data_uri(face.face_gray)}"/>'
    bars = "".join(
        f'<span>{emotion}</span><span style="display:flex;align-items:center;gap:6px">'
        f'<span style="width:{80 * probability:.1f}%;height:11px;min-width:1px;border-radius:2px;'
        f'background:{COLORS[emotion]}"></span>{probability:.1%}</span>'
        for emotion, probability in zip(EMOTIONS, face.confidences, strict=True)
    )
    return (
        f'<div style="{_CARD}"><div><b>Face {face.number}</b> · {face.label}{confidence}</div>'
        f'<div style="{_COLUMNS}">{image}<div style="{_BARS}">{bars}</div></div></div>'
    )
