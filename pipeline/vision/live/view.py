"""Draw the latest result on a live frame: boxes or blurred faces, mirroring, an error text."""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.vision.drawing import blur, blur_faces, draw_faces, draw_problem
from pipeline.vision.face_prediction import FacePrediction
from pipeline.vision.live.settings import LiveSettings
from pipeline.vision.live.worker import FrameResult

_MAX_AGE_S = 1.0
_LARGE_SCALE = 1.8


def draw_result(
    frame_bgr: NDArray[np.uint8], result: FrameResult, settings: LiveSettings, now_s: float
) -> None:
    """Mirror a frame, uint8 (h, w, 3), if asked for, and draw the latest result on it, in place.

    Args:
        frame_bgr: the frame.
        result: of this frame or an earlier one.
        settings: the viewer's settings.
        now_s: when the frame came in. To hide faces, the result must be of a frame of the same
            size and at most a second old; else the whole frame is blurred.
    """
    if settings.hide_faces:
        if _locates_faces(result, frame_bgr, now_s):
            blur_faces(frame_bgr, result.boxes)
        else:
            blur(frame_bgr)
    faces = result.faces
    if settings.mirror:
        cv2.flip(frame_bgr, 1, dst=frame_bgr)
        faces = tuple(_mirror(face, frame_bgr.shape[1]) for face in faces)
    maps = settings.activation_map and not settings.hide_faces
    scale = _LARGE_SCALE if settings.large else 1.0
    draw_faces(frame_bgr, faces, bars=settings.bars, maps=maps, scale=scale)
    if result.problem:
        draw_problem(frame_bgr, result.problem)


def _locates_faces(result: FrameResult, frame_bgr: NDArray[np.uint8], now_s: float) -> bool:
    recent = result.problem is None and now_s - result.frame_s <= _MAX_AGE_S
    return recent and result.size == frame_bgr.shape[:2]


def _mirror(face: FacePrediction, width: int) -> FacePrediction:
    box = face.box._replace(x=width - face.box.x - face.box.width)
    activation_map = None if face.activation_map is None else np.fliplr(face.activation_map)
    return replace(face, box=box, activation_map=activation_map)
