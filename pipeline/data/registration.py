"""How far apart the details of two face images are, once one is laid over the other.

Two versions of one photo differ by a crop, by gain and offset of the gray levels, and in few places
by a mark, so that laid over each other all details coincide. Of two photos, or two drawings of one
kind, brows, eyes and mouth stay apart even where the images correlate at 0.98.

The overlay is found by Gauss-Newton steps with robust weights, coarse to fine (Baker & Matthews
2004, "Lucas-Kanade 20 Years On: A Unifying Framework"), the displacements that remain by the method
of Lucas & Kanade 1981, "An Iterative Image Registration Technique with an Application to Stereo
Vision".
"""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.data.dataset import SIZE

Floats = NDArray[np.floating[Any]]
Images = Floats  # (n, side, side)

QUANTILE = 0.6
"""Share of the details that must coincide: marks and clipped gray levels may cover the rest."""

_COARSE = 2  # pixels of an image become one
_COARSE_STEPS, _FINE_STEPS = 8, 5
_MAX_COARSE_ERROR = 0.1
"""Error after the coarse overlay, as a share of the contrast: above it no details coincide."""

_MAX_SHIFT = 1 / 6  # of a face's side
_MIN_OVERLAP = 0.5
_RANK = 3 / 8  # of the pixels, among them those outside of the other image, for a robust error
_ERRORS = 5.0  # robust errors at which a weight (Geman & McClure 1987) is a quarter
_WINDOW_PX = 3.0  # standard deviation, of displacements
_MIN_GRADIENT = 0.5  # squared, of 255 gray levels a pixel: below it there is no detail


class _Overlays(NamedTuple):
    """How n images are laid over n others.

    `shift` (n, 4): stretch and shift of x and of y, in pixels at the edge; `gain` and `offset` (n,)
    of the gray levels; `error` (n,): robust error that remains, infinite if the overlay failed.
    """

    shift: Floats
    gain: Floats
    offset: Floats
    error: Floats


def displacements(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return how far apart the details of pairs of images remain, in pixels.

    Args:
        first: uint8 (n, 48, 48).
        second: uint8 (n, 48, 48).

    Returns:
        float64 (n,), the displacement that the share `QUANTILE` of the details, weighted by their
        contrast, does not exceed; infinite where the images cannot be laid over each other.
    """
    distances = np.full(len(first), np.inf)
    if not len(first):
        return distances
    one, other = _smoothed(first), _smoothed(second)
    small = _reduced(one)
    contrast = np.median(np.abs(small - np.median(small, axis=(1, 2), keepdims=True)), axis=(1, 2))
    start = np.zeros((len(first), 4), np.float32)
    coarse = _overlay(small, _reduced(other), start, _COARSE_STEPS)
    near = np.flatnonzero(coarse.error <= _MAX_COARSE_ERROR * contrast)
    if len(near):
        one, other = one[near], other[near]
        fine = _overlay(one, other, coarse.shift[near] * _COARSE, _FINE_STEPS)
        across, down, inside = _interpolation(fine.shift, SIZE)
        laid = _brought(down @ other @ across, fine.gain, fine.offset)
        distances[near] = [_remaining(*each) for each in zip(one, laid, inside, strict=True)]
        distances[near[~np.isfinite(fine.error)]] = np.inf
    return distances


def _smoothed(images: NDArray[np.uint8]) -> Images:
    return np.stack([cv2.GaussianBlur(each.astype(np.float32), (0, 0), 1.0) for each in images])


def _reduced(images: Images) -> Images:
    side = SIZE // _COARSE
    small = (cv2.resize(each, (side, side), interpolation=cv2.INTER_AREA) for each in images)
    return np.stack([cv2.GaussianBlur(each, (0, 0), 1.0) for each in small])


def _edge(side: int) -> Floats:
    """Return the positions of pixels from -1 at one edge to 1 at the other, float32 (side,)."""
    return np.linspace(-1, 1, side, dtype=np.float32)


def _interpolation(shift: Floats, side: int) -> tuple[Images, Images, NDArray[np.bool_]]:
    """Return what shifts images: `down @ images @ across`, and which pixels lie inside of them."""
    pixels, edge = np.arange(side, dtype=np.float32), _edge(side)
    matrices, inside = [], []
    for stretch, moved in (shift[:, :2].T, shift[:, 2:].T):
        at = pixels + stretch[:, np.newaxis] * edge + moved[:, np.newaxis]
        matrices.append(np.maximum(0, 1 - np.abs(at[..., np.newaxis] - pixels)))
        inside.append((at >= 0) & (at <= side - 1))
    x, y = inside
    return matrices[0].swapaxes(1, 2), matrices[1], x[:, np.newaxis] & y[..., np.newaxis]


def _brought(images: Images, gain: Floats, offset: Floats) -> Images:
    return gain[:, np.newaxis, np.newaxis] * images + offset[:, np.newaxis, np.newaxis]


def _overlay(one: Images, other: Images, shift: Floats, steps: int) -> _Overlays:
    """Lay other images over as many, each.

    Args:
        one: float32 (n, side, side).
        other: float32 (n, side, side).
        shift: where to start, float32 (n, 4).
        steps: of Gauss and Newton.
    """
    n, side = one.shape[:2]
    edge = _edge(side)
    slopes_x, slopes_y = np.gradient(other, axis=2), np.gradient(other, axis=1)
    gain = one.std(axis=(1, 2)) / np.maximum(other.std(axis=(1, 2)), 1e-3)
    offset = one.mean(axis=(1, 2)) - gain * other.mean(axis=(1, 2))
    failed = np.zeros(n, np.bool_)
    error = np.zeros(n, np.float32)
    for _ in range(steps):
        across, down, inside = _interpolation(shift, side)
        warped, dx, dy = (down @ each @ across for each in (other, slopes_x, slopes_y))
        left = one - _brought(warped, gain, offset)
        ordered = np.where(inside, np.abs(left), np.inf).reshape(n, -1)
        rank = int(_RANK * side * side)
        error = np.partition(ordered, rank, axis=1)[:, rank]
        failed |= (inside.mean(axis=(1, 2)) < _MIN_OVERLAP) | (gain <= 0)
        failed |= np.abs(shift).max(axis=1) > _MAX_SHIFT * side
        scale = np.where(failed, np.inf, np.maximum(_ERRORS * error, 1.5))
        weights = inside / (1 + (left / scale[:, np.newaxis, np.newaxis]) ** 2) ** 2
        dx, dy = _brought(dx, gain, 0 * gain), _brought(dy, gain, 0 * gain)
        ones = np.ones_like(warped)
        slopes = np.stack([dx * edge, dx, dy * edge[:, np.newaxis], dy, warped, ones], axis=1)
        slopes = slopes.reshape(n, 6, -1)
        weighted = slopes * weights.reshape(n, 1, -1)
        normal = weighted @ slopes.swapaxes(1, 2) + 1e-3 * np.eye(6, dtype=np.float32)
        change = np.linalg.solve(normal, weighted @ left.reshape(n, -1, 1))[..., 0]
        change[failed] = 0
        shift, gain, offset = shift + change[:, :4], gain + change[:, 4], offset + change[:, 5]
    return _Overlays(shift, gain, offset, np.where(failed, np.inf, error))


def _remaining(one: Floats, other: Floats, inside: NDArray[np.bool_]) -> float:
    """Return the displacement of the details of two images that lie over each other."""
    inside = inside.copy()
    inside[[0, -1]] = inside[:, [0, -1]] = False
    dx, dy = np.gradient((one + other) / 2, axis=1), np.gradient((one + other) / 2, axis=0)
    error = one - other
    products = np.stack([dx * dx, dx * dy, dy * dy, dx * error, dy * error], axis=-1)
    sums = cv2.GaussianBlur(products * inside[..., np.newaxis], (0, 0), _WINDOW_PX)
    count = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), _WINDOW_PX)
    if not inside.any():
        return np.inf
    xx, xy, yy, xe, ye = np.moveaxis(sums[inside] / count[inside, np.newaxis], -1, 0)
    contrast = xx + yy
    xx, yy = xx + _MIN_GRADIENT, yy + _MIN_GRADIENT
    moved = np.hypot(yy * xe - xy * ye, xx * ye - xy * xe) / (xx * yy - xy**2)
    order = np.argsort(moved)
    share = np.cumsum(contrast[order])
    return float(moved[order][np.searchsorted(share, QUANTILE * share[-1])])
