"""Random changes to a face that leave its emotion as it is; used by training and its preview."""

from typing import Annotated

import cv2
import numpy as np
from annotated_types import Unit
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field


class Augmentation(BaseModel):
    """How far faces are changed; each amount is the largest drawn, 0 leaves that change out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rotation: Annotated[float, Unit("degrees")] = Field(
        10.0, ge=0, le=180, description="rotation, degrees to either side"
    )
    zoom: Annotated[float, Unit("share of the size")] = Field(
        0.1, ge=0, lt=1, description="zoom in or out, share of the size"
    )
    shift: Annotated[float, Unit("share of the size")] = Field(
        0.1, ge=0, lt=1, description="shift along each axis, share of the size"
    )
    flip: bool = Field(True, description="mirror every second face")
    brightness: Annotated[float, Unit("share of 255")] = Field(
        0.0, ge=0, le=1, description="grey added or taken away, share of 255"
    )
    contrast: Annotated[float, Unit("share")] = Field(
        0.0, ge=0, le=1, description="stretch or squeeze of the grey levels about their mean, share"
    )
    erasing: Annotated[float, Unit("share of the area")] = Field(
        0.0, ge=0, le=0.5, description="erased rectangle, share of the area"
    )


def augment(
    face: NDArray[np.uint8], settings: Augmentation, seed: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Return a changed copy of a face, uint8 (h, w), the same for the same seed.

    In this order: rotation, zoom, shift and mirror, which are one affine map whose border repeats
    the edge; contrast about the face's mean and brightness, rounded and clipped to 0-255; and in
    every second face an erased rectangle, each of its pixels a grey drawn evenly from 0-255
    (Zhong et al. 2017, https://arxiv.org/abs/1708.04896).

    Args:
        face: uint8 (h, w).
        settings: how far to go; with everything off the face comes back byte for byte.
        seed: what the changes are drawn from: in training (run's seed, epoch, face).
    """
    rng = np.random.default_rng(seed)
    angle, zoom, dx, dy = rng.uniform(-1, 1, 4).tolist()
    mirrored, erased = (rng.random(2) < 0.5).tolist()
    height, width = face.shape
    matrix = cv2.getRotationMatrix2D(
        ((width - 1) / 2, (height - 1) / 2), angle * settings.rotation, 1 + zoom * settings.zoom
    )
    matrix[:, 2] += dx * settings.shift * width, dy * settings.shift * height
    if settings.flip and mirrored:
        matrix[0] = -matrix[0]
        matrix[0, 2] += width - 1
    changed = cv2.warpAffine(face, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    if settings.brightness or settings.contrast:
        changed = _relight(changed, settings, rng)
    if settings.erasing and erased:
        _erase(changed, settings.erasing, rng)
    return changed.astype(np.uint8, copy=False)


def _relight(
    face: cv2.typing.MatLike, settings: Augmentation, rng: np.random.Generator
) -> cv2.typing.MatLike:
    stretch, lift = rng.uniform(-1, 1, 2).tolist()
    gain = 1 + stretch * settings.contrast
    offset = float(face.mean()) * (1 - gain) + 255 * lift * settings.brightness
    return cv2.addWeighted(face, gain, face, 0, offset)  # rounds and clips


def _erase(face: cv2.typing.MatLike, share: float, rng: np.random.Generator) -> None:
    height, width = face.shape
    area = rng.uniform(0.02, max(0.02, share)) * height * width
    ratio = np.exp(rng.uniform(-1, 1))
    h = min(height, max(1, round(np.sqrt(area * ratio))))
    w = min(width, max(1, round(np.sqrt(area / ratio))))
    y, x = rng.integers(0, height - h + 1), rng.integers(0, width - w + 1)
    face[y : y + h, x : x + w] = rng.integers(0, 256, (h, w))
