"""A photo in place of the camera."""

import pandas as pd
import streamlit as st

from pipeline.labels import EMOTIONS
from pipeline.vision.overlay import draw_face
from pipeline.vision.photo import RecognisedFace, decode_colour, find_faces, photo_detector
from pipeline.vision.recognizer import Recognizer

_LONGEST_SHOWN = 1280


def photo_panel(recognizer: Recognizer) -> None:
    """Take a photo and show it with its faces marked, and a table of what they show."""
    upload = st.file_uploader(
        "Photo", type=["jpg", "jpeg", "png", "webp", "bmp"], label_visibility="collapsed"
    )
    if upload is None:
        st.caption("Recognised in memory and forgotten when you leave the page.")
        return
    picture = decode_colour(upload.getvalue(), _LONGEST_SHOWN)
    if picture is None:
        st.error(f"{upload.name} is not a picture that can be decoded. Choose a JPEG or PNG.")
        return
    faces = find_faces(picture, photo_detector(*picture.shape[:2]), recognizer)
    for number, face in enumerate(faces, start=1):
        draw_face(picture, face.box, number, face.emotion, face.confidence)
    left, right = st.columns([3, 2], gap="medium")
    left.image(picture, channels="BGR")
    if not faces:
        right.info("No face was found. The detector needs a face seen from the front.")
        return
    right.dataframe(
        _table(faces),
        column_config={name: st.column_config.NumberColumn(format="%.1f %%") for name in EMOTIONS},
    )


def _table(faces: list[RecognisedFace]) -> pd.DataFrame:
    return pd.DataFrame(
        [[face.emotion, *(100 * face.probabilities)] for face in faces],
        columns=["emotion", *EMOTIONS],
        index=pd.RangeIndex(1, len(faces) + 1, name="face"),
    )
