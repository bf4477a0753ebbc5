"""Where a face that was seen before is to be expected."""

from math import exp

from pipeline.vision.boxes import Box

_SMOOTHING_S = 0.15
_DAMPING_S = 0.6


class Motion:
    """A face's last place and its smoothed speed, which dies away while the face is not seen.

    Args:
        box: where it was seen first.
        now_s: when.
    """

    def __init__(self, box: Box, now_s: float) -> None:
        self._box = box
        self._seen_s = now_s
        self._speed = (0.0, 0.0)

    def see(self, box: Box, now_s: float) -> None:
        """Take in where the face was seen: after 0.15 s 63 % of the old speed is forgotten."""
        passed_s = now_s - self._seen_s
        if passed_s > 0:
            gain = 1 - exp(-passed_s / _SMOOTHING_S)
            moved = (at - was for at, was in zip(middle(box), middle(self._box), strict=True))
            across, down = (
                old + gain * (by / passed_s - old)
                for by, old in zip(moved, self._speed, strict=True)
            )
            self._speed = across, down
        self._box, self._seen_s = box, now_s

    def unseen_s(self, now_s: float) -> float:
        """Return for how long it has not been seen."""
        return now_s - self._seen_s

    def expected(self, now_s: float) -> Box:
        """Return where it should be by now, as large as it was."""
        lasting_s = _DAMPING_S * (1 - exp(-self.unseen_s(now_s) / _DAMPING_S))
        across, down = (round(speed * lasting_s) for speed in self._speed)
        return self._box._replace(x=self._box.x + across, y=self._box.y + down)


def middle(box: Box) -> tuple[float, float]:
    """Return the middle of a box."""
    return box.x + box.width / 2, box.y + box.height / 2
