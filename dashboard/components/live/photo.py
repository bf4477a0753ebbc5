"""A photo in place of the camera."""

import cv2
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard import resources
from dashboard.components.plain import plain
from pipeline.data.pictures import decode_colour
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.runs import Run
from pipeline.vision.overlay import draw_face
from pipeline.vision.photo import RecognisedFace, find_faces, photo_detector

_LONGEST_SHOWN = 1280
_PERCENT = st.column_config.NumberColumn(format="%.1f %%")


def photo_panel(model: Run, detector: str) -> None:
    """Take a photo and show it with its faces marked, and a table of what they show.

    Args:
        model: what recognises the faces.
        detector: the face detector's name.
    """
    photo = _take()
    if photo is None:
        st.caption("Recognised in memory and forgotten when you leave the page.")
        return
    picture = decode_colour(photo.getvalue())
    if picture is None:
        st.error(f"{plain(photo.name)} is not a picture that can be decoded: choose a JPEG or PNG.")
        return
    try:
        recognizer = resources.recognizer(model)
        height, width = picture.shape[:2]
        finder = photo_detector(height, width, detector)
    except UserError as error:
        st.error(str(error), icon=":material/error:")
        return
    faces = find_faces(picture, finder, recognizer)
    for number, face in enumerate(faces, start=1):
        draw_face(picture, face.box, number, face.shown, face.confidence)
    left, right = st.columns([3, 2], gap="medium")
    left.image(_shrunk(picture), channels="BGR")
    with right:
        _found(photo.name, picture, faces)


def _take() -> UploadedFile | None:
    way = st.segmented_control(
        "Photo", ["Upload", "Take one"], default="Upload", required=True, key="live.photo.way",
        persist_state="session", label_visibility="collapsed",
    )  # fmt: skip
    if way == "Take one":
        return st.camera_input("Photo", label_visibility="collapsed", width=640)
    return st.file_uploader(
        "Photo", type=["jpg", "jpeg", "png", "webp", "bmp"], label_visibility="collapsed"
    )


def _shrunk(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture that a browser gets quickly."""
    scale = _LONGEST_SHOWN / max(picture.shape)
    if scale >= 1:
        return picture
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small.astype(np.uint8, copy=False)


def _found(name: str, picture: NDArray[np.uint8], faces: list[RecognisedFace]) -> None:
    if not faces:
        st.info("No face was found. The detector needs a face seen from the front.")
        return
    percents = dict.fromkeys(("sure", *EMOTIONS), _PERCENT)
    st.dataframe(_table(faces), column_config=percents)
    st.caption(
        "The seven are as the model gives them; how sure it is, is at its temperature. "
        "Uncertain: no emotion leads by 10 points."
    )
    st.download_button(
        "Picture, PNG", cv2.imencode(".png", picture)[1].tobytes(),
        f"{name.rpartition('.')[0] or name}-emotions.png", "image/png", on_click="ignore",
        icon=":material/download:",
    )  # fmt: skip


def _table(faces: list[RecognisedFace]) -> pd.DataFrame:
    return pd.DataFrame(
        [[face.label, *(100 * np.array([face.confidence, *face.probabilities]))] for face in faces],
        columns=["emotion", "sure", *EMOTIONS],
        index=pd.RangeIndex(1, len(faces) + 1, name="face"),
    )
