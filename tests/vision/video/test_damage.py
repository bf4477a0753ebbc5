import resource
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.vision.video import process_video
from tests.vision.clips import face_picture, numbered, read_clip, write_clip
from tests.vision.video.conftest import MILLISECOND, ignore, left_in, same


def noise(frames: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (frames, 96, 128, 3), np.uint8))


@pytest.mark.parametrize("damage", ["cut off", "overwritten"])
def test_of_a_damaged_file_what_can_be_read_is_written(damage, tmp_path, out):
    ticks = range(0, 40 * 9000, 9000)
    source = write_clip(
        tmp_path / "in.mp4", noise(40), ticks=ticks, options={"movflags": "faststart"}
    )
    content = bytearray(source.read_bytes())
    middle = len(content) // 2
    if damage == "cut off":
        del content[middle:]
    else:
        content[middle : middle + 20000] = bytes(20000)
    source.write_bytes(content)

    done = process_video(source, out, same, ignore)

    assert done.damaged and 5 < done.frames < 40
    assert len(read_clip(out)[0]) == done.frames


def test_a_recording_that_ends_before_the_time_it_says_is_damaged(tmp_path, out):
    source = write_clip(
        tmp_path / "in.webm", noise(30), ticks=range(0, 6000, 200), time_base=MILLISECOND,
        codec="libvpx",
    )  # fmt: skip
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])

    done = process_video(source, out, same, ignore)

    assert done.damaged and 5 < done.frames < 25


def write_text_file(path: Path) -> None:
    path.write_text("no video\n" * 100)


def write_photo(path: Path) -> None:
    frame = av.VideoFrame.from_ndarray(face_picture(), format="bgr24")
    frame.save(str(path))


def write_cut_off(path: Path) -> None:
    write_clip(path, numbered(8))
    path.write_bytes(path.read_bytes()[:-200])  # its index is at the end


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode())


def write_unknown_codec(path: Path) -> None:
    write_clip(path, numbered(8))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))


def write_playlist(path: Path) -> None:
    write_clip(path.with_name("secret.ts"), numbered(8))
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nsecret.ts\n#EXT-X-ENDLIST\n")


@pytest.mark.parametrize(
    ("name", "write"),
    [
        pytest.param("x.txt", write_text_file, id="text"),
        pytest.param("x.mp4", write_text_file, id="text that says it is a video"),
        pytest.param("x.mp4", Path.touch, id="empty"),
        pytest.param("x.png", write_photo, id="photo"),
        pytest.param("x.mp4", write_cut_off, id="cut off before its index"),
        pytest.param("x.mp4", write_sound, id="sound only"),
        pytest.param("x.mp4", write_unknown_codec, id="unknown codec"),
        pytest.param("x.m3u8", write_playlist, id="playlist"),
    ],
)
def test_a_file_without_a_readable_video_is_one_sentence(name, write, tmp_path, out):
    write(tmp_path / name)
    before = left_in(tmp_path)

    with pytest.raises(
        UserError, match=rf"{name} is not a video that can be read: give an MP4[^\n]*$"
    ):
        process_video(tmp_path / name, out, same, ignore)
    assert left_in(tmp_path) == before


def test_a_video_without_a_picture_that_decodes_leaves_nothing(tmp_path, out):
    source = write_clip(tmp_path / "in.mp4", numbered(8), options={"movflags": "faststart"})
    content = source.read_bytes()
    start = content.index(b"mdat") + 4
    source.write_bytes(content[:start] + bytes(len(content) - start))

    with pytest.raises(UserError, match=r"^No picture of [^\n]*in.mp4 can be read: give a video"):
        process_video(source, out, same, ignore)
    assert left_in(tmp_path) == {"in.mp4"}


@pytest.mark.parametrize(
    ("source", "target", "sentence"),
    [
        ("no.mp4", "out.mp4", r"no.mp4 cannot be read: No such file or directory\.$"),
        (".", "out.mp4", r"cannot be read: Is a directory\.$"),
        ("in.mp4", "in.mp4", r"in.mp4 exists already: remove it, or choose another name\.$"),
        (
            "in.mp4",
            "no/out.mp4",
            r"out.mp4 cannot be written \(No such file or directory\): choose",
        ),
        ("in.mp4", "in.mp4/out.mp4", r"out.mp4 cannot be written \(Not a directory\): choose"),
    ],
)
def test_wrong_paths_are_one_sentence(source, target, sentence, clip, tmp_path):
    content = clip.read_bytes()

    with pytest.raises(UserError, match=sentence):
        process_video(tmp_path / source, tmp_path / target, same, ignore)
    assert left_in(tmp_path) == {"in.mp4"} and clip.read_bytes() == content


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_work_that_is_cut_off_leaves_nothing(error, clip, out, tmp_path):
    def annotate(frame_bgr: np.ndarray, seconds: float) -> np.ndarray:
        if seconds > 0.1:
            assert len(left_in(tmp_path)) == 2
            raise error
        return frame_bgr

    with pytest.raises(error):
        process_video(clip, out, annotate, ignore)
    assert left_in(tmp_path) == {"in.mp4"}


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
        pytest.raises(UserError, match=r"out.mp4 cannot be written \(File too large\): choose"),
    ):
        process_video(source, out, same, ignore)
    assert left_in(tmp_path) == {"in.mp4"}


def test_no_frame_is_kept(tmp_path, out):
    source = write_clip(tmp_path / "in.mp4", numbered(20))
    seen: list[weakref.ref] = []
    alive = []

    def annotate(frame_bgr: np.ndarray, seconds: float) -> np.ndarray:
        seen.append(weakref.ref(frame_bgr))
        alive.append(sum(reference() is not None for reference in seen))
        return frame_bgr

    process_video(source, out, annotate, ignore)

    assert len(alive) == 20 and max(alive) <= 2
