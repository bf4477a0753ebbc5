"""Faces of an uploaded photo, in the form of `predict --json`. Independent of HTTP."""

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from pipeline.data.images import ImageError, decode_gray
from pipeline.runs import Run
from pipeline.storage import file_version
from pipeline.vision.photo import (
    PhotoDetector,
    detect_faces,
    photo_document,
    recognize,
    whole_image,
)
from pipeline.vision.recognizer import Recognizer

_MAX_LOADED = 4
_MAX_ASPECT = 20  # a search of narrower images takes many seconds
_detector = cache(PhotoDetector)


def recognize_photo(
    content: bytes, name: str, model: Run, detector: str, cropped: bool
) -> dict[str, Any]:
    """Return what `predict --json` prints of a photo. May be called from several threads.

    Args:
        content: the image file.
        name: stands for its path.
        model: a bundled model or a run that is exported.
        detector: one of `DETECTORS`.
        cropped: whether the image is one face.

    Raises:
        ImageError: the content is no image, or one that is too narrow.
        UserError: the model or the detector cannot be loaded.
    """
    changed = file_version(model.openvino_path), file_version(model.calibration_path)
    recognizer = _load(model.path, *changed).share()
    finder = _detector(detector)
    gray = decode_gray(content)
    height, width = gray.shape
    if max(height, width) > _MAX_ASPECT * min(height, width):
        raise ImageError(
            f"has {width:,} x {height:,} pixels: its longer side may be at most {_MAX_ASPECT} "
            "times the shorter one"
        )
    found = whole_image(gray) if cropped else detect_faces(gray, finder)
    return photo_document(name, found, recognize(found, recognizer))


@lru_cache(maxsize=_MAX_LOADED)
def _load(path: Path, *changed: tuple[int, ...]) -> Recognizer:
    """Return a model's recognizer, loaded again when its file or its calibration has changed."""
    return Recognizer.load(Run(path))
