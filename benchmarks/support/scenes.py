"""Synthetic scenes of moving faces whose positions are known at any time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.vision.boxes import Box, intersection

WIDTH, HEIGHT, FPS = 640, 480, 30
MAX_HIDDEN = 0.4  # share of a face that others may hide for it to be still detected
Motion = Callable[[float], tuple[float, float, float]]


@dataclass(frozen=True)
class Scene:
    """Faces that move.

    Attributes:
        motions: per face a function from the time in seconds to the center's x and y and the side,
            in pixels; later faces are in front.
        duration_s: how long it lasts.
        away_s: from when until when the first face is absent.
        hides: whether a face behind another one is not detected.
    """

    motions: tuple[Motion, ...]
    duration_s: float
    away_s: tuple[float, float] = (0.0, 0.0)
    hides: bool = True

    def frame_times(self, rate: int, rng: np.random.Generator) -> list[float]:
        """Return the times in seconds of `rate` frames per second, taken from 30 per second."""
        first = int(rng.integers(0, FPS // rate))
        frames = range(first, int(FPS * self.duration_s), FPS // rate)
        return [frame / FPS for frame in frames]

    def present(self, time_s: float) -> dict[int, Box]:
        """Return index → box of the present faces, hidden ones included."""
        away = self.away_s[0] <= time_s < self.away_s[1]
        return {
            i: box_of(*motion(time_s)) for i, motion in enumerate(self.motions) if i or not away
        }

    def visible(self, time_s: float) -> dict[int, Box]:
        """Return index → box of the faces that can be detected."""
        present = self.present(time_s)
        return {
            i: box
            for i, box in present.items()
            if not self.hides
            or all(
                intersection(box, present[k]) <= MAX_HIDDEN * box.width**2 for k in present if k > i
            )
        }


def box_of(x: float, y: float, side: float) -> Box:
    """Return the square box around a center."""
    return Box(round(x - side / 2), round(y - side / 2), round(side), round(side))


def wandering(rng: np.random.Generator) -> Scene:
    """One face that stays or moves about, and comes closer and goes back."""
    side, radius, phase = rng.uniform(90, 150), rng.uniform(0, 140), rng.uniform(0, 6)
    return Scene(
        (
            lambda t: (
                320 + radius * np.cos(1.5 * t + phase),
                230 + radius / 4 * np.sin(2 * t + phase),
                side * (1 + 0.2 * np.sin(t + phase)),
            ),
        ),
        2.0,
    )


def crossing(rng: np.random.Generator) -> Scene:
    """Two faces of similar size that cross at 2 to 3.5 face widths per second each.

    One hides the other, mostly for 0.2 to 0.35 s.
    """
    return _passing(rng, (2.0, 3.5), (0.0, 0.3), hides=True)


def side_by_side(rng: np.random.Generator) -> Scene:
    """Two faces that pass, one 0.5 to 0.9 face widths above the other: both stay visible."""
    return _passing(rng, (0.3, 3.5), (0.5, 0.9), hides=False)


def _passing(
    rng: np.random.Generator,
    widths_per_s: tuple[float, float],
    vertical_distance: tuple[float, float],
    hides: bool,
) -> Scene:
    side = rng.uniform(80, 120)
    sides = side, side * rng.uniform(0.8, 1.25)
    right, left = rng.uniform(*widths_per_s, 2) * side
    down = rng.uniform(-40, 40, 2)
    above = rng.uniform(*vertical_distance) * side * rng.choice((-1, 1))
    return Scene(
        (
            lambda t: (320 + right * (t - 1.2), 240 + down[0] * (t - 1.2), sides[0]),
            lambda t: (320 - left * (t - 1.2), 240 + above + down[1] * (t - 1.2), sides[1]),
        ),
        2.4,
        hides=hides,
    )


def meeting(rng: np.random.Generator) -> Scene:
    """Two faces that come together cheek to cheek and part again, about twice."""
    sides, radius, pace = rng.uniform(80, 130, 2), rng.uniform(40, 80), rng.uniform(2, 4)
    near = 0.4 * sides.mean()
    return Scene(
        (
            lambda t: (320 - near - radius * (1 + np.cos(pace * t)), 240, sides[0]),
            lambda t: (320 + near + radius * (1 + np.cos(pace * t)), 240, sides[1]),
        ),
        3.0,
    )


def fast(rng: np.random.Generator) -> Scene:
    """One face that moves to and fro, at up to 3 to 5 face widths per second."""
    side, radius, phase = rng.uniform(80, 130), rng.uniform(150, 220), rng.uniform(0, 6)
    pace = rng.uniform(3, 5) * side / radius
    return Scene(
        (
            lambda t: (
                320 + radius * np.cos(pace * t + phase),
                240 + 40 * np.sin(0.7 * pace * t),
                side,
            ),
        ),
        4.0,
    )


def leaving(away_s: float) -> Callable[[np.random.Generator], Scene]:
    """Return a function that makes one moving face, absent for some seconds in the middle."""

    def make(rng: np.random.Generator) -> Scene:
        side, pace, leaves_s = rng.uniform(80, 130), rng.uniform(-150, 150), rng.uniform(0.8, 1.2)
        return Scene(
            (lambda t: (320 + pace * (t - 1.2), 240 + 0.3 * pace * (t - 1.2), side),),
            3.0,
            (leaves_s, leaves_s + away_s),
        )

    return make
