"""Decode a video file to upright frames with their times. Independent of faces."""

import os
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.stream import Disposition
from av.video.reformatter import Colorspace, Interpolation
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.errors import UserError

SUFFIXES = frozenset(
    ".3g2 .3gp .asf .avi .dv .f4v .flv .gif .m2ts .m4v .mjpeg .mjpg .mkv .mov .mp4 .mpe .mpeg .mpg "
    ".mts .mxf .ogg .ogv .qt .ts .vob .webm .wmv .y4m".split()
)
"""Endings of video files that are read, in lower case."""

# FFmpeg's other formats decode text and single photos, and open the files that a playlist names.
_CONTAINERS = "mov,matroska,webm,avi,mpegts,mpeg,asf,flv,ogg,gif,mxf,dv,mjpeg,yuv4mpegpipe"
_MAX_PIXELS, _MAX_SIDE, _LARGE_PIXELS = 16_000_000, 8192, 9_000_000
THREADS = min(4, os.cpu_count() or 1)
"""Threads of a decoder unless another number is given; each holds frames."""

_MAX_RATE, _MIN_RATE = Fraction(240), Fraction(1, 3600)
_MAX_PAUSE_S, _MAX_PAUSE_TICKS = 24 * 3600, 2**31 - 1  # the latter is MP4's
_DEFAULT_RATE = Fraction(30)
_UNSPECIFIED = 2
_MAX_PIXELS_OPTION = {"max_pixels": str(_MAX_PIXELS)}  # of FFmpeg's decoders
_HD = 720
_MISSING_S = 1.0


class Frame(NamedTuple):
    """A frame, BGR uint8 (h, w, 3), its time since the file's start and its duration, in ticks."""

    frame_bgr: NDArray[np.uint8]
    ticks: int
    duration: int


class VideoReader:
    """Decodes a video file frame by frame, so that a long one needs no more memory.

    All frames have the size of the first and square pixels, and are turned upright as the file's
    display matrix says. Those of more than 4K are halved. Damaged parts are skipped.

    Args:
        source: a video of any usual format.
        threads: of the decoder.

    Attributes:
        time_base: a tick of the file's clock, in seconds.
        rate: its mean frame rate, in frames per second, at most 240.
        height: of its frames before they are turned, in pixels.
        width: of its frames before they are turned, in square pixels.
        seconds: the end of the last decoded frame, since the file's start.
        damaged: whether a part could not be decoded so far.

    Raises:
        UserError: the file cannot be read, holds no video, or one of more than 16 megapixels.
    """

    def __init__(self, source: Path, threads: int = THREADS) -> None:
        self._container = _open(source)
        self._stream = _video_of(self._container, source)
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = threads
        # Frames may change their size; one that is larger counts as damaged.
        self._stream.codec_context.options = _MAX_PIXELS_OPTION
        self._size = source.stat().st_size
        self._position = 0
        self.time_base = self._stream.time_base or Fraction(1, av.time_base)
        rate = self._stream.average_rate or _DEFAULT_RATE
        self.rate = max(_MIN_RATE, min(rate, _MAX_RATE))
        self.height, self.width = _size_of(self._container, self._stream, source)
        start = Fraction(self._container.start_time or 0, av.time_base)
        self._clock = _Clock(round(start / self.time_base), self.rate, self.time_base)
        self._duration_s = self._declared_duration()
        self.seconds = 0.0
        self.damaged = False

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def frames(self) -> Iterator[Frame]:
        """Yield each frame with its time."""
        for packet in self._packets():
            yield from self._decode(packet)
        self.damaged |= (
            self._duration_s is not None and self._duration_s - self.seconds > _MISSING_S
        )

    def progress(self) -> float:
        """Return the fraction that has been decoded, 0 to 1: of the time, else of the bytes."""
        done = self.seconds / self._duration_s if self._duration_s else self._position / self._size
        return min(1.0, max(0.0, done))

    def _declared_duration(self) -> float | None:
        """Return the video's duration in seconds, if the file declares it."""
        if self._stream.duration:
            return float(self._stream.duration * self.time_base)
        end, start = self._container.duration or 0, self._container.start_time or 0
        only_video = len(self._container.streams) == 1  # else sound may last longer
        return (end - start) / av.time_base if only_video and end > start else None

    def _packets(self) -> Iterator["av.Packet[VideoStream] | None"]:
        try:
            for packet in self._container.demux(self._stream):
                self._position = packet.pos or self._position
                yield packet
        except av.FFmpegError:
            self.damaged = True
            yield None  # flushes the decoder

    def _decode(self, packet: "av.Packet[VideoStream] | None") -> Iterator[Frame]:
        try:
            for frame in self._stream.codec_context.decode(packet):
                ticks, duration = self._clock.read(frame.pts, frame.duration)
                self.seconds = float((ticks + duration) * self.time_base)
                yield Frame(self._upright(frame), ticks, duration)
        except av.FFmpegError:
            self.damaged = True

    def _upright(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        # By convention, a video without a color space is BT.601 if small and BT.709 if large.
        unspecified = frame.colorspace == _UNSPECIFIED and frame.height >= _HD
        frame_bgr = frame.to_ndarray(
            format="bgr24",
            width=self.width,
            height=self.height,
            src_colorspace=Colorspace.ITU709 if unspecified else None,
            interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND,
        ).astype(np.uint8, copy=False)
        return np.ascontiguousarray(np.rot90(frame_bgr, round(frame.rotation / 90)))


def video_size(source: Path) -> tuple[int, int]:
    """Return height and width of a video's frames before they are turned, in pixels.

    Raises:
        UserError: the file cannot be read, or holds no video.
    """
    with closing(VideoReader(source)) as video:
        return video.height, video.width


class _Clock:
    """Increasing times.

    A frame without a time stamp, or one that jumps back or very far, follows the last.
    """

    def __init__(self, start: int, rate: Fraction, time_base: Fraction) -> None:
        self._max_pause = min(round(_MAX_PAUSE_S / time_base), _MAX_PAUSE_TICKS)
        self._frame = min(max(1, round(1 / rate / time_base)), self._max_pause)
        self._shift = -start
        self._last = -1
        self._next = 0

    def read(self, pts: int | None, duration: int | None) -> tuple[int, int]:
        """Return the ticks since the start at a frame's time stamp, and its duration in ticks."""
        now = self._next if pts is None else pts + self._shift
        if not self._last < now <= self._last + self._max_pause:
            self._shift += self._next - now
            now = self._next
        self._last, self._next = now, now + self._frame
        return now, min(duration, self._max_pause) if duration else self._frame


def _open(source: Path) -> av.container.InputContainer:
    try:
        return av.open(
            str(source.absolute()),
            metadata_errors="replace",
            options=_MAX_PIXELS_OPTION,
            container_options={"format_whitelist": _CONTAINERS},
        )
    except OSError as error:
        raise UserError(f"{source} cannot be read: {error.strerror or error}.") from error
    except av.FFmpegError as error:
        raise _no_video(source) from error


def _video_of(container: av.container.InputContainer, source: Path) -> VideoStream:
    """Return the first video stream that is not a cover image or a thumbnail."""
    for stream in container.streams.video:
        if stream.codec_context and not stream.disposition & Disposition.attached_pic:
            return stream
    container.close()
    raise _no_video(source)


def _size_of(
    container: av.container.InputContainer, stream: VideoStream, source: Path
) -> tuple[int, int]:
    """Return height and width to decode frames to, in square pixels."""
    height, coded_width = stream.codec_context.height, stream.codec_context.width
    width = max(1, round(coded_width * (stream.sample_aspect_ratio or 1)))
    largest = max(width, coded_width)
    if height * largest > _MAX_PIXELS or max(height, largest) > _MAX_SIDE:
        container.close()
        raise UserError(
            f"{source} has frames of {largest:,} x {height:,} pixels, more than the "
            f"{_MAX_PIXELS // 10**6} megapixels, or {_MAX_SIDE:,} a side, that are read: shrink it."
        )
    return (height // 2, width // 2) if height * width > _LARGE_PIXELS else (height, width)


def _no_video(source: Path) -> UserError:
    return UserError(
        f"{source} is not a video that can be read: give an MP4, MOV, WebM, MKV or AVI that plays."
    )
