"""Recognition beside a live video, which never waits for it. Knows nothing of Streamlit."""

import threading
from collections.abc import Callable
from dataclasses import replace
from time import monotonic

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.vision.faces import DETECTORS, Detector
from pipeline.vision.meters import Durations, Rate
from pipeline.vision.overlay import draw_face, draw_problem
from pipeline.vision.reader import FaceReader
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.snapshot import LiveSettings, Snapshot

_SIDE = 480
_IDLE_S = 5.0
_RETRY_S = 0.2


class LiveProcessor:
    """Draws the faces known last on each frame, while a thread of its own looks at the newest.

    The thread starts with the first frame, ends after five seconds without one, and is started
    again by the next. All methods may be called from any thread.

    Args:
        recognizer: the model; each worker makes an infer request of its own from it.
        settings: what a viewer may choose.
        make_detector: called by each worker with the side of the smallest face, in pixels.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        settings: LiveSettings | None = None,
        make_detector: Callable[[int], Detector] = DETECTORS["haar"],
    ) -> None:
        self._recognizer = recognizer
        self._settings = settings or LiveSettings()
        self._make_detector = make_detector
        self._changed = threading.Condition()
        self._worker: threading.Thread | None = None
        self._forget()

    def configure(self, settings: LiveSettings) -> None:
        """Change the settings: the next frame starts a worker with them."""
        if settings != self._settings:
            self._settings = settings
            self.stop()

    def recv(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Process a frame of a stream. Never raises: streamlit-webrtc would freeze the video."""
        try:
            frame_bgr = frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
            drawn = self.process(frame_bgr)
            return av.VideoFrame.from_ndarray(drawn, format="bgr24")
        except Exception as error:
            self._report(error)
            return frame

    def process(self, frame_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Hand a frame, uint8 (h, w, 3), to the worker and draw the known faces on it.

        Takes about 2 ms and never raises: a problem is written on the frame.
        """
        started = monotonic()
        try:
            gray = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
            seen = self._hand_over(gray, started)
            for face in seen.faces:
                draw_face(frame_bgr, face.box, face.number, face.emotion, face.confidence)
            if seen.problem:
                draw_problem(frame_bgr, seen.problem)
            with self._changed:
                self._drawing.add("draw", monotonic() - started)
        except Exception as error:
            self._report(error)
        return frame_bgr

    def snapshot(self) -> Snapshot:
        """Return what there is to show now."""
        now = monotonic()
        with self._changed:
            return replace(
                self._seen,
                running=self._worker is not None,
                frames_per_s=self._frames.per_s(now),
                recognitions_per_s=self._looks.per_s(now),
                stage_ms={**self._seen.stage_ms, **self._drawing.ms},
                dropped=self._dropped,
            )

    def stop(self) -> None:
        """Let the worker go at once and forget what it saw; the next frame starts another."""
        with self._changed:
            self._worker = None
            self._forget()
            self._changed.notify_all()

    def _forget(self) -> None:
        self._newest: NDArray[np.uint8] | None = None
        self._seen = Snapshot()
        self._frames, self._looks, self._drawing = Rate(), Rate(), Durations()
        self._dropped = 0

    def _report(self, error: Exception) -> None:
        text = f"Recognition fails: {type(error).__name__}: {error}".rstrip(".") + "."
        with self._changed:
            self._seen = Snapshot(problem=text)

    def _hand_over(self, gray: NDArray[np.uint8], now: float) -> Snapshot:
        with self._changed:
            self._frames.tick(now)
            self._dropped += self._newest is not None
            self._newest = gray
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="live", daemon=True)
                self._worker.start()
            self._changed.notify_all()
            return self._seen

    def _work(self) -> None:
        reader: FaceReader | None = None
        shape: tuple[int, ...] = ()
        due = 0.0
        while (gray := self._next_frame(due)) is not None:
            started = monotonic()
            due = started + 1 / self._settings.recognitions_per_s
            try:
                if reader is None or gray.shape != shape:  # browsers change the size under load
                    reader, shape = self._make_reader(min(gray.shape)), gray.shape
                faces = reader.read(gray, started)
                self._publish(Snapshot(faces, stage_ms=dict(reader.durations.ms)), started)
            except Exception as error:
                due = started + _RETRY_S
                with self._changed:
                    if self._is_current():
                        self._report(error)

    def _make_reader(self, side: int) -> FaceReader:
        detector = self._make_detector(max(24, self._settings.smallest_face * side // _SIDE))
        return FaceReader(detector, self._recognizer.share(), self._settings.smoothing_s)

    def _is_current(self) -> bool:
        return self._worker is threading.current_thread()

    def _publish(self, seen: Snapshot, now: float) -> None:
        with self._changed:
            if self._is_current():
                self._looks.tick(now)
                self._seen = seen

    def _next_frame(self, due: float) -> NDArray[np.uint8] | None:
        """Wait for a frame and until it is due; None if this worker is to end."""
        with self._changed:
            end = monotonic() + _IDLE_S
            while self._is_current():
                now = monotonic()
                if self._newest is not None and now >= due:
                    gray, self._newest = self._newest, None
                    return gray
                if now >= end:
                    self.stop()
                    break
                self._changed.wait((due if self._newest is not None else end) - now)
        return None
