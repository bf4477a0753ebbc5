"""The faces of a photo and what they show."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.data.pictures import decode_colour, decode_gray, to_face
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.vision.faces import DETECTORS, Box, Detector, crop_face
from pipeline.vision.label import UNCERTAIN, leading_emotion
from pipeline.vision.recognizer import Recognizer

_SMALLEST_SHARE = 16


@dataclass(frozen=True)
class RecognisedFace:
    """A face of a picture.

    Attributes:
        box: where it is.
        probabilities: float32 (7,), in the order of `EMOTIONS`.
        confidence: the likeliest one's at the model's temperature, 0-1.
        shown: the emotion that it is said to show; None where none clearly leads.
    """

    box: Box
    probabilities: NDArray[np.float32]
    confidence: float
    shown: str | None

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return EMOTIONS[int(self.probabilities.argmax())]

    @property
    def label(self) -> str:
        """What the face is said to show."""
        return self.shown or UNCERTAIN


def photo_detector(height: int, width: int, name: str = "haar") -> Detector:
    """Return a detector for faces down to a sixteenth of the photo's shorter side.

    Args:
        height: of the photo, pixels.
        width: of the photo, pixels.
        name: one of `DETECTORS`.
    """
    return DETECTORS[name](max(30, min(height, width) // _SMALLEST_SHARE))


def find_faces(
    picture_bgr: NDArray[np.uint8], detector: Detector, recognizer: Recognizer
) -> list[RecognisedFace]:
    """Find the faces of a photo, uint8 (h, w, 3), and recognise them in one batch."""
    gray = cv2.cvtColor(picture_bgr, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    boxes = detector.detect(gray)
    return _recognise([crop_face(gray, box) for box in boxes], boxes, recognizer) if boxes else []


def recognise_file(path: Path, recognizer: Recognizer, cropped: bool) -> list[RecognisedFace]:
    """Recognise the faces of a picture file.

    Args:
        path: a picture of any format that OpenCV reads.
        recognizer: the model.
        cropped: the picture is itself a face, so none is looked for.

    Raises:
        UserError: the file cannot be read, or is no picture.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    picture = decode_gray(content) if cropped else decode_colour(content)
    if picture is None:
        raise UserError(f"{path} is not a picture that can be decoded.")
    height, width = picture.shape[:2]
    if cropped:
        return _recognise([to_face(picture)], [Box(0, 0, width, height)], recognizer)
    return find_faces(picture, photo_detector(height, width), recognizer)


def _recognise(
    faces: list[NDArray[np.uint8]], boxes: list[Box], recognizer: Recognizer
) -> list[RecognisedFace]:
    probabilities = recognizer.predict(np.stack(faces))
    confidences = recognizer.calibrated(probabilities)
    return [
        RecognisedFace(box, each, float(sure.max()), leading_emotion(sure))
        for box, each, sure in zip(boxes, probabilities, confidences, strict=True)
    ]
