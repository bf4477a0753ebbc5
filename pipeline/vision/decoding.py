"""A video file as a stream of upright pictures with their times. Knows nothing of faces."""

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

# FFmpeg's other formats read text as pictures, single photos, and what a playlist points to.
_CONTAINERS = "mov,matroska,webm,avi,mpegts,mpeg,asf,flv,ogg,gif,mxf,dv,mjpeg,yuv4mpegpipe"
_HIGHEST_RATE = Fraction(240)
_USUAL_RATE = Fraction(30)
_UNSPECIFIED = 2
_HD = 720
_MISSING_S = 1.0


class Frame(NamedTuple):
    """A picture, BGR uint8 (h, w, 3), its time since the file's start and its length, in ticks."""

    picture_bgr: NDArray[np.uint8]
    ticks: int
    duration: int


class VideoReader:
    """Decodes a video file picture by picture, so that a long one needs no more memory.

    All pictures have the size of the first, square pixels, and stand upright as the file's
    display matrix says. What is damaged is passed over.

    Attributes:
        time_base: a tick of the file's clock, in seconds.
        rate: its mean rate, in frames a second, at most 240.
        height: of its pictures before they are turned, in pixels.
        width: likewise, as wide as square pixels make it.
        seconds: the end of the picture read last, since the file's start.
        damaged: whether something could not be read so far.

    Raises:
        UserError: the file cannot be read, or holds no video.
    """

    def __init__(self, source: Path) -> None:
        self._container = _open(source)
        self._stream = _video_of(self._container, source)
        self._stream.thread_type = "AUTO"
        self._size = source.stat().st_size
        self._position = 0
        self.time_base = self._stream.time_base or Fraction(1, av.time_base)
        self.rate = min(self._stream.average_rate or _USUAL_RATE, _HIGHEST_RATE)
        self.height = self._stream.codec_context.height
        pixel = self._stream.sample_aspect_ratio or 1
        self.width = max(1, round(self._stream.codec_context.width * pixel))
        start = Fraction(self._container.start_time or 0, av.time_base)
        frame = max(1, round(1 / self.rate / self.time_base))
        self._clock = _Clock(round(start / self.time_base), frame)
        self._length_s = self._said_length()
        self.seconds = 0.0
        self.damaged = False

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def frames(self) -> Iterator[Frame]:
        """Yield each picture with its time."""
        for packet in self._packets():
            yield from self._pictures(packet)
        self.damaged |= self._length_s is not None and self._length_s - self.seconds > _MISSING_S

    def share(self) -> float:
        """Return how much has been read, 0 to 1: in time, else in bytes."""
        done = self.seconds / self._length_s if self._length_s else self._position / self._size
        return min(1.0, done)

    def _said_length(self) -> float | None:
        """Return the seconds of pictures that the file says to hold, if it does."""
        if self._stream.duration:
            return float(self._stream.duration * self.time_base)
        end, start = self._container.duration or 0, self._container.start_time or 0
        alone = len(self._container.streams) == 1  # else sound may go on for longer
        return (end - start) / av.time_base if alone and end > start else None

    def _packets(self) -> Iterator["av.Packet[VideoStream] | None"]:
        try:
            for packet in self._container.demux(self._stream):
                self._position = packet.pos or self._position
                yield packet
        except av.FFmpegError:
            self.damaged = True
            yield None  # makes the decoder give what it still holds

    def _pictures(self, packet: "av.Packet[VideoStream] | None") -> Iterator[Frame]:
        try:
            for frame in self._stream.codec_context.decode(packet):
                ticks, duration = self._clock.read(frame.pts), frame.duration or self._clock.frame
                self.seconds = float((ticks + duration) * self.time_base)
                yield Frame(self._upright(frame), ticks, duration)
        except av.FFmpegError:
            self.damaged = True

    def _upright(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        # What says nothing of its colours is BT.601 if small and BT.709 if large, by custom.
        untold = frame.colorspace == _UNSPECIFIED and frame.height >= _HD
        picture_bgr = frame.to_ndarray(
            format="bgr24",
            width=self.width,
            height=self.height,
            src_colorspace=Colorspace.ITU709 if untold else None,
            interpolation=Interpolation.BILINEAR | Interpolation.ACCURATE_RND,
        ).astype(np.uint8, copy=False)
        return np.ascontiguousarray(np.rot90(picture_bgr, round(frame.rotation / 90)))


def video_size(source: Path) -> tuple[int, int]:
    """Return height and width of a video's pictures before they are turned, in pixels.

    Raises:
        UserError: the file cannot be read, or holds no video.
    """
    with closing(VideoReader(source)) as video:
        return video.height, video.width


class _Clock:
    """Times that only go on: a frame without one, or one that jumps back, follows the last."""

    def __init__(self, start: int, frame: int) -> None:
        self._shift = -start
        self.frame = frame
        self._last = -1
        self._next = 0

    def read(self, pts: int | None) -> int:
        """Return the ticks since the start at a frame's time stamp."""
        now = self._next if pts is None else pts + self._shift
        if now <= self._last:
            self._shift += self._next - now
            now = self._next
        self._last, self._next = now, now + self.frame
        return now


def _open(source: Path) -> av.container.InputContainer:
    try:
        return av.open(
            str(source.absolute()),
            metadata_errors="replace",
            container_options={"format_whitelist": _CONTAINERS},
        )
    except OSError as error:
        raise UserError(f"{source} cannot be read: {error.strerror or error}.") from error
    except av.FFmpegError as error:
        raise _no_video(source) from error


def _video_of(container: av.container.InputContainer, source: Path) -> VideoStream:
    """Return the first moving picture, which a cover or a thumbnail is not."""
    for stream in container.streams.video:
        if stream.codec_context and not stream.disposition & Disposition.attached_pic:
            return stream
    container.close()
    raise _no_video(source)


def _no_video(source: Path) -> UserError:
    return UserError(
        f"{source} is not a video that can be read: give an MP4, MOV, WebM, MKV or AVI that plays."
    )
