"""Write an annotated copy of a video, and a CSV of the faces in it."""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.storage import csv_cell
from pipeline.vision.boxes import Box
from pipeline.vision.drawing import draw_faces
from pipeline.vision.face_pipeline import FacePipeline
from pipeline.vision.face_prediction import FacePrediction
from pipeline.vision.video.decode import VideoReader
from pipeline.vision.video.encode import VideoWriter, new_file, writing

COLUMNS = ("time_s", "frame", "track", *Box._fields, "emotion", "confidence", *EMOTIONS)

Annotate = Callable[[NDArray[np.uint8], float], NDArray[np.uint8]]
OnProgress = Callable[[float], None]


@dataclass(frozen=True)
class ProcessedVideo:
    """The video that was written.

    Attributes:
        frames: number of frames.
        seconds: their total duration.
        damaged: whether a part of the source could not be read, and is left out.
    """

    frames: int
    seconds: float
    damaged: bool


@dataclass(frozen=True)
class RecognizedVideo:
    """The video and the faces that were found in it.

    Attributes:
        video: the video that was written.
        faces: number of faces over all frames, which is the rows of the table.
        tracks: number of tracks, that is of different faces.
    """

    video: ProcessedVideo
    faces: int
    tracks: int


def process_video(
    source: Path, target: Path, annotate: Annotate, on_progress: OnProgress
) -> ProcessedVideo:
    """Write a video with each frame changed, whole or not at all.

    Frames keep their times, even or not; sound is dropped. Of a damaged or truncated file, the
    readable part is written. One frame is in memory at a time.

    Args:
        source: a video of any usual format.
        target: a new H.264 MP4.
        annotate: called in order with each frame, BGR uint8 (h, w, 3), which it may draw on, and
            its time in seconds since the start; returns the frame to write, all of one size.
        on_progress: called with the fraction that is done, 0 to 1.

    Raises:
        UserError: no frame of the source can be read, or the target exists already or cannot be
            written.
    """
    frames = 0
    with (
        closing(VideoReader(source)) as video,
        new_file(target) as partial,
        VideoWriter(partial, target, video.rate, video.time_base) as out,
    ):
        for frame_bgr, ticks, duration in video.frames():
            annotated_bgr = annotate(frame_bgr, float(ticks * video.time_base))
            out.write(annotated_bgr, ticks, duration)
            frames += 1
            on_progress(video.progress())
        if not frames:
            raise UserError(f"No frame of {source} can be read: give a video that plays.")
    on_progress(1.0)
    return ProcessedVideo(frames, video.seconds, video.damaged)


def recognize_video(
    source: Path, target: Path, table: Path | None, pipeline: FacePipeline, on_progress: OnProgress
) -> RecognizedVideo:
    """Write a video with its faces drawn, and a table of them; see `process_video`.

    Args:
        source: a video of any usual format.
        target: a new H.264 MP4.
        table: a new CSV of `COLUMNS` with a row for each face drawn: frames count from 0, tracks
            from 1 and from a face's second detection, boxes are in pixels of the upright frame;
            None for no table.
        pipeline: detects and recognizes faces; a new one.
        on_progress: called with the fraction that is done, 0 to 1.

    Raises:
        UserError: a file cannot be read or written.
    """
    if table is not None and table.absolute() == target.absolute():
        raise UserError(f"{target} cannot be both the video and the table: name another table.")
    frame = faces_drawn = 0
    tracks: set[int] = set()

    def annotate(frame_bgr: NDArray[np.uint8], seconds: float) -> NDArray[np.uint8]:
        nonlocal frame, faces_drawn
        gray = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        faces = pipeline.process(gray, seconds)
        draw_faces(frame_bgr, faces)
        for face in faces:
            write_row(_row(frame, face))
            tracks.add(face.track_id)
        faces_drawn += len(faces)
        frame += 1
        return frame_bgr

    with _row_writer(table) as write_row:
        video = process_video(source, target, annotate, on_progress)
    return RecognizedVideo(video, faces_drawn, len(tracks))


def _row(frame: int, face: FacePrediction) -> list[object]:
    confidence, *probabilities = (f"{p:.4f}" for p in (face.confidence, *face.probabilities))
    time = f"{face.time_s:.4f}"
    return [time, frame, face.track_id, *face.box, face.label, confidence, *probabilities]


@contextmanager
def _row_writer(table: Path | None) -> Iterator[Callable[[Sequence[object]], object]]:
    """Yield a function that writes a row of the table; without a table it does nothing."""
    if table is None:
        yield lambda row: None
        return
    with new_file(table) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)

        def write_row(row: Sequence[object]) -> None:
            with writing(table):
                rows.writerow(map(csv_cell, row))

        write_row(COLUMNS)
        yield write_row
