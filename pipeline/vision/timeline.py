"""What faces have shown: of the last minute, and all of it while it is being recorded."""

import csv
import io
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.labels import EMOTIONS
from pipeline.vision.reader import ShownFace

SPAN_S = 60.0
MOST_ROWS = 100_000

COLUMNS = ("time_s", "track", "emotion", "confidence", *EMOTIONS)


class Sighting(NamedTuple):
    """What one face showed in one picture.

    Attributes:
        time_s: when.
        number: its track.
        label: what it was said to show.
        confidence: of the likeliest emotion, 0-1.
        probabilities: float32 (7,).
    """

    time_s: float
    number: int
    label: str
    confidence: float
    probabilities: NDArray[np.float32]


class Timeline:
    """Takes in what is seen; in memory only. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: deque[Sighting] = deque()
        self._recorded: list[Sighting] = []
        self._recording = False

    def add(self, faces: Iterable[ShownFace], now_s: float) -> None:
        """Take in the faces on screen."""
        seen = [
            Sighting(now_s, face.number, face.label, face.confidence, face.probabilities)
            for face in faces
        ]
        with self._lock:
            self._recent.extend(seen)
            while self._recent and now_s - self._recent[0].time_s > SPAN_S:
                self._recent.popleft()
            if self._recording:
                self._recorded.extend(seen)
                self._recording = len(self._recorded) < MOST_ROWS

    def forget(self) -> None:
        """Forget the last minute; a recording stays."""
        with self._lock:
            self._recent.clear()

    def start_recording(self) -> None:
        """Record from now on; what was recorded before goes."""
        with self._lock:
            self._recorded, self._recording = [], True

    def stop_recording(self) -> None:
        """Record no more; what was recorded stays."""
        with self._lock:
            self._recording = False

    def discard_recording(self) -> None:
        """Record no more and forget what was recorded."""
        with self._lock:
            self._recorded, self._recording = [], False

    @property
    def recording(self) -> bool:
        """Whether it is recording; it ends by itself after 100,000 sightings."""
        return self._recording

    def recent(self) -> list[Sighting]:
        """Return the sightings of the last minute, oldest first."""
        with self._lock:
            return list(self._recent)

    def recorded(self) -> list[Sighting]:
        """Return the recorded sightings, oldest first."""
        with self._lock:
            return list(self._recorded)

    @property
    def rows(self) -> int:
        """How many sightings are recorded."""
        return len(self._recorded)


def to_csv(sightings: Sequence[Sighting]) -> str:
    """Return sightings as a CSV of `COLUMNS`, the time in seconds since the first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for seen in sightings:
        since = f"{seen.time_s - sightings[0].time_s:.3f}"
        figures = (f"{value:.5f}" for value in (seen.confidence, *seen.probabilities))
        writer.writerow([since, seen.number, seen.label, *figures])
    return text.getvalue()
