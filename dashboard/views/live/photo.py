"""Faces in a photo: upload or camera shot, annotated image, table."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard import resources
from dashboard.limits import check_upload, max_upload_mb
from dashboard.widgets.choice_bar import choice_bar
from dashboard.widgets.messages import show_error
from pipeline.data.images import SUFFIXES, ImageError, decode_color, decode_gray
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.runs import Run
from pipeline.vision.boxes import Box
from pipeline.vision.drawing import draw_faces
from pipeline.vision.face_prediction import FacePrediction
from pipeline.vision.photo import PhotoDetector, PhotoFaces, detect_faces, recognize

OPEN_PHOTO = "live.photo"
_MIN_SHOWN_SIDE, _MAX_SHOWN_SIDE = 320, 1280
_PERCENT = st.column_config.NumberColumn(format="%.1f%%")


@dataclass(frozen=True, eq=False)
class _OpenPhoto:
    """An upload that was decoded and searched for faces.

    Args:
        upload: its id, and the detector's name.
        shown_bgr: uint8 (h, w, 3), of a size to show.
        scale: of that image to the photo.
        faces: of the photo, in its pixels.
    """

    upload: tuple[str, str]
    shown_bgr: NDArray[np.uint8]
    scale: float
    faces: PhotoFaces


def show_photo(model: Run, detector: str) -> None:
    """Let the user choose a photo; show it with faces drawn, and a table of probabilities.

    Args:
        model: recognizes the faces.
        detector: the face detector's name.
    """
    upload = _pick_photo()
    if upload is None:
        st.session_state.pop(OPEN_PHOTO, None)
        st.caption("The photo is processed in memory and discarded when you leave the page.")
        return
    try:
        photo = _open(upload, detector)
        faces = recognize(photo.faces, resources.recognizer(model))
    except ImageError as error:
        show_error(f"{upload.name} {error}.")
        return
    except UserError as error:
        show_error(error)
        return
    left, right = st.columns([3, 2], gap="medium")
    left.image(_draw(photo.shown_bgr.copy(), faces, photo.scale), channels="BGR")
    with right:
        _show_table(upload, faces, photo.faces.cropped)


def _pick_photo() -> UploadedFile | None:
    origin = choice_bar(
        "Photo", ["Upload", "Take a photo"], "live.photo.way", persist_state="session"
    )
    if origin == "Take a photo":
        return st.camera_input("Photo", label_visibility="collapsed", width=640)
    return st.file_uploader(
        "Photo",
        type=sorted(SUFFIXES),
        max_upload_size=max_upload_mb("image"),
        label_visibility="collapsed",
    )


def _open(upload: UploadedFile, detector: str) -> _OpenPhoto:
    """Decode an upload and find its faces, once for all runs of the page.

    Raises:
        ImageError: it is no image, or too large.
        UserError: it has too many bytes, or the detector cannot be used.
    """
    photo: _OpenPhoto | None = st.session_state.get(OPEN_PHOTO)
    if photo is None or photo.upload != (upload.file_id, detector):
        check_upload(upload, "image")
        content = upload.getvalue()
        faces = detect_faces(decode_gray(content), PhotoDetector(detector))
        image_bgr = decode_color(content)
        largest = max(image_bgr.shape)
        scale = min(_MAX_SHOWN_SIDE / largest, max(1.0, _MIN_SHOWN_SIDE / largest))
        shown = cv2.resize(image_bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        shown_bgr = shown.astype(np.uint8, copy=False)
        photo = _OpenPhoto((upload.file_id, detector), shown_bgr, scale, faces)
        st.session_state[OPEN_PHOTO] = photo
    return photo


def _draw(
    image_bgr: NDArray[np.uint8], faces: list[FacePrediction], scale: float
) -> NDArray[np.uint8]:
    """Draw faces on an image that is the photo at a scale; return it."""
    boxes = [Box(*(round(scale * value) for value in face.box)) for face in faces]
    moved = [replace(face, box=box) for face, box in zip(faces, boxes, strict=True)]
    draw_faces(image_bgr, moved)
    return image_bgr


def _show_table(upload: UploadedFile, faces: list[FacePrediction], cropped: bool) -> None:
    if not faces:
        st.info("No face was found. The detector needs faces seen from the front.")
        return
    if cropped:
        st.info("This is a face crop already: the whole image is recognized as one face.")
    table = pd.DataFrame(
        [[face.label, *(100 * np.array([face.confidence, *face.probabilities]))] for face in faces],
        columns=["emotion", "confidence", *EMOTIONS],
        index=pd.Index([face.track_id for face in faces], name="face"),
    )
    st.dataframe(table, column_config=dict.fromkeys(("confidence", *EMOTIONS), _PERCENT))
    st.caption(
        "The seven probabilities are the model's; the confidence is calibrated by its temperature. "
        "Uncertain: no emotion leads by 10 points."
    )
    st.download_button(
        "Image, PNG",
        partial(_png, upload, faces),
        f"{Path(upload.name).stem}-emotions.png",
        "image/png",
        on_click="ignore",
        icon=":material/download:",
    )


def _png(upload: UploadedFile, faces: list[FacePrediction]) -> bytes:
    """Return the photo at its own size with its faces drawn."""
    image_bgr = _draw(decode_color(upload.getvalue()), faces, 1.0)
    return cv2.imencode(".png", image_bgr)[1].tobytes()
