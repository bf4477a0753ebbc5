"""The face of the point under the pointer, beside it: plotly's own hover holds text only."""

from pathlib import Path
from typing import Any

import streamlit as st

from dashboard.resources import AnnotatedDataset
from pipeline.data.dataset import split_name
from pipeline.labels import EMOTIONS
from pipeline.report.face_images import data_uri

_HERE = Path(__file__).parent
_PREVIEW = st.components.v2.component(
    "hovered_face",
    html='<div class="preview" role="status" hidden><img alt=""></div>',
    css=(_HERE / "hovered_face.css").read_text(),
    js=(_HERE / "hovered_face.js").read_text(),
)
_KEY = "map.hovered"


@st.fragment
def show_hovered_face(faces: AnnotatedDataset, chart: str) -> None:
    """Show the face of the point under the pointer; each is sent when it is pointed at.

    Args:
        faces: all faces.
        chart: the key of the container of a chart whose points carry positions of faces.
    """
    hovered: dict[str, Any] = st.session_state.get(_KEY) or {}
    face = hovered.get("hovered")
    data = {"chart": chart, "face": face, "source": "", "caption": ""}
    if isinstance(face, int) and 0 <= face < len(faces.dataset):
        label = EMOTIONS[faces.dataset.labels[face]]
        data["source"] = data_uri(faces.dataset.images[face])
        data["caption"] = f"{label} · {split_name(str(faces.dataset.splits[face]))}"
    _PREVIEW(key=_KEY, data=data, on_hovered_change=lambda: None)
