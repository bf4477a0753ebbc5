"""BlazeFace: Google's small network, for faces that are turned, tilted or partly covered, too.

Bazarevsky et al. 2019, "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs". The
full-range model with the anchors, the decoding and the weighted suppression of MediaPipe's graph
(github.com/google-ai-edge/mediapipe, mediapipe/modules/face_detection).
"""

import hashlib
from collections.abc import Iterator
from math import atan2, ceil, cos, degrees, radians, sin
from pathlib import Path

import cv2
import numpy as np
import openvino as ov
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.vision.boxes import Box, TiltedBox, suppress_nested
from pipeline.vision.detectors.base import Detector

MODEL = Path(__file__).parent / "blazeface" / "face_detection_full_range.tflite"
_SHA256 = "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3"
_SIDE, _STRIDE = 192, 4  # of the network's input, and of its anchors
_MAX_IOU = 0.3
# MediaPipe's default; its graph takes 0.6, but scores are lower without color.
_MIN_SCORE = 0.5
_SEARCHED_FACE = 24  # smaller ones are often missed, pixels of the network's input
_OVERLAP = 48  # of neighboring tiles
# FER-2013's crops are larger than the boxes, and reach higher; in box sides.
_CROP_SIDE, _CROP_RISE = 1.2, 0.06
_MIN_TILT_DEG = 15  # the landmarks of upright faces are seldom off by more

_Faces = NDArray[np.float32]
"""(n, 17): score; left, top, right, bottom; x and y of six landmarks, first both eyes."""


class BlazeFaceDetector(Detector):
    """Finds faces with BlazeFace, whose file is bundled; runs on one thread.

    The image is shrunk to 192 pixels on its longer side. If that leaves the smallest face with
    less than 24 pixels, overlapping tiles of a larger copy are searched, too. Boxes are square and
    of the size of FER-2013's crops; those of faces tilted by more than 15 degrees have the tilt of
    the line between the eyes.

    Args:
        smallest_face: side of the smallest face to find, in pixels.

    Raises:
        UserError: its file is missing or damaged.
    """

    def __init__(self, smallest_face: int = 60) -> None:
        super().__init__(smallest_face)
        self._request = _compile().create_infer_request()
        rows, columns = np.mgrid[: _SIDE // _STRIDE, : _SIDE // _STRIDE]
        self._anchors = _STRIDE * (np.stack([columns, rows], -1).reshape(-1, 1, 2) + 0.5)

    def detect(self, gray: NDArray[np.uint8]) -> list[Box]:
        """Return the boxes of the faces in a gray image, uint8 (h, w), largest first."""
        whole = _SIDE / max(gray.shape)
        finer = min(1.0, _SEARCHED_FACE / self.smallest_face)
        scales = [whole] if finer <= whole else [whole, finer]
        boxes = [_box(face / scale) for scale in scales for face in self._search(gray, scale)]
        return suppress_nested(boxes)

    def fills(self, gray: NDArray[np.uint8]) -> bool:
        """Return whether a face over 60% of an image is found with space added around it."""
        small = _resize(gray, _SIDE / 2 / max(gray.shape))
        margin = min(small.shape) // 2
        boxes = self.detect(np.pad(small, margin, mode="edge"))
        return any(box.width >= 0.6 * min(small.shape) for box in boxes)

    def _search(self, gray: NDArray[np.uint8], scale: float) -> Iterator[_Faces]:
        """Yield each face of an image, in pixels of the image at a scale."""
        scaled = _resize(gray, scale)
        for y in _tile_starts(scaled.shape[0]):
            for x in _tile_starts(scaled.shape[1]):
                faces = self._infer(scaled[y : y + _SIDE, x : x + _SIDE])
                faces[:, 1::2] += x
                faces[:, 2::2] += y
                yield from faces

    def _infer(self, image: cv2.typing.MatLike) -> _Faces:
        """Return the faces of an image of at most 192 pixels a side, in its pixels."""
        height, width = image.shape
        left, top = (_SIDE - width) // 2, (_SIDE - height) // 2
        letterboxed = np.zeros((_SIDE, _SIDE), np.float32)
        letterboxed[top : top + height, left : left + width] = image
        self._request.infer([np.repeat(letterboxed[np.newaxis, ..., np.newaxis] / 127.5 - 1, 3, 3)])
        values, logits = (self._request.get_output_tensor(i).data[0] for i in range(2))
        scores = 1 / (1 + np.exp(-np.clip(logits[:, 0], -80, 80)))
        found = scores >= _MIN_SCORE
        points = values[found].reshape(-1, 8, 2) - (left, top)
        half = values[found].reshape(-1, 8, 2)[:, 1] / 2
        points += self._anchors[found]
        points[:, 1] = points[:, 0] + half
        points[:, 0] -= half
        return _suppress(np.column_stack([scores[found], points.reshape(-1, 16)]))


def _resize(gray: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    height, width = (max(1, round(scale * side)) for side in gray.shape)
    scaled = cv2.resize(gray, (width, height), interpolation=interpolation)
    return scaled.astype(np.uint8, copy=False)


def _tile_starts(side: int) -> list[int]:
    """Return where the tiles of an image's side begin."""
    count = ceil(max(side - _SIDE, 0) / (_SIDE - _OVERLAP)) + 1
    return [round(start) for start in np.linspace(0, max(side - _SIDE, 0), count)]


def _suppress(faces: _Faces) -> _Faces:
    """Replace overlapping faces by their average, weighted by score (weighted suppression)."""
    faces = faces[np.argsort(-faces[:, 0])]
    merged = np.empty((0, faces.shape[1]), np.float32)
    while len(faces):
        best = faces[0]
        common = np.minimum(faces[:, 3:5], best[3:5]) - np.maximum(faces[:, 1:3], best[1:3])
        intersection = common.clip(0).prod(axis=1)
        areas = (faces[:, 3:5] - faces[:, 1:3]).prod(axis=1)
        same = intersection > _MAX_IOU * (areas + areas[0] - intersection)
        same[0] = True  # also of a box without area
        average = np.average(faces[same], axis=0, weights=faces[same, 0])
        merged = np.vstack([merged, average])
        faces = faces[~same]
    return merged.astype(np.float32)


def _box(face: NDArray[np.float32]) -> Box:
    """Return the box of a face, which is like FER-2013's crops, and tilted as its eyes are."""
    left, top, right, bottom, right_x, right_y, left_x, left_y = map(float, face[1:9])
    tilt_deg = degrees(atan2(left_y - right_y, left_x - right_x))
    if abs(tilt_deg) <= _MIN_TILT_DEG:
        tilt_deg = 0.0
    side = max(right - left, bottom - top)
    x = (left + right) / 2 + _CROP_RISE * side * sin(radians(tilt_deg))
    y = (top + bottom) / 2 - _CROP_RISE * side * cos(radians(tilt_deg))
    crop = _CROP_SIDE * side
    corner = round(x - crop / 2), round(y - crop / 2)
    return TiltedBox(*corner, round(crop), round(crop), tilt_deg=tilt_deg)


def _compile() -> ov.CompiledModel:
    try:
        content = MODEL.read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise UserError(
            f"{MODEL} is missing or damaged, so the detector 'blazeface' cannot be used: fetch "
            "the project's file again, the file itself and not its Git LFS pointer."
        )
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    return ov.Core().compile_model(ov.Core().read_model(MODEL), "CPU", options)
