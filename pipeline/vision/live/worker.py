"""The thread that detects, tracks and recognizes the faces of a live video's newest frame."""

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.heaps import trim_heaps
from pipeline.vision.boxes import Box
from pipeline.vision.detectors import DETECTORS
from pipeline.vision.face_pipeline import FacePipeline
from pipeline.vision.face_prediction import FacePrediction
from pipeline.vision.live.settings import LiveSettings, scale_smallest_face
from pipeline.vision.recognizer import Recognizer

_RETRY_S = 0.2
_NICENESS = 5  # above that of the process
_START_RESULTS = 60  # after about 4 s the connection is set up, which takes 24 MB for a while
_MAX_DETECTION_S, _MAX_RECOGNITION_S = 0.04, 0.05


class WorkerConfig(NamedTuple):
    """The model and the settings that a worker uses."""

    recognizer: Recognizer
    settings: LiveSettings


@dataclass(frozen=True)
class FrameResult:
    """The faces of one frame.

    Attributes:
        frame_s: when the frame came in.
        faces: the faces on screen, by track id.
        boxes: of all tracks, also of those that are not shown yet.
        stage_s: how long each stage took.
        recognized_share: of the faces, 0-1; the others had their turn in an earlier frame.
        size: height and width of the frame, in pixels.
        problem: why recognition failed.
    """

    frame_s: float = 0.0
    faces: tuple[FacePrediction, ...] = ()
    boxes: tuple[Box, ...] = ()
    stage_s: dict[str, float] = field(default_factory=dict)
    recognized_share: float = 1.0
    size: tuple[int, ...] = ()
    problem: str | None = None


class Worker:
    """Processes the newest frame in a loop, until it is stopped or no more frames come.

    Args:
        config: called before each frame, since a viewer can change it at any time.
        publish: called with each result, in the worker's thread.
        on_idle: called, in its thread, when it ends for lack of frames.
        idle_s: seconds without a frame after which it ends.

    Attributes:
        loading: whether it creates the detector or the model's infer request.
    """

    def __init__(
        self,
        config: Callable[[], WorkerConfig],
        publish: Callable[["Worker", FrameResult], None],
        on_idle: Callable[["Worker"], None],
        idle_s: float,
    ) -> None:
        self._config, self._publish = config, publish
        self._on_idle, self._idle_s = on_idle, idle_s
        self.loading = False
        self._changed = threading.Condition()
        self._newest: tuple[NDArray[np.uint8], float] | None = None
        self._stopped = False
        self._busy_since: float | None = None
        self._pipeline: FacePipeline | None = None
        self._size: tuple[int, ...] = ()
        self._recognizer: Recognizer | None = None
        self._detector: tuple[str, int] | None = None
        self._thread = threading.Thread(target=self._work, name="live", daemon=True)
        self._thread.start()

    def submit(self, gray: NDArray[np.uint8], now_s: float) -> bool:
        """Hand over the newest frame, uint8 (h, w); return whether the one before is dropped."""
        with self._changed:
            drops = self._newest is not None
            self._newest = gray, now_s
            self._changed.notify()
        return drops

    def stop(self) -> None:
        """End the thread as soon as it is done with its current frame."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    @property
    def alive(self) -> bool:
        """Whether the thread is alive."""
        return self._thread.is_alive()

    def busy_s(self, now_s: float) -> float:
        """Return for how many seconds it has been loading or processing a frame; 0 if it waits."""
        since = self._busy_since
        return 0.0 if since is None else now_s - since

    def _work(self) -> None:
        if sys.platform == "linux":  # there it is this thread's alone, which yields to the video's
            os.nice(_NICENESS)
        due, results = 0.0, 0
        while (frame := self._next_frame(due)) is not None:
            gray, frame_s = frame
            started = self._busy_since = monotonic()
            try:
                config = self._config()
                due = max(due + 1 / config.settings.recognitions_per_s, started)
                result = self._process(gray, frame_s, config)
            except Exception as error:
                due = started + _RETRY_S
                self._recognizer = self._detector = None  # either may be broken
                result = FrameResult(frame_s, problem=describe(error))
            self._busy_since = None
            self._publish(self, result)
            results += 1
            if results == _START_RESULTS:
                trim_heaps()

    def _process(
        self, gray: NDArray[np.uint8], frame_s: float, config: WorkerConfig
    ) -> FrameResult:
        self.loading = True
        try:
            pipeline = self._configured_pipeline(gray.shape, config)
        finally:
            self._busy_since = monotonic()
            self.loading = False
        faces = pipeline.process(gray, frame_s)
        stage_s = {**pipeline.stage_s, "frame to faces": monotonic() - frame_s}
        share = pipeline.recognized_share
        return FrameResult(frame_s, faces, pipeline.boxes, stage_s, share, gray.shape)

    def _configured_pipeline(self, size: tuple[int, ...], config: WorkerConfig) -> FacePipeline:
        """Return the pipeline, with its tracks, after applying what changed in the config."""
        recognizer, settings = config
        detector = settings.detector, scale_smallest_face(settings.smallest_face, *size)
        if self._pipeline is None or detector != self._detector:
            new = DETECTORS[settings.detector](detector[1])
            new.budget_s = _MAX_DETECTION_S
            if self._pipeline is None:
                self._pipeline = FacePipeline(
                    new, recognizer, settings.smoothing_s, max_recognition_s=_MAX_RECOGNITION_S
                )
            self._pipeline.detector = new
        pipeline = self._pipeline
        if self._size and size != self._size:  # browsers change the size under load
            pipeline.change_size(self._size, size)
        if recognizer is not self._recognizer:
            pipeline.set_recognizer(recognizer.share())
        pipeline.smoothing_s, pipeline.explain = settings.smoothing_s, settings.activation_map
        self._size, self._recognizer, self._detector = size, recognizer, detector
        return pipeline

    def _next_frame(self, due: float) -> tuple[NDArray[np.uint8], float] | None:
        """Wait for a frame and until it is due; None if the thread is to end."""
        with self._changed:
            end = monotonic() + self._idle_s
            while not self._stopped:
                now = monotonic()
                if self._newest is not None and now >= due:
                    newest, self._newest = self._newest, None
                    return newest
                if now >= end:
                    break
                self._changed.wait((due if self._newest is not None else end) - now)
            else:
                return None
        self._on_idle(self)
        return None


def describe(error: Exception) -> str:
    """Return one sentence on why recognition failed."""
    return f"Recognition fails: {type(error).__name__}: {error}".rstrip(" .:\n") + "."
