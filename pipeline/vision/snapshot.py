"""What a viewer of the live video may choose, and what there is to show."""

from dataclasses import dataclass, field

from pipeline.vision.reader import ShownFace


@dataclass(frozen=True)
class LiveSettings:
    """What a viewer may choose.

    Attributes:
        smallest_face: side of the smallest face looked for, in pixels of a 640x480 video; scaled
            to the video's shorter side.
        smoothing_s: time over which probabilities are averaged, 0 for none.
        recognitions_per_s: how many frames are looked at in a second, at most.
    """

    smallest_face: int = 60
    smoothing_s: float = 0.4
    recognitions_per_s: float = 15.0


@dataclass(frozen=True)
class Snapshot:
    """What there is to show at one moment.

    Attributes:
        faces: the faces on screen, oldest first.
        running: whether the worker is alive.
        frames_per_s: frames that came in.
        recognitions_per_s: frames in which faces were looked for and recognised.
        stage_ms: mean durations of `detect` and `recognise`, which the video does not wait for,
            and of `draw`, which it does.
        dropped: frames that only carried the faces of an earlier one.
        problem: why recognition fails at present.
    """

    faces: tuple[ShownFace, ...] = ()
    running: bool = False
    frames_per_s: float = 0.0
    recognitions_per_s: float = 0.0
    stage_ms: dict[str, float] = field(default_factory=dict)
    dropped: int = 0
    problem: str | None = None
