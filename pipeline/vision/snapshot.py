"""What a viewer of the live video may choose, and what there is to show."""

from dataclasses import dataclass, field

from pipeline.vision.meters import Spread
from pipeline.vision.reader import ShownFace

_SIDE = 480
_SMALLEST = 24


@dataclass(frozen=True)
class LiveSettings:
    """What a viewer may choose.

    Attributes:
        smallest_face: side of the smallest face looked for, in pixels of a 640x480 video.
        smoothing_s: time over which probabilities are averaged, 0 for none.
        recognitions_per_s: how many frames are looked at in a second, at most.
        detector: one of `DETECTORS`.
        mirror: show the video as a mirror does; what models see stays as it was filmed.
        bars: draw the seven probabilities beside each face.
        activation_map: lay over each face what of it speaks for its emotion.
        hide_faces: blur every face, and the whole picture while it is not known where they are.
    """

    smallest_face: int = 60
    smoothing_s: float = 0.4
    recognitions_per_s: float = 16.0
    detector: str = "haar"
    mirror: bool = False
    bars: bool = False
    activation_map: bool = False
    hide_faces: bool = False


def smallest_side(smallest_face: int, height: int, width: int) -> int:
    """Scale the smallest face's side from a 640x480 video to one of another size, in pixels."""
    return max(_SMALLEST, smallest_face * min(height, width) // _SIDE)


@dataclass(frozen=True)
class Snapshot:
    """What there is to show at one moment.

    Attributes:
        faces: the faces on screen, oldest first.
        running: whether the worker is alive.
        frames_in_per_s: frames that came in.
        frames_out_per_s: frames that went back.
        recognitions_per_s: frames in which faces were looked for and recognised.
        stages: the durations of `decode` and `draw`, which the video waits for, of `detect` and
            `recognise`, which it does not wait for, and of `frame to faces`: from when a frame
            came in until its faces were known.
        dropped: frames that only carried the faces of an earlier one.
        problem: why recognition fails at present.
    """

    faces: tuple[ShownFace, ...] = ()
    running: bool = False
    frames_in_per_s: float = 0.0
    frames_out_per_s: float = 0.0
    recognitions_per_s: float = 0.0
    stages: dict[str, Spread] = field(default_factory=dict)
    dropped: int = 0
    problem: str | None = None
