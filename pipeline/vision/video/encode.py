"""Encode frames as an H.264 MP4 file, which browsers play. Independent of faces."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.errors import UserError
from pipeline.storage import cannot_write, check_output, write_atomic

# Without B-frames each frame is decoded at its own time, so that pauses keep their length.
_ENCODER = {"preset": "veryfast", "crf": "20", "bf": "0"}


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """Yield a temporary path, whose file is renamed to `target` if nothing failed.

    Raises:
        UserError: the file exists already, or cannot be written; see also `check_output`.
    """
    check_output(target)
    if target.exists():
        raise UserError(f"{target} exists already: remove it, or choose another name.")
    with writing(target), write_atomic(target) as partial:
        partial.touch()
        yield partial


@contextmanager
def writing(target: Path | str) -> Iterator[None]:
    """Convert errors of the system and of FFmpeg to a `UserError`.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        cure = "choose a folder that exists, can be written to and has space"
        reason = OSError(error.strerror or error)
        raise cannot_write(f"{target} cannot be written", reason, cure) from error


class VideoWriter:
    """Encodes frames one by one; a context manager, which finishes the file.

    Args:
        file: where to write; replaced. Or a file in memory.
        target: the name that the file will get, for error messages.
        rate: mean frames per second.
        time_base: a tick of the clock, in seconds.
        threads: of the encoder; each holds frames.
    """

    def __init__(
        self,
        file: Path | BytesIO,
        target: Path | str,
        rate: Fraction,
        time_base: Fraction,
        threads: int,
    ) -> None:
        self._target = target
        self._rate = rate
        self._time_base = time_base
        self._options = {**_ENCODER, "threads": str(threads)}
        self._stream: VideoStream | None = None
        place: str | BytesIO
        options: dict[str, str]
        if isinstance(file, Path):  # only on disk FFmpeg can move the index to the front
            place, options = str(file.absolute()), {"movflags": "+faststart"}
        else:
            place, options = file, {}
        with writing(target):
            self._container = av.open(place, "w", format="mp4", options=options)

    def write(self, frame_bgr: NDArray[np.uint8], ticks: int, duration: int) -> None:
        """Append a frame, uint8 (h, w, 3); an odd size is made even by repeating the last line.

        Args:
            frame_bgr: all must have one size.
            ticks: its time, greater than the last frame's.
            duration: how long it is shown, in ticks; matters for the last frame.

        Raises:
            UserError: the file cannot be written.
        """
        height, width = frame_bgr.shape[:2]
        if height % 2 or width % 2:
            border = (0, height % 2, 0, width % 2)
            frame_bgr = cv2.copyMakeBorder(frame_bgr, *border, cv2.BORDER_REPLICATE).astype(
                np.uint8, copy=False
            )
        frame = av.VideoFrame.from_ndarray(frame_bgr, format="bgr24").reformat(
            format="yuv420p",
            dst_colorspace=Colorspace.ITU709,
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND,
        )
        frame.pts, frame.duration, frame.time_base = ticks, duration, self._time_base
        with writing(self._target):
            self._stream = self._stream or self._begin(frame.width, frame.height)
            self._container.mux(self._stream.encode(frame))

    def _begin(self, width: int, height: int) -> VideoStream:
        stream = self._container.add_stream("libx264", rate=self._rate, options=self._options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        encoder = stream.codec_context
        encoder.time_base = self._time_base
        encoder.flags |= Flags.frame_duration
        encoder.colorspace, encoder.color_range = Colorspace.ITU709, ColorRange.MPEG
        encoder.color_primaries, encoder.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        return stream

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is not None:
            with suppress(av.FFmpegError):
                self._container.close()
            return
        with writing(self._target):
            if self._stream:
                self._container.mux(self._stream.encode(None))
            self._container.close()
