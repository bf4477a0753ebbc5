"""A video with something drawn on each frame, and what that is for faces."""

import csv
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.vision.decoding import VideoReader
from pipeline.vision.encoding import VideoWriter
from pipeline.vision.output import writing, written_whole
from pipeline.vision.overlay import draw_faces
from pipeline.vision.reader import FaceReader, ShownFace

COLUMNS = (
    "time_s", "frame", "track", "x", "y", "width", "height", "emotion", "confidence", *EMOTIONS,
)  # fmt: skip

Annotate = Callable[[NDArray[np.uint8], float], NDArray[np.uint8]]
Advance = Callable[[float], None]


@dataclass(frozen=True)
class ProcessedVideo:
    """What was written.

    Attributes:
        frames: how many.
        seconds: how long they last.
        damaged: whether a part of the source could not be read, and is left out.
    """

    frames: int
    seconds: float
    damaged: bool


@dataclass(frozen=True)
class RecognisedVideo:
    """What was found in a video.

    Attributes:
        video: what was written.
        faces: rows of the table: faces over all frames.
        tracks: how many of them are different to the tracker.
    """

    video: ProcessedVideo
    faces: int
    tracks: int


def process_video(
    source: Path, target: Path, annotate: Annotate, advance: Advance
) -> ProcessedVideo:
    """Write a video with each frame changed, whole or not at all.

    Frames keep their times, also where these are uneven; sound is dropped. Of a damaged or cut-off
    file, what can be read is written. One frame is in memory at a time.

    Args:
        source: a video of any usual format.
        target: a new H.264 MP4.
        annotate: takes a frame, BGR uint8 (h, w, 3), which it may draw on, and its time in seconds
            since the start; returns the frame to write, all of one size. Called in order.
        advance: called with the share that is done, 0 to 1.

    Raises:
        UserError: the source holds no picture that can be read, or the target exists already or
            cannot be written.
    """
    frames = 0
    with (
        closing(VideoReader(source)) as video,
        written_whole(target) as partial,
        VideoWriter(partial, target, video.rate, video.time_base) as out,
    ):
        for frame_bgr, ticks, duration in video.frames():
            changed_bgr = annotate(frame_bgr, float(ticks * video.time_base))
            out.write(changed_bgr, ticks, duration)
            frames += 1
            advance(video.share())
        if not frames:
            raise UserError(f"No picture of {source} can be read: give a video that plays.")
    advance(1.0)
    return ProcessedVideo(frames, video.seconds, video.damaged)


def recognise_video(
    source: Path, target: Path, table: Path | None, reader: FaceReader, advance: Advance
) -> RecognisedVideo:
    """Write a video with its faces drawn, and a table of them; see `process_video`.

    Args:
        source: a video of any usual format.
        target: a new H.264 MP4.
        table: a new CSV of `COLUMNS` with a row for each face drawn: frames count from 0, tracks
            from 1 and from a face's second sighting, boxes are in pixels of the upright frame;
            none if not given.
        reader: finds and recognises faces; a fresh one.
        advance: called with the share that is done, 0 to 1.

    Raises:
        UserError: a file cannot be read or written.
    """
    if table is not None and table.absolute() == target.absolute():
        raise UserError(f"{target} cannot be both the video and the table: name another table.")
    with _noting(table) as note:
        annotator = _Annotator(reader, note)
        video = process_video(source, target, annotator.annotate, advance)
    return RecognisedVideo(video, annotator.faces, annotator.tracks)


class _Annotator:
    def __init__(self, reader: FaceReader, note: Callable[[list[object]], None]) -> None:
        self._reader = reader
        self._note = note
        self._frame = 0
        self.faces = 0
        self.tracks = 0

    def annotate(self, frame_bgr: NDArray[np.uint8], seconds: float) -> NDArray[np.uint8]:
        gray = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        faces = self._reader.read(gray, seconds)
        draw_faces(frame_bgr, faces)
        for face in faces:
            self._note([f"{seconds:.4f}", self._frame, *_cells(face)])
            self.tracks = max(self.tracks, face.number)
        self.faces += len(faces)
        self._frame += 1
        return frame_bgr


def _cells(face: ShownFace) -> list[object]:
    shares = (face.confidence, *map(float, face.probabilities))
    confidence, *probabilities = (f"{share:.4f}" for share in shares)
    return [face.number, *face.box, face.label, confidence, *probabilities]


@contextmanager
def _noting(table: Path | None) -> Iterator[Callable[[list[object]], None]]:
    """Give what writes a row of the table, or does nothing without one."""
    if table is None:
        yield lambda row: None
        return
    with written_whole(table) as partial:
        with writing(table), partial.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            yield rows.writerow
