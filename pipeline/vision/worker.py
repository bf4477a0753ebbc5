"""The thread that looks at the newest frame of a live video."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.vision.faces import Box, Detector
from pipeline.vision.reader import FaceReader, ShownFace
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.snapshot import LiveSettings, smallest_side

_RETRY_S = 0.2
_LONGEST_S = 0.05


class Plan(NamedTuple):
    """What to look with."""

    recognizer: Recognizer
    settings: LiveSettings
    detectors: Mapping[str, type[Detector]]


@dataclass(frozen=True)
class Look:
    """What was seen in a frame.

    Attributes:
        frame_s: when the frame came in.
        faces: the faces on screen, oldest first.
        boxes: where there are faces, also those that do not show yet.
        seconds: what each stage took.
        size: height and width of the frame, in pixels.
        problem: why nothing was seen.
    """

    frame_s: float = 0.0
    faces: tuple[ShownFace, ...] = ()
    boxes: tuple[Box, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    size: tuple[int, ...] = ()
    problem: str | None = None


class Worker:
    """Looks at the newest frame again and again until it is told to end, or none comes.

    Args:
        plan: asked before each look, since a viewer may choose otherwise at any time.
        publish: given what was seen, in the worker's thread.
        ended: called at the end of one that nobody told to end.
        idle_s: seconds without a frame after which it ends.
    """

    def __init__(
        self,
        plan: Callable[[], Plan],
        publish: Callable[["Worker", Look], None],
        ended: Callable[["Worker"], None],
        idle_s: float,
    ) -> None:
        self._plan, self._publish, self._ended, self._idle_s = plan, publish, ended, idle_s
        self._changed = threading.Condition()
        self._newest: tuple[NDArray[np.uint8], float] | None = None
        self._working = True
        self._look_began: float | None = None
        self._reader: FaceReader | None = None
        self._shape: tuple[int, ...] = ()
        self._recognizer: Recognizer | None = None
        self._detector: tuple[str, int] | None = None
        self._thread = threading.Thread(target=self._work, name="live", daemon=True)
        self._thread.start()

    def offer(self, gray: NDArray[np.uint8], now_s: float) -> bool:
        """Hand over the newest frame, uint8 (h, w); tell whether the one before was passed over."""
        with self._changed:
            passed_over = self._newest is not None
            self._newest = gray, now_s
            self._changed.notify()
        return passed_over

    def end(self) -> None:
        """Let the thread go as soon as it is done with what it looks at."""
        with self._changed:
            self._working = False
            self._changed.notify()

    @property
    def alive(self) -> bool:
        """Whether the thread is still there."""
        return self._thread.is_alive()

    def looking_s(self, now_s: float) -> float:
        """Return for how many seconds it has been looking at one frame; 0 if it does not."""
        began = self._look_began
        return 0.0 if began is None else now_s - began

    def _work(self) -> None:
        due = 0.0
        while (frame := self._next_frame(due)) is not None:
            gray, came = frame
            started = self._look_began = monotonic()
            try:
                plan = self._plan()
                due = max(due + 1 / plan.settings.recognitions_per_s, started)
                look = self._look(gray, came, plan)
            except Exception as error:
                due = started + _RETRY_S
                self._recognizer = self._detector = None  # either may be what is broken
                look = Look(came, problem=describe(error))
            self._look_began = None
            self._publish(self, look)

    def _look(self, gray: NDArray[np.uint8], came: float, plan: Plan) -> Look:
        reader = self._prepared(gray, plan)
        faces = reader.read(gray, came)
        seconds = {**reader.seconds, "frame to faces": monotonic() - came}
        return Look(came, faces, reader.boxes, seconds, gray.shape)

    def _prepared(self, gray: NDArray[np.uint8], plan: Plan) -> FaceReader:
        """Return the reader as the plan wants it, with what it has tracked so far."""
        settings = plan.settings
        detector = settings.detector, smallest_side(settings.smallest_face, *gray.shape)
        reader = self._reader
        if reader is None:
            made = plan.detectors[detector[0]](detector[1])
            reader = FaceReader(
                made, plan.recognizer.share(), settings.smoothing_s, longest_s=_LONGEST_S
            )
        elif detector != self._detector:
            reader.detector = plan.detectors[detector[0]](detector[1])
        if gray.shape != self._shape:  # browsers change the size under load
            reader.begin_anew()
        if plan.recognizer is not self._recognizer:
            reader.use(plan.recognizer.share())
        reader.smoothing_s, reader.explains = settings.smoothing_s, settings.activation_map
        self._reader, self._shape = reader, gray.shape
        self._recognizer, self._detector = plan.recognizer, detector
        return reader

    def _next_frame(self, due: float) -> tuple[NDArray[np.uint8], float] | None:
        """Wait for a frame and until it is due; None if the thread is to end."""
        with self._changed:
            end = monotonic() + self._idle_s
            while self._working:
                now = monotonic()
                if self._newest is not None and now >= due:
                    newest, self._newest = self._newest, None
                    return newest
                if now >= end:
                    break
                self._changed.wait((due if self._newest is not None else end) - now)
            else:
                return None
        self._ended(self)
        return None


def describe(error: Exception) -> str:
    """Return what to say of a failed look."""
    return f"Recognition fails: {type(error).__name__}: {error}".rstrip(" .:\n") + "."
