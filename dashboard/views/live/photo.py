"""Faces in a photo: upload, camera shot or example; annotated image, cards, table."""

from collections.abc import Callable
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
from dashboard.views.live.face_cards import distribution, face_cards
from dashboard.widgets.choice_bar import choice_bar
from dashboard.widgets.messages import show_error
from pipeline.data.images import SUFFIXES, ImageError, decode_color, decode_gray
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.runs import Run
from pipeline.vision.boxes import Box
from pipeline.vision.confidence import UNCERTAIN
from pipeline.vision.drawing import draw_faces
from pipeline.vision.face_prediction import FacePrediction
from pipeline.vision.photo import PhotoDetector, PhotoFaces, detect_faces, recognize

OPEN_PHOTO = "live.photo"
_MIN_SHOWN_SIDE, _MAX_SHOWN_SIDE = 320, 1280
_PERCENT = st.column_config.NumberColumn(format="%.1f%%", width="small")
_EXAMPLES = {  # name → file, source
    "Astronaut": ("astronaut.jpg", "Eileen Collins. Photo: NASA, public domain."),
    "Two faces": ("two.jpg", "The photo of Eileen Collins twice. Photo: NASA, public domain."),
    "Drawn faces": (
        "drawn.jpg",
        "Synthetic faces, drawn with the shapes of the sample data: happy, neutral and angry. "
        "Models of real faces are often wrong about them.",
    ),
}


@dataclass(frozen=True)
class _Source:
    """A photo to open: its id, the file's name, and how to read its bytes.

    Reading raises `UserError` if there are too many of them.
    """

    id: str
    name: str
    read: Callable[[], bytes]


@dataclass(frozen=True, eq=False)
class _OpenPhoto:
    """A photo that was decoded and searched for faces.

    Attributes:
        source: its id, and the detector's name.
        shown_bgr: uint8 (h, w, 3), of a size to show.
        scale: of that image to the photo.
        faces: of the photo, in its pixels.
    """

    source: tuple[str, str]
    shown_bgr: NDArray[np.uint8]
    scale: float
    faces: PhotoFaces


def show_photo(model: Run, detector: str) -> None:
    """Let the user choose a photo; show it with faces drawn, their cards and a table.

    Args:
        model: recognizes the faces.
        detector: the face detector's name.
    """
    source = _pick_photo()
    if source is None:
        st.session_state.pop(OPEN_PHOTO, None)
        st.caption("The photo is processed in memory and discarded when you leave the page.")
    try:
        recognizer = resources.recognizer(model)  # loads while the user chooses a photo
        if source is None:
            return
        with st.spinner("Finding and recognizing faces…"):
            photo = _open(source, detector)
            faces = recognize(photo.faces, recognizer)
    except UserError as error:
        show_error(error)
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        image_bgr = _draw(photo.shown_bgr.copy(), faces, photo.scale)
        st.image(image_bgr, channels="BGR", alt="The photo with its faces drawn")
    with right:
        if not faces:
            st.info("No face was found. The detector needs faces seen from the front.")
            return
        if photo.faces.cropped:
            st.info("This is a face crop already: the whole image is recognized as one face.")
        st.html(face_cards(faces))
    _show_table(source, faces)


def _pick_photo() -> _Source | None:
    origin = choice_bar(
        "Photo", ["Upload", "Take a photo", "Example"], "live.photo.way", persist_state="session"
    )
    if origin == "Example":
        return _pick_example()
    if origin == "Take a photo":
        upload = st.camera_input("Photo", label_visibility="collapsed", width=640)
    else:
        upload = st.file_uploader(
            "Photo",
            type=sorted(SUFFIXES),
            max_upload_size=max_upload_mb("image"),
            label_visibility="collapsed",
        )
    return None if upload is None else _Source(upload.file_id, upload.name, partial(_read, upload))


def _pick_example() -> _Source:
    name = choice_bar("Example", _EXAMPLES, "live.photo.example", persist_state="session")
    file, source = _EXAMPLES[name]
    st.caption(source)
    path = Path(__file__).with_name("examples") / file
    return _Source(name, file, path.read_bytes)


def _read(upload: UploadedFile) -> bytes:
    check_upload(upload, "image")
    return upload.getvalue()


def _open(source: _Source, detector: str) -> _OpenPhoto:
    """Decode a photo and find its faces, once for all runs of the page.

    Raises:
        UserError: it is no image or too large, or the detector cannot be used.
    """
    photo: _OpenPhoto | None = st.session_state.get(OPEN_PHOTO)
    if photo is None or photo.source != (source.id, detector):
        content = source.read()
        try:
            gray, image_bgr = decode_gray(content), decode_color(content)
        except ImageError as error:
            raise UserError(f"{source.name} {error}.") from error
        faces = detect_faces(gray, PhotoDetector(detector))
        largest = max(image_bgr.shape)
        scale = min(_MAX_SHOWN_SIDE / largest, max(1.0, _MIN_SHOWN_SIDE / largest))
        shown = cv2.resize(image_bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        shown_bgr = shown.astype(np.uint8, copy=False)
        photo = _OpenPhoto((source.id, detector), shown_bgr, scale, faces)
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


def _show_table(source: _Source, faces: list[FacePrediction]) -> None:
    table = pd.DataFrame(
        [[face.label, *(100 * np.array([face.confidence, *face.confidences]))] for face in faces],
        columns=["emotion", "confidence", *EMOTIONS],
        index=pd.Index([face.number for face in faces], name="face"),
    )
    percent = dict.fromkeys(("confidence", *EMOTIONS), _PERCENT)
    st.dataframe(table, column_config=percent, alt="The confidence of each emotion for each face")
    is_uncertain = any(face.label == UNCERTAIN for face in faces)
    legend = " Uncertain: no emotion leads by 10 points." if is_uncertain else ""
    st.caption(distribution(None) + legend)
    st.download_button(
        "Image, PNG",
        partial(_png, source, faces),
        f"{Path(source.name).stem}-emotions.png",
        "image/png",
        on_click="ignore",
        icon=":material/download:",
    )


def _png(source: _Source, faces: list[FacePrediction]) -> bytes:
    """Return the photo at its own size with its faces drawn."""
    image_bgr = _draw(decode_color(source.read()), faces, 1.0)
    return cv2.imencode(".png", image_bgr)[1].tobytes()
