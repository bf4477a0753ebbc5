"""Made clips of faces with known truth: where each is at any time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.vision.boxes import Box, shared

WIDTH, HEIGHT, FRAMES_PER_S = 640, 480, 30
MOST_HIDDEN = 0.4  # of a face that is still found behind another
Course = Callable[[float], tuple[float, float, float]]


@dataclass(frozen=True)
class Scene:
    """Faces that move.

    Attributes:
        courses: for each face what gives its middle's x and y and its side, in pixels, at a time
            in seconds; a later one is in front.
        lasts_s: how long it lasts.
        away_s: from when until when the first face is not there.
        hides: whether a face behind another one is not found.
    """

    courses: tuple[Course, ...]
    lasts_s: float
    away_s: tuple[float, float] = (0.0, 0.0)
    hides: bool = True

    def looks(self, rate: int, rng: np.random.Generator) -> list[float]:
        """Return when the frames at 30 a second that are looked at come, in seconds."""
        first = int(rng.integers(0, FRAMES_PER_S // rate))
        frames = range(first, int(FRAMES_PER_S * self.lasts_s), FRAMES_PER_S // rate)
        return [number / FRAMES_PER_S for number in frames]

    def there(self, at_s: float) -> dict[int, Box]:
        """Return the faces that are there, also those that are hidden."""
        away = self.away_s[0] <= at_s < self.away_s[1]
        return {i: box_of(*course(at_s)) for i, course in enumerate(self.courses) if i or not away}

    def seen(self, at_s: float) -> dict[int, Box]:
        """Return the faces that can be found."""
        there = self.there(at_s)
        return {
            i: box
            for i, box in there.items()
            if not self.hides
            or all(shared(box, there[k]) <= MOST_HIDDEN * box.width**2 for k in there if k > i)
        }


def box_of(x: float, y: float, side: float) -> Box:
    """Return a square box around a middle."""
    return Box(round(x - side / 2), round(y - side / 2), round(side), round(side))


def wandering(rng: np.random.Generator) -> Scene:
    """One face that stays or wanders about and comes nearer and goes back."""
    side, far, phase = rng.uniform(90, 150), rng.uniform(0, 140), rng.uniform(0, 6)
    return Scene(
        (
            lambda t: (
                320 + far * np.cos(1.5 * t + phase),
                230 + far / 4 * np.sin(2 * t + phase),
                side * (1 + 0.2 * np.sin(t + phase)),
            ),
        ),
        2.0,
    )


def crossing(rng: np.random.Generator) -> Scene:
    """Two faces of about a size that cross at 2 to 3.5 widths a second each: one hides the other.

    For 0.2 to 0.35 s, most often.
    """
    return _pass(rng, (2.0, 3.5), (0.0, 0.3), hides=True)


def beside(rng: np.random.Generator) -> Scene:
    """Two faces that pass, one half to one above the other, so that both are always found."""
    return _pass(rng, (0.3, 3.5), (0.5, 0.9), hides=False)


def _pass(
    rng: np.random.Generator,
    widths_per_s: tuple[float, float],
    apart: tuple[float, float],
    hides: bool,
) -> Scene:
    side = rng.uniform(80, 120)
    sides = side, side * rng.uniform(0.8, 1.25)
    right, left = rng.uniform(*widths_per_s, 2) * side
    down = rng.uniform(-40, 40, 2)
    above = rng.uniform(*apart) * side * rng.choice((-1, 1))
    return Scene(
        (
            lambda t: (320 + right * (t - 1.2), 240 + down[0] * (t - 1.2), sides[0]),
            lambda t: (320 - left * (t - 1.2), 240 + above + down[1] * (t - 1.2), sides[1]),
        ),
        2.4,
        hides=hides,
    )


def meeting(rng: np.random.Generator) -> Scene:
    """Two faces that come together cheek to cheek and part again, twice or so."""
    sides, far, pace = rng.uniform(80, 130, 2), rng.uniform(40, 80), rng.uniform(2, 4)
    near = 0.4 * sides.mean()
    return Scene(
        (
            lambda t: (320 - near - far * (1 + np.cos(pace * t)), 240, sides[0]),
            lambda t: (320 + near + far * (1 + np.cos(pace * t)), 240, sides[1]),
        ),
        3.0,
    )


def hurrying(rng: np.random.Generator) -> Scene:
    """One face that hurries to and fro, at up to 3 to 5 of its widths a second."""
    side, far, phase = rng.uniform(80, 130), rng.uniform(150, 220), rng.uniform(0, 6)
    pace = rng.uniform(3, 5) * side / far
    return Scene(
        (
            lambda t: (
                320 + far * np.cos(pace * t + phase), 240 + 40 * np.sin(0.7 * pace * t), side,
            ),
        ),
        4.0,
    )  # fmt: skip


def leaving(away_s: float) -> Callable[[np.random.Generator], Scene]:
    """Return what makes one moving face that is not there for some seconds, and goes on."""

    def make(rng: np.random.Generator) -> Scene:
        side, pace, goes_s = rng.uniform(80, 130), rng.uniform(-150, 150), rng.uniform(0.8, 1.2)
        return Scene(
            (lambda t: (320 + pace * (t - 1.2), 240 + 0.3 * pace * (t - 1.2), side),),
            3.0,
            (goes_s, goes_s + away_s),
        )

    return make
