"""The faces of a photo and their predicted emotions."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.data.images import to_face
from pipeline.labels import EMOTIONS
from pipeline.vision.boxes import Box, crop_face
from pipeline.vision.confidence import choose_label
from pipeline.vision.detectors import Detector, find_detector
from pipeline.vision.face_prediction import FacePrediction
from pipeline.vision.recognizer import Recognizer

CROPPED_SIDE = 96
"""An image whose shorter side is no longer is usually a face crop already, in pixels."""

_MIN_CROPPED_SIDE = 24
_MIN_FACE, _MIN_FACE_FRACTION = 30, 1 / 16
_MIN_FILLED = 0.6
_MAX_ASPECT = 1.25  # the frames of cameras are wider


@dataclass(frozen=True, eq=False)
class PhotoFaces:
    """The faces of a photo, largest first.

    Attributes:
        boxes: in pixels of the photo.
        crops: uint8 (n, 48, 48), gray.
        cropped: the whole photo is one face crop already.
    """

    boxes: list[Box]
    crops: NDArray[np.uint8]
    cropped: bool = False


class PhotoDetector(Detector):
    """Finds faces down to a sixteenth of a photo's shorter side.

    It may be used in several threads: each gets a detector of its own.

    Args:
        name: one of `DETECTORS`.

    Raises:
        UserError: there is no such detector.
    """

    def __init__(self, name: str = "haar") -> None:
        super().__init__(_MIN_FACE)
        self._make = find_detector(name)
        self._of_thread = threading.local()

    def detect(self, gray: NDArray[np.uint8]) -> list[Box]:
        """Return the boxes of the faces in a gray photo, uint8 (h, w), largest first."""
        detector = self._own()
        detector.smallest_face = max(_MIN_FACE, int(min(gray.shape) * _MIN_FACE_FRACTION))
        return detector.detect(gray)

    def fills(self, gray: NDArray[np.uint8]) -> bool:
        """Return whether a face may fill a gray photo in which `detect` finds none."""
        return self._own().fills(gray)

    def _own(self) -> Detector:
        """Return the detector of this thread."""
        if not hasattr(self._of_thread, "detector"):
            self._of_thread.detector = self._make(_MIN_FACE)
        detector: Detector = self._of_thread.detector
        return detector


def whole_image(gray: NDArray[np.uint8]) -> PhotoFaces:
    """Take a gray image (h, w) as one face."""
    height, width = gray.shape
    return PhotoFaces([Box(0, 0, width, height)], to_face(gray)[np.newaxis], cropped=True)


def detect_faces(gray: NDArray[np.uint8], detector: Detector, whole: bool = True) -> PhotoFaces:
    """Find the faces of a gray photo (h, w), or see that it is a face crop already.

    It is one if it is about square and its only face fills 60% of its width and height, or if no
    face is found in it, and it is small or seen to be filled by one.

    Args:
        gray: the photo.
        detector: finds the faces.
        whole: whether the photo may be a face crop already.
    """
    boxes = detector.detect(gray)
    if whole and _is_cropped(gray, boxes, detector):
        return whole_image(gray)
    crops = [crop_face(gray, box) for box in boxes]
    return PhotoFaces(boxes, np.array(crops, np.uint8).reshape(-1, *to_face(gray).shape))


def _is_cropped(gray: NDArray[np.uint8], boxes: list[Box], detector: Detector) -> bool:
    if not is_about_square(gray):
        return False
    height, width = map(int, gray.shape)
    if boxes:
        filled = min(boxes[0].width / width, boxes[0].height / height)
        return len(boxes) == 1 and filled >= _MIN_FILLED
    return min(height, width) <= CROPPED_SIDE or detector.fills(gray)


def is_about_square(gray: NDArray[np.uint8]) -> bool:
    """Return whether an image (h, w) may be a face crop by its shape."""
    shorter, longer = sorted(map(int, gray.shape))
    return _MIN_CROPPED_SIDE <= shorter and longer <= _MAX_ASPECT * shorter


def recognize(faces: PhotoFaces, recognizer: Recognizer) -> list[FacePrediction]:
    """Recognize the faces of a photo in one batch."""
    if not faces.boxes:
        return []
    probabilities = recognizer.predict(faces.crops)
    confidences = recognizer.calibrated(probabilities)
    rows = zip(faces.boxes, confidences, probabilities, faces.crops, strict=True)
    return [
        FacePrediction(i, box, choose_label(scaled), scaled, raw, number=i, face_gray=face)
        for i, (box, scaled, raw, face) in enumerate(rows, start=1)
    ]


def photo_document(path: str, found: PhotoFaces, faces: list[FacePrediction]) -> dict[str, Any]:
    """Return a photo and its faces as `predict --json` prints them.

    Args:
        path: of the photo.
        found: its faces.
        faces: their predictions.
    """
    listed = [
        {
            "box": list(face.box),
            "emotion": face.emotion,
            "confidence": face.confidence,
            "probabilities": dict(zip(EMOTIONS, map(float, face.probabilities), strict=True)),
        }
        for face in faces
    ]
    return {"path": path, "cropped": found.cropped, "faces": listed}
