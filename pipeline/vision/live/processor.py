"""Recognition in a thread beside a live video, which never waits for it. No streamlit.

Path of a frame:

    browser              sends it over WebRTC; streamlit-webrtc decodes the packet
    recv()               av.VideoFrame -> BGR array                       the video's thread
    process()            BGR -> gray; submits it to the worker, as the newest frame
      worker (a thread)  takes the newest frame when the next recognition is due: worker.py
        detect           boxes of faces in the gray frame                 detectors/
        track            boxes -> tracks with ids                         tracking.py
        crop, recognize  48x48 face crops -> probabilities, one batch     boxes.py, recognizer.py
        smooth           average each track's probabilities over time     tracking.py
        publish          FrameResult -> the processor, snapshot, timeline
      draw               the latest result on this frame, at once         view.py, drawing.py
    recv()               BGR array -> av.VideoFrame, for the encoder, back to the browser
"""

import threading
from collections import Counter
from dataclasses import dataclass, field, replace
from time import monotonic

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from pipeline.vision.live.recording import VideoRecording
from pipeline.vision.live.settings import LiveSettings
from pipeline.vision.live.snapshot import RateMeter, Snapshot, StageTimer
from pipeline.vision.live.timeline import Timeline
from pipeline.vision.live.view import draw_result
from pipeline.vision.live.viewer_slots import ViewerSlots
from pipeline.vision.live.worker import FrameResult, Worker, WorkerConfig, describe
from pipeline.vision.recognizer import Recognizer

_IDLE_S = 5.0
_HUNG_S = 5.0
_HUNG_LOADING_S = 60.0  # BlazeFace takes half a second of processor time, a busy machine far longer
_MAX_HANGS = 2  # of a detector
_FALLBACK = "haar"
_MAX_HUNG_WORKERS = 3


@dataclass
class _Meters:
    frames_in: RateMeter = field(default_factory=RateMeter)
    frames_out: RateMeter = field(default_factory=RateMeter)
    recognitions: RateMeter = field(default_factory=RateMeter)
    stages: StageTimer = field(default_factory=StageTimer)
    dropped: int = 0


class LiveProcessor:
    """Draws the latest known faces on each frame, while a worker processes the newest frame.

    The worker starts with the first frame, ends after five seconds without one, and is started
    again by the next; one that has hung for five seconds, or for a minute while it loads, is
    replaced. A detector that has hung twice is replaced by `haar`, until the video ends. All
    methods may be called from any thread.

    Args:
        recognizer: the model; each worker makes an infer request of its own from it.
        settings: the viewer's settings.
        slots: the server's viewer slots; recognition needs one. None for no limit.

    Attributes:
        timeline: the predictions over time, and their recording.
        video: the recording of the frames as they are sent back, if one was started.
        recording_cut: whether the recording ended because no more frames came.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        settings: LiveSettings | None = None,
        slots: ViewerSlots | None = None,
    ) -> None:
        self.timeline = Timeline()
        self.video: VideoRecording | None = None
        self.recording_cut = False
        self._config = WorkerConfig(recognizer, settings or LiveSettings())
        self._slots = slots
        self._lock = threading.Lock()
        # One for all frames: to make one takes longer than to convert a frame.
        self._reformatter, self._reformatter_lock = VideoReformatter(), threading.Lock()
        self._worker: Worker | None = None
        self._stopped_workers: list[Worker] = []
        self._hangs: Counter[str] = Counter()  # by detector
        self._last_frame: NDArray[np.uint8] | None = None
        self._result, self._meters = FrameResult(), _Meters()

    def set_settings(self, settings: LiveSettings) -> None:
        """Change the settings; faces on screen keep their track ids."""
        with self._lock:
            self._config = self._config._replace(settings=settings)

    def set_recognizer(self, recognizer: Recognizer) -> None:
        """Change the model; faces on screen keep their track ids."""
        with self._lock:
            if not recognizer.same_model(self._config.recognizer):
                self._config = self._config._replace(recognizer=recognizer)

    def recv(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Process a frame of a stream. Never raises: streamlit-webrtc would freeze the video."""
        started = monotonic()
        try:
            # More threads would only make the video wait for those that get no core.
            with self._reformatter_lock:
                converted = self._reformatter.reformat(frame, format="bgr24", threads=1)
            frame_bgr = converted.to_ndarray().astype(np.uint8, copy=False)  # shares its memory
            conversion_s = monotonic() - started
            frame_bgr = self.process(frame_bgr)
            drawn = monotonic()
            returned = _encodable(frame_bgr)
            with self._lock:
                self._meters.stages.add("convert", conversion_s + monotonic() - drawn)
            return returned
        except Exception as error:
            self._set_problem(error)
            if not self._config.settings.hide_faces:
                return frame
            # A new av.VideoFrame is not blank: its memory may hold an earlier image of a face.
            black = np.zeros((frame.height, frame.width, 3), np.uint8)
            return av.VideoFrame.from_ndarray(black, format="bgr24")

    def process(self, frame_bgr: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Submit a frame, uint8 (h, w, 3), to the worker and draw the latest known faces on it.

        Takes about 1 ms and never raises: a problem is written on the frame.

        Returns:
            The same array, drawn on; a black one, if faces are to be hidden and that fails.
        """
        started = monotonic()
        try:
            gray = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
            result = self._submit(gray, started)
            draw_result(frame_bgr, result, self._config.settings, started)
            with self._lock:
                now = monotonic()
                self._meters.stages.add("draw", now - started)
                self._meters.frames_out.tick(now)
                self._last_frame = frame_bgr
                if (video := self.video) is not None:
                    video.add(frame_bgr, started)
        except Exception as error:
            self._set_problem(error)
            if self._config.settings.hide_faces:
                return np.zeros_like(frame_bgr)
        return frame_bgr

    def snapshot(self) -> Snapshot:
        """Return faces, rates, stage times, drops and the latest problem."""
        now = monotonic()
        with self._lock:
            return Snapshot(
                faces=self._result.faces,
                running=self._worker is not None,
                frames_in_per_s=self._meters.frames_in.per_s(now),
                frames_out_per_s=self._meters.frames_out.per_s(now),
                recognitions_per_s=self._meters.recognitions.per_s(now),
                stages=self._meters.stages.percentiles(),
                dropped=self._meters.dropped,
                problem=self._result.problem,
                loading=self._worker is not None and self._worker.loading,
                notice=self._notice(),
            )

    def last_frame(self) -> NDArray[np.uint8] | None:
        """Return a copy of the last frame as drawn, BGR uint8 (h, w, 3); None without a video."""
        with self._lock:
            return None if self._last_frame is None else self._last_frame.copy()

    def record(self, *, with_video: bool) -> None:
        """Record predictions from now on, and the video if asked for; drop an earlier recording.

        It ends when no more frames come, and when the predictions reach their limit.
        """
        with self._lock:
            self._discard_recording()
            self.timeline.start_recording()
            self.video = VideoRecording() if with_video else None

    def stop_recording(self) -> None:
        """Stop the recording, which stays in memory."""
        with self._lock:
            self._stop_recording()

    def discard_recording(self) -> None:
        """Stop the recording and drop it."""
        with self._lock:
            self._discard_recording()

    def stop(self) -> None:
        """Stop the worker and drop its results; the next frame starts another worker."""
        with self._lock:
            if self._worker is not None:
                self._stop_worker(self._worker)
            self._reset()

    def _stop_recording(self) -> None:
        self.timeline.stop_recording()
        if self.video is not None:
            self.video.finish()

    def _discard_recording(self) -> None:
        self._stop_recording()
        self.timeline.discard_recording()
        self.video, self.recording_cut = None, False

    def _stop_worker(self, worker: Worker) -> None:
        worker.stop()
        self._stopped_workers.append(worker)  # in case it hangs; else it is gone by the next start

    def _reset(self) -> None:
        self._worker = self._last_frame = None
        self._result, self._meters = FrameResult(), _Meters()
        self._hangs.clear()
        self.timeline.clear_recent()
        if self.timeline.recording:
            self._stop_recording()
            self.recording_cut = True
        if self._slots:
            self._slots.release(self)

    def _set_problem(self, error: Exception) -> None:
        with self._lock:
            self._result = FrameResult(problem=describe(error))

    def _submit(self, gray: NDArray[np.uint8], now: float) -> FrameResult:
        """Hand the frame to a worker that is alive; return the latest result."""
        with self._lock:
            self._meters.frames_in.tick(now)
            if self._worker is not None:
                self._stop_if_hung(self._worker, now)
            if self._worker is None or not self._worker.alive:
                self._worker = self._start_worker()
            if self._worker is not None:
                self._meters.dropped += self._worker.submit(gray, now)
            return self._result

    def _stop_if_hung(self, worker: Worker, now: float) -> None:
        limit_s = _HUNG_LOADING_S if worker.loading else _HUNG_S
        if worker.busy_s(now) > limit_s:
            self._stop_worker(worker)
            self._worker = None
            self._hangs[self._detector()] += 1
            problem = f"Recognition hung for {limit_s:.0f} seconds and was restarted."
            self._result = FrameResult(problem=problem)

    def _detector(self) -> str:
        chosen = self._config.settings.detector
        return _FALLBACK if self._hangs[chosen] >= _MAX_HANGS else chosen

    def _notice(self) -> str | None:
        chosen = self._config.settings.detector
        if self._detector() == chosen:
            return None
        return f"The detector {chosen} hung twice, so {_FALLBACK} is used until the next START."

    def _worker_config(self) -> WorkerConfig:
        config = self._config
        return config._replace(settings=replace(config.settings, detector=self._detector()))

    def _start_worker(self) -> Worker | None:
        """Start a worker; or return None and set the problem, if no more may be started."""
        self._stopped_workers = [worker for worker in self._stopped_workers if worker.alive]
        if len(self._stopped_workers) >= _MAX_HUNG_WORKERS:
            problem = "Recognition hangs repeatedly: choose another model or detector."
        elif self._slots and not self._slots.acquire(self):
            problem = f"All {self._slots.limit} viewer slots are in use: try again later."
        else:
            return Worker(self._worker_config, self._publish, self._on_idle, _IDLE_S)
        self._result = FrameResult(problem=problem)
        return None

    def _publish(self, worker: Worker, result: FrameResult) -> None:
        with self._lock:
            if worker is not self._worker:
                return
            self._result = result
            if result.problem is None:
                self._meters.recognitions.tick(monotonic(), result.recognized_share)
            for stage, seconds in result.stage_s.items():
                self._meters.stages.add(stage, seconds)
            recording = self.timeline.recording
            self.timeline.add(result.faces, result.frame_s)
            if recording and not self.timeline.recording:  # it has reached its limit
                self._stop_recording()

    def _on_idle(self, worker: Worker) -> None:
        with self._lock:
            if worker is self._worker:
                self._reset()


def _encodable(frame_bgr: NDArray[np.uint8]) -> av.VideoFrame:
    """Return a frame in the encoder's format, uint8 (h, w, 3) in.

    The encoder would convert it in twice the time, with threads that it starts for each frame.
    """
    height, width = frame_bgr.shape[:2]
    if width % 2 or height % 4:  # which PyAV would cut
        return av.VideoFrame.from_numpy_buffer(frame_bgr, format="bgr24")
    yuv = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2YUV_I420).astype(np.uint8, copy=False)
    return av.VideoFrame.from_numpy_buffer(yuv, format="yuv420p")
