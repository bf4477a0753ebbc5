import csv
import os
import resource
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.labels import COLOURS, EMOTIONS
from pipeline.vision.faces import HaarDetector
from pipeline.vision.reader import FaceReader
from pipeline.vision.video import COLUMNS, process_video, recognise_video
from tests.vision.clips import face_picture, numbered, read_clip, write_clip

UNEVEN = [0, 3000, 4000, 9000, 30000, 31000, 70000, 160000]
MILLISECOND = Fraction(1, 1000)


def same(frame_bgr: np.ndarray, seconds: float) -> np.ndarray:
    return frame_bgr


def ignore(share: float) -> None:
    pass


def noise(frames: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (frames, 96, 128, 3), np.uint8))


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "in.mp4", numbered(8))


@pytest.fixture
def out(tmp_path) -> Path:
    return tmp_path / "out.mp4"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        pytest.param("a.mp4", {}, id="even"),
        pytest.param("a.mp4", {"ticks": UNEVEN}, id="variable rate"),
        pytest.param(
            "a.webm",
            {"ticks": [0, 33, 67, 900, 901, 950, 1000, 3000], "time_base": MILLISECOND}
            | {"codec": "libvpx", "options": {"live": "1"}},
            id="a browser's recording, which says no length",
        ),
        pytest.param(
            "a.avi", {"ticks": range(8), "time_base": Fraction(1, 12), "codec": "mpeg4"}, id="avi"
        ),
        pytest.param("a.mp4", {"sound": True}, id="sound"),
    ],
)
def test_frames_keep_their_order_and_times(name, settings, tmp_path, out):
    source = write_clip(tmp_path / name, numbered(8), **settings)
    seen, shares = [], []

    def annotate(frame_bgr: np.ndarray, seconds: float) -> np.ndarray:
        seen.append(seconds)
        return frame_bgr

    done = process_video(source, out, annotate, shares.append)

    pictures, times = read_clip(out)
    assert times == read_clip(source)[1] == pytest.approx(seen)
    assert [round(float(p[-8:, -8:].mean()), -1) for p in pictures] == [*range(20, 100, 10)]
    assert (done.frames, done.damaged) == (8, False)
    assert done.seconds >= times[-1]
    assert shares[-1] == 1 and 0 < shares[0] < 1
    with av.open(str(out)) as container:
        (stream,) = container.streams
        assert (stream.codec.canonical_name, stream.pix_fmt) == ("h264", "yuv420p")
        if name != "a.avi":
            assert stream.duration * stream.time_base == pytest.approx(done.seconds, abs=0.05)
    assert out.read_bytes().index(b"moov") < out.read_bytes().index(b"mdat")
    assert left_in(tmp_path) == {name, "out.mp4"}


def test_times_count_from_the_start_of_the_file(tmp_path, out):
    source = write_clip(tmp_path / "in.ts", numbered(8), ticks=range(900000, 930000, 3000))
    process_video(source, out, same, ignore)

    times = read_clip(source)[1]
    assert times[0] > 9
    assert read_clip(out)[1] == pytest.approx([seconds - times[0] for seconds in times])


def test_time_goes_on_where_a_recording_begins_anew(tmp_path, out):
    source = write_clip(tmp_path / "in.ts", numbered(8))
    source.write_bytes(2 * source.read_bytes())
    process_video(source, out, same, ignore)

    assert read_clip(out)[1] == pytest.approx([i / 30 for i in range(16)], abs=1e-4)


def test_what_the_callback_draws_is_in_the_video(clip, out):
    def annotate(frame_bgr: np.ndarray, seconds: float) -> np.ndarray:
        assert frame_bgr.shape == (48, 64, 3) and frame_bgr.dtype == np.uint8
        frame_bgr[32:, 32:] = 250 if seconds > 0.15 else 0
        return frame_bgr

    process_video(clip, out, annotate, ignore)

    drawn = [float(picture[36:, 36:].mean()) for picture in read_clip(out)[0]]
    assert max(drawn[:5]) < 15 and min(drawn[5:]) > 235


@pytest.mark.parametrize(
    ("rotation", "shape", "corner"),
    [(90, (64, 48, 3), (-1, 0)), (-90, (64, 48, 3), (0, -1)), (180, (48, 64, 3), (-1, -1))],
)
def test_a_phones_video_is_turned_upright(rotation, shape, corner, tmp_path, out):
    source = write_clip(tmp_path / "in.mp4", numbered(3), rotation=rotation)
    shapes = set()

    def annotate(frame_bgr: np.ndarray, seconds: float) -> np.ndarray:
        shapes.add(frame_bgr.shape)
        return frame_bgr

    process_video(source, out, annotate, ignore)

    picture = read_clip(out)[0][0]
    assert shapes == {shape} == {picture.shape}
    blue, green, red = picture[corner]
    assert red > 150 and blue < 90 and green < 90
    with av.open(str(out)) as container:
        assert next(container.decode(video=0)).rotation == 0


def test_an_odd_size_is_made_even_and_nothing_is_lost(tmp_path, out):
    picture = np.full((47, 63, 3), 60, np.uint8)
    picture[-3:] = picture[:, -3:] = 240
    source = write_clip(
        tmp_path / "in.mkv", [picture], ticks=[0], time_base=MILLISECOND, codec="ffv1"
    )
    process_video(source, out, same, ignore)

    (drawn,), _ = read_clip(out)
    assert drawn.shape == (48, 64, 3)
    assert drawn[-4:].min() > 200 and drawn[:, -4:].min() > 200 and drawn[:40, :56].max() < 100


def test_pixels_that_are_not_square_are_made_so(tmp_path, out):
    source = write_clip(tmp_path / "in.mp4", numbered(3), pixel=Fraction(3, 2))
    process_video(source, out, same, ignore)

    assert read_clip(out)[0][0].shape == (48, 96, 3)


def test_colours_stay(tmp_path, out):
    picture = np.zeros((48, 96, 3), np.uint8)
    picture[:, :32], picture[:, 32:64], picture[:, 64:] = (40, 40, 220), (40, 200, 60), (210, 60, 9)
    source = write_clip(tmp_path / "in.mp4", [picture] * 3)
    process_video(source, out, same, ignore)

    assert np.abs(read_clip(out)[0][1][24, 16::32].astype(int) - picture[24, 16::32]).max() < 12


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


@pytest.fixture
def reader(recognizer) -> FaceReader:
    return FaceReader(HaarDetector(30), recognizer, 0.4)


@pytest.fixture
def recognise(reader) -> Callable[..., object]:
    return lambda *paths: recognise_video(*paths, reader, ignore)


def test_a_recognised_video_has_a_row_for_each_face_that_shows(recognise, tmp_path, out):
    source = write_clip(tmp_path / "in.mp4", [face_picture()] * 8, ticks=UNEVEN)

    found = recognise(source, out, tmp_path / "faces.csv")

    with (tmp_path / "faces.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == COLUMNS
    assert COLUMNS[-7:] == EMOTIONS
    assert [row[1] for row in rows] == [str(frame) for frame in range(1, 8)]
    assert [float(row[0]) for row in rows] == pytest.approx(read_clip(source)[1][1:], abs=1e-4)
    for row in rows:
        track, x, y, width, height = map(int, row[2:7])
        assert track == 1
        assert x < 160 < x + width and y < 120 < y + height and 60 < width == height < 120
        assert row[7] == "happy" and float(row[8]) > 0.5
        assert sum(map(float, row[9:])) == pytest.approx(1, abs=1e-3)
    assert (found.faces, found.tracks, found.video.frames) == (7, 1, 8)


def test_a_recognised_video_shows_it_from_the_faces_second_frame_on(recognise, tmp_path, out):
    source = write_clip(tmp_path / "in.mp4", [face_picture(480, 640)] * 5)
    recognise(source, out, tmp_path / "faces.csv")

    pictures, _ = read_clip(out)
    with (tmp_path / "faces.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    x, y = int(first["x"]), int(first["y"])
    colour = list(bytes.fromhex(COLOURS["happy"][1:]))[::-1]

    def on_plate(picture: np.ndarray) -> float:
        plate = picture[y - 20 : y - 4, x + 4 : x + 60].astype(int)
        return float((np.abs(plate - colour).max(axis=2) < 60).mean())

    assert on_plate(pictures[0]) < 0.1
    assert min(map(on_plate, pictures[1:])) > 0.4


def test_a_video_without_faces_has_a_table_without_rows(recognise, clip, tmp_path, out):
    found = recognise(clip, out, tmp_path / "faces.csv")

    assert (tmp_path / "faces.csv").read_text().strip() == ",".join(COLUMNS)
    assert (found.faces, found.tracks) == (0, 0) and out.is_file()


def test_a_table_is_made_only_if_asked_for(recognise, clip, tmp_path, out):
    recognise(clip, out, None)

    assert left_in(tmp_path) == {"in.mp4", "out.mp4"}


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("out.mp4", "cannot be both the video and the table"),
        ("in.mp4", "in.mp4 exists already"),
        ("no/faces.csv", "faces.csv cannot be written"),
    ],
)
def test_a_table_that_cannot_be_written_leaves_nothing(
    table, sentence, recognise, clip, tmp_path, out
):
    with pytest.raises(UserError, match=sentence):
        recognise(clip, out, tmp_path / table)
    assert left_in(tmp_path) == {"in.mp4"}


def test_without_a_video_there_is_no_table(recognise, tmp_path, out):
    write_text_file(tmp_path / "in.mp4")
    with pytest.raises(UserError, match="not a video"):
        recognise(tmp_path / "in.mp4", out, tmp_path / "faces.csv")
    assert left_in(tmp_path) == {"in.mp4"}


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "x:y.mp4", numbered(3))
    os.rename("x:y.mp4", "http:in.mp4")

    assert process_video(Path("http:in.mp4"), Path("a:out.mp4"), same, ignore).frames == 3
