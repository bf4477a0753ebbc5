"""How a face moves, and so where it is to be expected."""

from dataclasses import dataclass
from math import exp

from pipeline.vision.boxes import Box
from pipeline.vision.track import Track

_SMOOTHING_S = 0.15
_DAMPING_S = 1.0


@dataclass
class Motion:
    """A track and its speed, smoothed while the face is seen and dying away while it is not.

    Attributes:
        track: whose box and time of the last sighting are moved on from.
        speed: across and down, in pixels a second.
    """

    track: Track
    speed: tuple[float, float] = (0.0, 0.0)

    def see(self, box: Box, now_s: float) -> None:
        """Take in a sighting: after 0.15 s 63 % of the old speed is forgotten."""
        track = self.track
        passed_s = now_s - track.seen_s
        if passed_s > 0:
            gain = 1 - exp(-passed_s / _SMOOTHING_S)
            (x, y), (old_x, old_y), (across, down) = middle(box), middle(track.box), self.speed
            self.speed = (
                across + gain * ((x - old_x) / passed_s - across),
                down + gain * ((y - old_y) / passed_s - down),
            )
        track.box, track.seen_s = box, now_s
        track.sightings += 1

    def expected(self, now_s: float) -> Box:
        """Return where the face should be by now, as large as it was."""
        lasting_s = _DAMPING_S * (1 - exp((self.track.seen_s - now_s) / _DAMPING_S))
        box, (across, down) = self.track.box, self.speed
        return box._replace(x=box.x + round(across * lasting_s), y=box.y + round(down * lasting_s))


def middle(box: Box) -> tuple[float, float]:
    """Return the middle of a box."""
    return box.x + box.width / 2, box.y + box.height / 2
