"""Recognition beside a live video, which never waits for it. Knows nothing of Streamlit."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.vision.faces import DETECTORS, Detector
from pipeline.vision.meters import Durations, Rate
from pipeline.vision.places import Places
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.snapshot import LiveSettings, Snapshot
from pipeline.vision.timeline import Timeline
from pipeline.vision.view import draw_look
from pipeline.vision.worker import Look, Plan, Worker, describe

_IDLE_S = 5.0
_HUNG_S = 5.0
_MOST_HUNG = 3


@dataclass
class _Meters:
    came: Rate = field(default_factory=Rate)
    went: Rate = field(default_factory=Rate)
    looks: Rate = field(default_factory=Rate)
    durations: Durations = field(default_factory=Durations)
    dropped: int = 0


class LiveProcessor:
    """Draws the faces known last on each frame, while a worker looks at the newest.

    The worker starts with the first frame, ends after five seconds without one, and is started
    again by the next; one that has hung for five seconds is replaced. All methods may be called
    from any thread.

    Args:
        recognizer: the model; each worker makes an infer request of its own from it.
        settings: what a viewer may choose.
        places: for how many processors there is room, or none for any number.
        detectors: the face detectors by name.

    Attributes:
        timeline: what the faces have shown.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        settings: LiveSettings | None = None,
        places: Places | None = None,
        detectors: Mapping[str, type[Detector]] = DETECTORS,
    ) -> None:
        self.timeline = Timeline()
        self._plan = Plan(recognizer, settings or LiveSettings(), detectors)
        self._places = places
        self._lock = threading.Lock()
        self._worker: Worker | None = None
        self._hung: list[Worker] = []
        self._picture: NDArray[np.uint8] | None = None
        self._look, self._meters = Look(), _Meters()

    def configure(self, settings: LiveSettings) -> None:
        """Change the settings; faces on screen keep their numbers."""
        with self._lock:
            self._plan = self._plan._replace(settings=settings)

    def use(self, recognizer: Recognizer) -> None:
        """Change the model; faces on screen keep their numbers."""
        with self._lock:
            if not recognizer.same_model(self._plan.recognizer):
                self._plan = self._plan._replace(recognizer=recognizer)

    def recv(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Process a frame of a stream. Never raises: streamlit-webrtc would freeze the video."""
        started = monotonic()
        try:
            frame_bgr = frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
            with self._lock:
                self._meters.durations.add("decode", monotonic() - started)
            return av.VideoFrame.from_ndarray(self.process(frame_bgr), format="bgr24")
        except Exception as error:
            self._report(error)
            if not self._plan.settings.hide_faces:
                return frame
            # A fresh av.VideoFrame is not blank: it holds what lay in its memory, such as a face.
            black = np.zeros((frame.height, frame.width, 3), np.uint8)
            return av.VideoFrame.from_ndarray(black, format="bgr24")

    def process(self, frame_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Hand a frame, uint8 (h, w, 3), to the worker and draw the known faces on it.

        Takes about 2 ms and never raises: a problem is written on the frame.

        Returns:
            The same array, drawn on; or a new one, if the video is mirrored.
        """
        started = monotonic()
        try:
            gray = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
            look = self._hand_over(gray, started)
            frame_bgr = draw_look(frame_bgr, look, self._plan.settings, started)
            with self._lock:
                now = monotonic()
                self._meters.durations.add("draw", now - started)
                self._meters.went.tick(now)
                self._picture = frame_bgr
        except Exception as error:
            self._report(error)
            if self._plan.settings.hide_faces:
                return np.zeros_like(frame_bgr)
        return frame_bgr

    def snapshot(self) -> Snapshot:
        """Return what there is to show now."""
        now = monotonic()
        with self._lock:
            return Snapshot(
                faces=self._look.faces,
                running=self._worker is not None,
                frames_in_per_s=self._meters.came.per_s(now),
                frames_out_per_s=self._meters.went.per_s(now),
                recognitions_per_s=self._meters.looks.per_s(now),
                stages=self._meters.durations.spreads(),
                dropped=self._meters.dropped,
                problem=self._look.problem,
            )

    def picture(self) -> NDArray[np.uint8] | None:
        """Return the newest frame as it was drawn, BGR uint8 (h, w, 3); None without a video."""
        with self._lock:
            return None if self._picture is None else self._picture.copy()

    def stop(self) -> None:
        """Let the worker go at once and forget what it saw; the next frame starts another."""
        with self._lock:
            if self._worker is not None:
                self._worker.end()
                self._hung.append(self._worker)  # in case it hangs; else it is gone by the next
            self._let_go()

    def _let_go(self) -> None:
        self._worker = self._picture = None
        self._look, self._meters = Look(), _Meters()
        self.timeline.forget()
        if self._places:
            self._places.free(self)

    def _report(self, error: Exception) -> None:
        with self._lock:
            self._look = Look(problem=describe(error))

    def _hand_over(self, gray: NDArray[np.uint8], now: float) -> Look:
        with self._lock:
            self._meters.came.tick(now)
            if self._worker is not None and self._worker.looking_s(now) > _HUNG_S:
                self._worker.end()
                self._hung.append(self._worker)
                self._worker = None
                self._look = Look(problem="Recognition hung for 5 seconds and was started anew.")
            if self._worker is None or not self._worker.alive:
                self._worker = self._start()
            if self._worker is not None:
                self._meters.dropped += self._worker.offer(gray, now)
            return self._look

    def _start(self) -> Worker | None:
        """Start a worker; None if there is no place for one, which the look then says."""
        self._hung = [worker for worker in self._hung if worker.alive]
        if len(self._hung) >= _MOST_HUNG:
            problem = "Recognition hangs again and again: choose another model or detector."
        elif self._places and not self._places.take(self):
            problem = f"All {self._places.limit} places are taken: try again in a while."
        else:
            return Worker(lambda: self._plan, self._publish, self._release, _IDLE_S)
        self._look = Look(problem=problem)
        return None

    def _publish(self, worker: Worker, look: Look) -> None:
        with self._lock:
            if worker is not self._worker:
                return
            self._look = look
            if look.problem is None:
                self._meters.looks.tick(monotonic())
            for stage, seconds in look.seconds.items():
                self._meters.durations.add(stage, seconds)
            self.timeline.add(look.faces, look.frame_s)

    def _release(self, worker: Worker) -> None:
        """Let a worker go that has ended itself."""
        with self._lock:
            if worker is self._worker:
                self._let_go()
