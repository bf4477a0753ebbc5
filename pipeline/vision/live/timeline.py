"""Predictions over time: the last minute, and a recording that can be saved as CSV."""

import threading
from collections import deque
from collections.abc import Iterable, Sequence

import pandas as pd

from pipeline.labels import EMOTIONS
from pipeline.storage import csv_text
from pipeline.vision.face_prediction import FacePrediction

WINDOW_S = 60.0
MAX_ROWS = 100_000

COLUMNS = ("time_s", "track", "emotion", "confidence", *EMOTIONS)


class Timeline:
    """Predictions without face crops, in memory only. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: deque[FacePrediction] = deque()
        self._recorded: list[FacePrediction] = []
        self._recording = False

    def add(self, faces: Iterable[FacePrediction], now_s: float) -> None:
        """Add the listed faces of a frame.

        Args:
            faces: whose `time_s` is `now_s`; those without a number are left out.
            now_s: when the frame was taken; what is older by a minute is dropped.
        """
        added = [face.without_image() for face in faces if face.number]
        with self._lock:
            self._recent.extend(added)
            while self._recent and now_s - self._recent[0].time_s > WINDOW_S:
                self._recent.popleft()
            if self._recording:
                self._recorded.extend(added)
                self._recording = len(self._recorded) < MAX_ROWS

    def clear_recent(self) -> None:
        """Drop the last minute; a recording stays."""
        with self._lock:
            self._recent.clear()

    def start_recording(self) -> None:
        """Record from now on; an earlier recording is dropped."""
        with self._lock:
            self._recorded, self._recording = [], True

    def stop_recording(self) -> None:
        """Stop the recording, which stays in memory."""
        with self._lock:
            self._recording = False

    def discard_recording(self) -> None:
        """Stop the recording and drop it."""
        with self._lock:
            self._recorded, self._recording = [], False

    @property
    def recording(self) -> bool:
        """Whether it is recording; a recording ends by itself after 100,000 rows."""
        return self._recording

    @property
    def rows(self) -> int:
        """The number of recorded predictions."""
        return len(self._recorded)

    def recent(self) -> list[FacePrediction]:
        """Return the predictions of the last minute, oldest first."""
        with self._lock:
            return list(self._recent)

    def recorded(self) -> list[FacePrediction]:
        """Return the recorded predictions, oldest first."""
        with self._lock:
            return list(self._recorded)


def to_csv(faces: Sequence[FacePrediction]) -> str:
    """Return predictions as a CSV of `COLUMNS`, the time in seconds since the first."""
    rows = []
    for face in faces:
        numbers = (f"{value:.5f}" for value in (face.confidence, *face.probabilities))
        seconds = f"{face.time_s - faces[0].time_s:.3f}"
        rows.append([seconds, face.number, face.label, *numbers])
    return csv_text(pd.DataFrame(rows, columns=COLUMNS))
