"""Write an annotated copy of a video, and a CSV of the faces in it."""

import csv
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.vision.boxes import Box
from pipeline.vision.drawing import draw_faces
from pipeline.vision.face_pipeline import FacePipeline
from pipeline.vision.face_prediction import FacePrediction
from pipeline.vision.tables import WriteRow, csv_row
from pipeline.vision.tracking import MAX_UNLISTED_S
from pipeline.vision.video.decode import THREADS, VideoReader
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
        tracks: number of tracks of a second or longer, that is of different faces.
    """

    video: ProcessedVideo
    faces: int
    tracks: int


def process_video(
    source: Path,
    target: Path | None,
    annotate: Annotate,
    on_progress: OnProgress,
    threads: int = THREADS,
) -> ProcessedVideo:
    """Write a video with each frame changed, whole or not at all.

    Frames keep their times, even or not; sound is dropped. Of a damaged or truncated file, the
    readable part is written. One frame is in memory at a time.

    Args:
        source: a video of any usual format.
        target: a new H.264 MP4; None to write none.
        annotate: called in order with each frame, BGR uint8 (h, w, 3), which it may draw on, and
            its time in seconds since the start; returns the frame to write, all of one size.
        on_progress: called with the fraction that is done, 0 to 1.
        threads: of the decoder, and of the encoder.

    Raises:
        UserError: no frame of the source can be read, or the target exists already or cannot be
            written.
    """
    frames = 0
    with (
        closing(VideoReader(source, threads)) as video,
        _frame_writer(target, video, threads) as write,
    ):
        for frame_bgr, ticks, duration in video.frames():
            annotated_bgr = annotate(frame_bgr, float(ticks * video.time_base))
            write(annotated_bgr, ticks, duration)
            frames += 1
            on_progress(video.progress())
        if not frames:
            raise UserError(f"No frame of {source} can be read: give a video that plays.")
    on_progress(1.0)
    return ProcessedVideo(frames, video.seconds, video.damaged)


@contextmanager
def _frame_writer(
    target: Path | None, video: VideoReader, threads: int
) -> Iterator[Callable[..., object]]:
    """Yield a function that writes a frame of a video; without a target it does nothing."""
    if target is None:
        yield lambda *frame: None
        return
    with (
        new_file(target) as partial,
        VideoWriter(partial, target, video.rate, video.time_base, threads) as out,
    ):
        yield out.write


def recognize_video(
    source: Path, target: Path, table: Path | None, pipeline: FacePipeline, on_progress: OnProgress
) -> RecognizedVideo:
    """Write a video with its faces drawn, and a table of them; see `process_video`.

    Args:
        source: a video of any usual format.
        target: a new H.264 MP4.
        table: a new CSV of `COLUMNS` with a row for each face drawn: frames count from 0, tracks
            from 1, boxes are in pixels of the upright frame. Tracks of less than a second are left
            out; others have rows from their second detection on. None for no table.
        pipeline: detects and recognizes faces; a new one.
        on_progress: called with the fraction that is done, 0 to 1.

    Raises:
        UserError: a file cannot be read or written.
    """
    if table is not None and table.absolute() == target.absolute():
        raise UserError(f"{target} cannot be both the video and the table: name another table.")
    with _row_writer(table) as write_row:
        return recognize_frames(source, target, write_row, pipeline, on_progress)


def recognize_frames(
    source: Path,
    target: Path | None,
    write_row: WriteRow,
    pipeline: FacePipeline,
    on_progress: OnProgress,
    threads: int = THREADS,
) -> RecognizedVideo:
    """Recognize the faces of a video; see `recognize_video`.

    Args:
        source: a video of any usual format.
        target: a new H.264 MP4 with the faces drawn; None to write none.
        write_row: called with each row of `COLUMNS`.
        pipeline: detects and recognizes faces; a new one.
        on_progress: called with the fraction that is done, 0 to 1.
        threads: of the decoder, and of the encoder.
    """
    frame, listing = 0, _Listing()

    def annotate(frame_bgr: NDArray[np.uint8], seconds: float) -> NDArray[np.uint8]:
        nonlocal frame
        gray = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
        faces = pipeline.process(gray, seconds)
        if target is not None:
            draw_faces(frame_bgr, faces)
        for row in listing.add(frame, faces, seconds):
            write_row(row)
        frame += 1
        return frame_bgr

    video = process_video(source, target, annotate, on_progress, threads)
    for row in listing.add(frame, (), inf):
        write_row(row)
    return RecognizedVideo(video, listing.rows, len(listing.numbers))


class _Listing:
    """Holds faces back until their track has lasted a second, and drops those of shorter tracks.

    Attributes:
        numbers: track id → number of the listed faces.
        rows: how many rows were released.
    """

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.rows = 0
        self._held: deque[tuple[int, FacePrediction]] = deque()

    def add(
        self, frame: int, faces: Iterable[FacePrediction], now_s: float
    ) -> Iterator[list[object]]:
        """Add the faces of a frame, without their images; yield the rows to write, in order."""
        for face in faces:
            if face.number:
                self.numbers[face.track_id] = face.number
            self._held.append((frame, face.without_image()))
        while self._held:
            frame, face = self._held[0]
            number = self.numbers.get(face.track_id)
            if number is None and now_s - face.time_s <= MAX_UNLISTED_S:
                return
            self._held.popleft()
            if number is not None:
                self.rows += 1
                yield _row(frame, number, face)


def _row(frame: int, number: int, face: FacePrediction) -> list[object]:
    numbers = map(float, (face.confidence, *face.probabilities))
    return [float(face.time_s), frame, number, *face.box, face.label, *numbers]


@contextmanager
def _row_writer(table: Path | None) -> Iterator[WriteRow]:
    """Yield a function that writes a row of the table; without a table it does nothing."""
    if table is None:
        yield lambda row: None
        return
    with new_file(table) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)

        def write_row(row: Sequence[object]) -> None:
            with writing(table):
                rows.writerow(csv_row(row))

        write_row(COLUMNS)
        yield write_row
