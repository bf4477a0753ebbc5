"""What a viewer sees of a frame: mirrored or not, faces marked or hidden, a problem said."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pipeline.vision.overlay import draw_faces, draw_problem
from pipeline.vision.privacy import hide_all, hide_faces
from pipeline.vision.reader import ShownFace
from pipeline.vision.snapshot import LiveSettings
from pipeline.vision.worker import Look

_STALE_S = 1.0


def draw_look(
    frame_bgr: NDArray[np.uint8], look: Look, settings: LiveSettings, now_s: float
) -> NDArray[np.uint8]:
    """Draw what was seen last on a frame, uint8 (h, w, 3), as a viewer wants it.

    Args:
        frame_bgr: the frame, which is drawn on.
        look: what was seen last.
        settings: how it is to be shown.
        now_s: when the frame came in; hidden faces need a look at a frame of the same size that
            is not older than a second.

    Returns:
        The same array, or a new one if it is mirrored.
    """
    if settings.hide_faces:
        if _tells_where(look, frame_bgr, now_s):
            hide_faces(frame_bgr, look.boxes)
        else:
            hide_all(frame_bgr)
    faces = look.faces
    if settings.mirror:
        frame_bgr = frame_bgr[:, ::-1].copy()
        faces = tuple(_mirrored(face, frame_bgr.shape[1]) for face in faces)
    maps = settings.activation_map and not settings.hide_faces
    draw_faces(frame_bgr, faces, bars=settings.bars, maps=maps)
    if look.problem:
        draw_problem(frame_bgr, look.problem)
    return frame_bgr


def _tells_where(look: Look, frame_bgr: NDArray[np.uint8], now_s: float) -> bool:
    """Whether faces are still about where they were seen."""
    fresh = look.problem is None and now_s - look.frame_s <= _STALE_S
    return fresh and look.size == frame_bgr.shape[:2]


def _mirrored(face: ShownFace, width: int) -> ShownFace:
    box = face.box._replace(x=width - face.box.x - face.box.width)
    activation = None if face.activation is None else np.fliplr(face.activation)
    return replace(face, box=box, activation=activation)
