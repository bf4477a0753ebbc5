"""Settings of the Live page."""

from dataclasses import dataclass

_REFERENCE_SIDE = 480
_MIN_FACE = 24


@dataclass(frozen=True)
class LiveSettings:
    """Settings that a viewer can change while the video plays.

    Attributes:
        smallest_face: side of the smallest face to detect, in pixels of a 640x480 video.
        smoothing_s: time constant over which probabilities are averaged, 0 for none.
        recognitions_per_s: how many frames a second are processed, at most.
        detector: one of `DETECTORS`.
        mirror: show the video mirrored; the model's input is not.
        bars: draw the seven confidences beside each face.
        activation_map: blend the class activation map over each face.
        hide_faces: blur every face, and the whole frame while their positions are unknown.
        large: draw large lines and labels, for an audience.
    """

    smallest_face: int = 60
    smoothing_s: float = 0.4
    recognitions_per_s: float = 16.0
    detector: str = "haar"
    mirror: bool = False
    bars: bool = False
    activation_map: bool = False
    hide_faces: bool = False
    large: bool = False

    @property
    def smallest_share(self) -> float:
        """The side of the smallest face as a share of the video's shorter side."""
        return self.smallest_face / _REFERENCE_SIDE


def scale_smallest_face(smallest_face: int, height: int, width: int) -> int:
    """Scale the side of the smallest face from a 640x480 video to another size, in pixels."""
    return max(_MIN_FACE, smallest_face * min(height, width) // _REFERENCE_SIDE)
