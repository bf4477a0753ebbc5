"""Faces of an uploaded photo, in the form of `predict --json`. Independent of HTTP."""

from functools import cache, lru_cache
from typing import Any

from pipeline.data.images import ImageError, decode_gray
from pipeline.errors import UserError
from pipeline.runs import find_model
from pipeline.vision.photo import (
    PhotoDetector,
    detect_faces,
    photo_document,
    recognize,
    whole_image,
)
from pipeline.vision.recognizer import Recognizer

_MAX_LOADED = 4
_detector = cache(PhotoDetector)


def recognize_photo(
    content: bytes, name: str, model: str, detector: str, cropped: bool
) -> dict[str, Any]:
    """Return what `predict --json` prints of a photo. May be called from several threads.

    Args:
        content: the image file.
        name: stands for its path.
        model: a bundled model or a run.
        detector: one of `DETECTORS`.
        cropped: whether the image is one face.

    Raises:
        UserError: there is no such model or detector, or the content is no image.
    """
    run = find_model(model)
    recognizer = _load(run.name, run.openvino_path.stat().st_mtime_ns).share()
    finder = _detector(detector)
    try:
        gray = decode_gray(content)
    except ImageError as error:
        raise UserError(f"{name} {error}.") from error
    found = whole_image(gray) if cropped else detect_faces(gray, finder)
    return photo_document(name, found, recognize(found, recognizer))


@lru_cache(maxsize=_MAX_LOADED)
def _load(model: str, changed_ns: int) -> Recognizer:
    """Return a model's recognizer, loaded again when its file has changed."""
    return Recognizer.load(find_model(model))
