"""Damaged files, files without a video, wrong paths, full disks: error and remaining files."""

import resource
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.vision.video.annotate import process_video
from tests.vision.clips import face_image, numbered_frames, read_clip, write_clip
from tests.vision.video.conftest import MILLISECOND, files_in, ignore, unchanged


def noise(frames: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (frames, 96, 128, 3), np.uint8))


@pytest.mark.slow
def test_the_readable_part_of_a_damaged_file_is_written(tmp_path):
    clip = write_clip(
        tmp_path / "in.mp4",
        noise(40),
        ticks=range(0, 40 * 9000, 9000),
        options={"movflags": "faststart"},
    )
    content = clip.read_bytes()
    middle = len(content) // 2
    zeros = content[:middle] + bytes(20000) + content[middle + 20000 :]
    recording = write_clip(
        tmp_path / "in.webm",
        noise(30),
        ticks=range(0, 6000, 200),
        time_base=MILLISECOND,
        codec="libvpx",
    )
    half = recording.read_bytes()[: recording.stat().st_size // 2]
    for case, source, damaged, frames in (
        ("truncated", clip, content[:middle], 40),
        ("overwritten", clip, zeros, 40),
        ("shorter than its stated duration", recording, half, 25),
    ):
        source.write_bytes(damaged)
        out = tmp_path / f"{case}.mp4"
        done = process_video(source, out, unchanged, ignore)
        assert done.damaged and 5 < done.frames < frames, case
        assert len(read_clip(out)[0]) == done.frames, case


def write_text_file(path: Path) -> None:
    path.write_text("no video\n" * 100)


def write_photo(path: Path) -> None:
    frame = av.VideoFrame.from_ndarray(face_image(), format="bgr24")
    frame.save(str(path))


def write_cut_off(path: Path) -> None:
    write_clip(path, numbered_frames(8))
    path.write_bytes(path.read_bytes()[:-200])  # its index is at the end


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_unknown_codec(path: Path) -> None:
    write_clip(path, numbered_frames(8))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))


def write_playlist(path: Path) -> None:
    write_clip(path.with_name("secret.ts"), numbered_frames(8))
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n")


def test_a_file_without_a_readable_video_is_one_sentence(tmp_path):
    for case, name, write in (
        ("text", "x.txt", write_text_file),
        ("text named as a video", "x.mp4", write_text_file),
        ("empty", "x.mp4", Path.touch),
        ("photo", "x.png", write_photo),
        ("truncated before its index", "x.mp4", write_cut_off),
        ("sound only", "x.mp4", write_sound),
        ("unknown codec", "x.mp4", write_unknown_codec),
        ("playlist", "x.m3u8", write_playlist),
    ):
        folder = tmp_path / case
        folder.mkdir()
        write(folder / name)
        before = files_in(folder)
        sentence = rf"{name} is not a video that can be read: give an MP4[^\n]*$"
        with pytest.raises(UserError, match=sentence):
            process_video(folder / name, folder / "out.mp4", unchanged, ignore)
        assert files_in(folder) == before, case


def test_a_header_that_asks_for_gigabytes_is_one_sentence(tmp_path):
    source, used = tmp_path / "in.y4m", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for header in ("W8192 H8192", "W16 H200000", "W1600 H1600 A65535:1", "W30000 H30000"):
        source.write_text(f"YUV4MPEG2 {header} F30:1\nFRAME\n")
        with pytest.raises(UserError, match="more than the 16 megapixels|cannot be read"):
            process_video(source, tmp_path / "out.mp4", unchanged, ignore)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - used < 200 * 1024
    assert files_in(tmp_path) == {"in.y4m"}


def test_frames_above_4k_are_halved(tmp_path, out):
    source = tmp_path / "in.y4m"
    source.write_bytes(b"YUV4MPEG2 W4800 H2700 F30:1 Cmono\nFRAME\n" + bytes(4800 * 2700))
    process_video(source, out, unchanged, ignore)
    assert read_clip(out)[0][0].shape == (1350, 2400, 3)


def test_absurd_rates_and_times_become_times_that_a_file_can_hold(tmp_path, out):
    frame = b"FRAME\n" + bytes(64 * 48)
    for case, rate in (("a frame in 68 years", "1:2147483647"), ("fast", "2147483647:1")):
        source = tmp_path / "in.y4m"
        source.write_bytes(f"YUV4MPEG2 W64 H48 F{rate} Cmono\n".encode() + 3 * frame)
        assert process_video(source, tmp_path / f"{case}.mp4", unchanged, ignore).frames == 3, case
    ticks = (0, 3000, 2**45, 2**45 + 3000)
    clip = write_clip(tmp_path / "far.mkv", numbered_frames(4), ticks=ticks, time_base=MILLISECOND)
    assert process_video(clip, out, unchanged, ignore).seconds < 24 * 3600


def test_a_video_without_a_readable_frame_leaves_nothing(tmp_path, out):
    source = write_clip(tmp_path / "in.mp4", numbered_frames(8), options={"movflags": "faststart"})
    content = source.read_bytes()
    start = content.index(b"mdat") + 4
    source.write_bytes(content[:start] + bytes(len(content) - start))

    with pytest.raises(UserError, match=r"^No frame of [^\n]*in.mp4 can be read: give a video"):
        process_video(source, out, unchanged, ignore)
    assert files_in(tmp_path) == {"in.mp4"}


def test_wrong_paths_are_one_sentence(clip, tmp_path):
    content = clip.read_bytes()
    for source, target, sentence in (
        ("no.mp4", "out.mp4", r"no.mp4 cannot be read: No such file or directory\.$"),
        (".", "out.mp4", r"cannot be read: Is a directory\.$"),
        ("in.mp4", "in.mp4", r"in.mp4 exists already: remove it, or choose another name\.$"),
        ("in.mp4", "no/out.mp4", r"out.mp4 cannot be written \(No such file or directory\):"),
        ("in.mp4", "in.mp4/out.mp4", r"out.mp4 cannot be written \(Not a directory\):"),
    ):
        with pytest.raises(UserError, match=sentence):
            process_video(tmp_path / source, tmp_path / target, unchanged, ignore)
        assert files_in(tmp_path) == {"in.mp4"} and clip.read_bytes() == content


def test_work_that_is_interrupted_leaves_nothing(clip, out, tmp_path):
    for error in (KeyboardInterrupt, ValueError):

        def annotate(frame_bgr: np.ndarray, seconds: float, error=error) -> np.ndarray:
            if seconds > 0.1:
                assert len(files_in(tmp_path)) == 2
                raise error
            return frame_bgr

        with pytest.raises(error):
            process_video(clip, out, annotate, ignore)
        assert files_in(tmp_path) == {"in.mp4"}


@contextmanager
def small_files(most: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_video_that_does_not_fit_on_the_disk_leaves_nothing(tmp_path, out):
    source = write_clip(tmp_path / "in.mp4", noise(60))

    with (
        small_files(100_000),
        pytest.raises(UserError, match=r"out.mp4 cannot be written \(File too large\):"),
    ):
        process_video(source, out, unchanged, ignore)
    assert files_in(tmp_path) == {"in.mp4"}


def test_at_most_two_frames_are_in_memory(tmp_path, out):
    source = write_clip(tmp_path / "in.mp4", numbered_frames(20))
    seen: list[weakref.ref] = []
    alive = []

    def annotate(frame_bgr: np.ndarray, seconds: float) -> np.ndarray:
        seen.append(weakref.ref(frame_bgr))
        alive.append(sum(reference() is not None for reference in seen))
        return frame_bgr

    process_video(source, out, annotate, ignore)

    assert len(alive) == 20 and max(alive) <= 2
