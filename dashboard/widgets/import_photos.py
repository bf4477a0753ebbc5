"""Which images of a source are photos to crop a face from, with examples before and after."""

from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.widgets.import_jobs import ImportRequest
from dashboard.widgets.markdown import escape_markdown
from pipeline.data.readers.archive import DAMAGED
from pipeline.vision.photo_crops import FACES, CropExample, crop_examples, face_cropper

_FACES = {"auto": "Faces in photos", "crop": "Faces in all images", "as-is": "Whole images"}
_EXAMPLES = "import.photos"
"""Session state: source and choice → examples of its photos."""
_HEIGHT, _WIDTH, _GAP = 96, 128, 6
_CELL_PX = 220
_NO_FACE = (127, 127, 127, 160)


def ask_faces(key: str, path: Path, request: ImportRequest) -> None:
    """Ask what of a source's images is a face, and put the answer into the request.

    Nothing is asked of a source without photos.

    Args:
        key: names the source.
        path: the source.
        request: its `faces` and `largest`.
    """
    if not _examples(path, "auto", largest=False):
        return
    st.markdown("**Some images are photos, larger than a face.** What is imported of them?")
    request.faces = st.segmented_control(
        "Faces",
        FACES,
        format_func=_FACES.__getitem__,
        default=request.faces,
        required=True,
        key=f"{key} faces",
        label_visibility="collapsed",
    )
    if request.faces != "as-is":
        request.largest = st.toggle(
            "Take the largest of several faces",
            value=request.largest,
            help="Otherwise photos of several faces are skipped.",
            key=f"{key} largest",
        )
    examples = _examples(path, request.faces, request.largest)
    if examples:
        st.image(
            [_before_and_after(example) for example in examples],
            [_caption(example) for example in examples],
            width=_CELL_PX,
            alt=[f"photo {number} and its face" for number in range(1, len(examples) + 1)],
        )


def _examples(path: Path, faces: str, largest: bool) -> list[CropExample]:
    """Return examples, made once for each choice; none of a source that is damaged."""
    made: dict[tuple[Path, str, bool], list[CropExample]]
    made = st.session_state.setdefault(_EXAMPLES, {})
    choice = (path, faces, largest)
    crop = face_cropper(path, faces, largest)
    if crop and choice not in made:
        with st.spinner("Looking for faces in a few photos…"), suppress(*DAMAGED):
            made[choice] = crop_examples(path, crop)
    return made.get(choice, [])


def forget_examples() -> None:
    """Forget the examples of all sources."""
    st.session_state.pop(_EXAMPLES, None)


def _caption(example: CropExample) -> str:
    name = Path(example.name).name
    return escape_markdown(f"{name}: {example.problem}, skipped" if example.problem else name)


def _before_and_after(example: CropExample) -> NDArray[np.uint8]:
    """Return the photo and, right of it, the face, uint8 RGBA (96, 248, 4)."""
    left_of_face, end = _WIDTH + _GAP, _WIDTH + _GAP + _HEIGHT
    image = np.zeros((_HEIGHT, end + 3 * _GAP, 4), np.uint8)
    height, width = example.photo_bgr.shape[:2]
    scale = min(_HEIGHT / height, _WIDTH / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    photo = cv2.resize(example.photo_bgr, size, interpolation=cv2.INTER_AREA)
    top, left = (_HEIGHT - size[1]) // 2, (_WIDTH - size[0]) // 2
    part = image[top : top + size[1], left : left + size[0]]
    part[:] = cv2.cvtColor(photo, cv2.COLOR_BGR2RGBA)
    if example.face_gray is not None:
        face = cv2.resize(example.face_gray, (_HEIGHT, _HEIGHT), interpolation=cv2.INTER_CUBIC)
        image[:, left_of_face:end] = cv2.cvtColor(face, cv2.COLOR_GRAY2RGBA)
    else:
        cv2.rectangle(image, (left_of_face + 1, 1), (end - 2, _HEIGHT - 2), _NO_FACE, 2)
    return image
