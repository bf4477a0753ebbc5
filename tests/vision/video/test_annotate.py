"""Frames keep order, times, size and colors; faces are drawn and written to a table."""

import csv
import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.labels import COLORS, EMOTIONS
from pipeline.vision.boxes import Box
from pipeline.vision.detectors import Detector
from pipeline.vision.detectors.haar import HaarDetector
from pipeline.vision.face_pipeline import FacePipeline
from pipeline.vision.video.annotate import COLUMNS, process_video, recognize_video
from tests.vision.clips import face_image, numbered_frames, read_clip, write_clip
from tests.vision.video.conftest import MILLISECOND, UNEVEN, files_in, ignore, unchanged

KINDS = {
    "even.mp4": {},
    "variable_rate.mp4": {"ticks": UNEVEN},
    "browser_recording.webm": {
        "ticks": [0, 33, 67, 900, 901, 950, 1000, 3000],
        "time_base": MILLISECOND,
        "codec": "libvpx",
        "options": {"live": "1"},  # which does not state its duration
    },
    "a.avi": {"ticks": range(8), "time_base": Fraction(1, 12), "codec": "mpeg4"},
    "sound.mp4": {"sound": True},
}


@pytest.mark.parametrize("name", KINDS)
def test_frames_keep_their_order_and_times(name, tmp_path, out):
    source = write_clip(tmp_path / name, numbered_frames(8), **KINDS[name])
    seen, fractions = [], []

    def annotate(frame_bgr: np.ndarray, seconds: float) -> np.ndarray:
        seen.append(seconds)
        return frame_bgr

    done = process_video(source, out, annotate, fractions.append)

    frames, times = read_clip(out)
    assert times == read_clip(source)[1] == pytest.approx(seen)
    assert [round(float(f[-8:, -8:].mean()), -1) for f in frames] == [*range(20, 100, 10)]
    assert (done.frames, done.damaged) == (8, False)
    assert done.seconds >= times[-1]
    assert fractions[-1] == 1 and 0 < fractions[0] < 1
    with av.open(str(out)) as container:
        (stream,) = container.streams
        assert (stream.codec.canonical_name, stream.pix_fmt) == ("h264", "yuv420p")
        if name != "a.avi":
            assert stream.duration * stream.time_base == pytest.approx(done.seconds, abs=0.05)
    assert out.read_bytes().index(b"moov") < out.read_bytes().index(b"mdat")
    assert files_in(tmp_path) == {name, "out.mp4"}


def test_times_start_at_0_and_go_on_where_a_recording_starts_again(tmp_path, out):
    late = write_clip(tmp_path / "a.ts", numbered_frames(8), ticks=range(900000, 930000, 3000))
    process_video(late, out, unchanged, ignore)
    times = read_clip(late)[1]
    assert times[0] > 9
    assert read_clip(out)[1] == pytest.approx([seconds - times[0] for seconds in times])

    again = write_clip(tmp_path / "b.ts", numbered_frames(8))
    again.write_bytes(2 * again.read_bytes())
    process_video(again, tmp_path / "b.mp4", unchanged, ignore)
    times = read_clip(tmp_path / "b.mp4")[1]
    assert times == pytest.approx([i / 30 for i in range(16)], abs=1e-4)


def test_what_the_callback_draws_is_in_the_video(clip, out):
    def annotate(frame_bgr: np.ndarray, seconds: float) -> np.ndarray:
        assert frame_bgr.shape == (48, 64, 3) and frame_bgr.dtype == np.uint8
        frame_bgr[32:, 32:] = 250 if seconds > 0.15 else 0
        return frame_bgr

    process_video(clip, out, annotate, ignore)

    values = [float(frame[36:, 36:].mean()) for frame in read_clip(out)[0]]
    assert max(values[:5]) < 15 and min(values[5:]) > 235


def test_a_phones_video_is_turned_upright(tmp_path):
    for rotation, shape, corner in (
        (90, (64, 48, 3), (-1, 0)),
        (-90, (64, 48, 3), (0, -1)),
        (180, (48, 64, 3), (-1, -1)),
    ):
        out = tmp_path / f"out{rotation}.mp4"
        source = write_clip(tmp_path / "in.mp4", numbered_frames(3), rotation=rotation)
        shapes = set()

        def annotate(frame_bgr: np.ndarray, seconds: float, shapes=shapes) -> np.ndarray:
            shapes.add(frame_bgr.shape)
            return frame_bgr

        process_video(source, out, annotate, ignore)

        frame = read_clip(out)[0][0]
        assert shapes == {shape} == {frame.shape}, rotation
        blue, green, red = frame[corner]
        assert red > 150 and blue < 90 and green < 90, rotation
        with av.open(str(out)) as container:
            assert next(container.decode(video=0)).rotation == 0


def test_an_odd_size_is_made_even_and_nothing_is_lost(tmp_path, out):
    image = np.full((47, 63, 3), 60, np.uint8)
    image[-3:] = image[:, -3:] = 240
    source = write_clip(
        tmp_path / "in.mkv", [image], ticks=[0], time_base=MILLISECOND, codec="ffv1"
    )
    process_video(source, out, unchanged, ignore)

    (frame,), _ = read_clip(out)
    assert frame.shape == (48, 64, 3)
    assert frame[-4:].min() > 200 and frame[:, -4:].min() > 200 and frame[:40, :56].max() < 100


def test_pixels_become_square_and_colors_stay(tmp_path, out):
    wide = write_clip(tmp_path / "wide.mp4", numbered_frames(3), pixel=Fraction(3, 2))
    process_video(wide, out, unchanged, ignore)
    assert read_clip(out)[0][0].shape == (48, 96, 3)

    image = np.zeros((48, 96, 3), np.uint8)
    image[:, :32], image[:, 32:64], image[:, 64:] = (40, 40, 220), (40, 200, 60), (210, 60, 9)
    source = write_clip(tmp_path / "in.mp4", [image] * 3)
    process_video(source, tmp_path / "colors.mp4", unchanged, ignore)
    frame = read_clip(tmp_path / "colors.mp4")[0][1]
    assert np.abs(frame[24, 16::32].astype(int) - image[24, 16::32]).max() < 12


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "x:y.mp4", numbered_frames(3))
    os.rename("x:y.mp4", "http:in.mp4")
    done = process_video(Path("http:in.mp4"), Path("a:out.mp4"), unchanged, ignore)
    assert done.frames == 3


@pytest.fixture
def recognize(recognizer):
    """Recognize the faces of a video with the bundled model."""
    pipeline = FacePipeline(HaarDetector(30), recognizer, 0.4)
    return lambda *paths: recognize_video(*paths, pipeline, ignore)


def test_the_table_has_a_row_for_each_face_from_its_second_frame_on(recognize, tmp_path, out):
    source = write_clip(tmp_path / "in.mp4", [face_image()] * 8, ticks=UNEVEN)

    found = recognize(source, out, tmp_path / "faces.csv")

    with (tmp_path / "faces.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert (
        tuple(header)
        == COLUMNS
        == (
            "time_s",
            "frame",
            "track",
            "x",
            "y",
            "width",
            "height",
            "emotion",
            "confidence",
            *EMOTIONS,
        )
    )
    assert [row[1] for row in rows] == [str(frame) for frame in range(1, 8)]
    assert [float(row[0]) for row in rows] == pytest.approx(read_clip(source)[1][1:], abs=1e-4)
    for row in rows:
        track, x, y, width, height = map(int, row[2:7])
        assert track == 1
        assert x < 160 < x + width and y < 120 < y + height and 60 < width == height < 120
        assert row[7] == "happy" and float(row[8]) > 0.5
        assert sum(map(float, row[9:])) == pytest.approx(1, abs=1e-3)
    assert (found.faces, found.tracks, found.video.frames) == (7, 1, 8)


def test_faces_of_less_than_a_second_are_in_no_row_and_others_are_from_the_beginning(
    stub, tmp_path, out
):
    seen = {"left": (0.0, 3.0), "right": (0.5, 1.7), "short": (0.2, 1.1), "shorter": (2.0, 2.3)}
    boxes = {name: Box(70 * i, 20, 60, 60) for i, name in enumerate(seen)}

    class Scene(Detector):
        now_s = 0.0

        def detect(self, gray: np.ndarray) -> list[Box]:
            now_s, self.now_s = self.now_s, self.now_s + 0.1
            return [boxes[name] for name, (a, b) in seen.items() if a - 0.01 < now_s < b + 0.01]

    source = write_clip(
        tmp_path / "in.mp4",
        [np.full((120, 320, 3), 90, np.uint8)] * 31,
        ticks=range(0, 10**6, 9000),
    )
    table = tmp_path / "faces.csv"
    found = recognize_video(source, out, table, FacePipeline(Scene(30), stub, 0.0), ignore)

    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    first_s = {}
    for row in rows:
        first_s.setdefault((row["track"], int(row["x"])), float(row["time_s"]))
    assert first_s == pytest.approx({("1", 0): 0.1, ("2", 70): 0.6})
    assert [int(row["frame"]) for row in rows] == sorted(int(row["frame"]) for row in rows)
    assert (found.tracks, found.faces) == (2, len(rows))


def test_a_face_is_drawn_from_its_second_frame_on(recognize, tmp_path, out):
    source = write_clip(
        tmp_path / "in.mp4", [face_image(480, 640)] * 5, ticks=range(0, 10**6, 30_000)
    )
    recognize(source, out, tmp_path / "faces.csv")

    frames, _ = read_clip(out)
    with (tmp_path / "faces.csv").open(newline="") as file:
        first = next(csv.DictReader(file))
    x, y = int(first["x"]), int(first["y"])
    color = list(bytes.fromhex(COLORS["happy"][1:]))[::-1]

    def label_color(frame: np.ndarray) -> float:
        label = frame[y - 20 : y - 4, x + 4 : x + 60].astype(int)
        return float((np.abs(label - color).max(axis=2) < 60).mean())

    assert label_color(frames[0]) < 0.1
    assert min(map(label_color, frames[1:])) > 0.4


def test_a_video_without_faces_has_a_table_without_rows_if_one_is_asked_for(
    recognize, clip, tmp_path, out
):
    recognize(clip, out, None)
    assert files_in(tmp_path) == {"in.mp4", "out.mp4"}
    out.unlink()
    found = recognize(clip, out, tmp_path / "faces.csv")
    assert (tmp_path / "faces.csv").read_text().strip() == ",".join(COLUMNS)
    assert (found.faces, found.tracks) == (0, 0) and out.is_file()


def test_a_video_or_a_table_that_cannot_be_read_or_written_leaves_nothing(
    recognize, clip, tmp_path, out
):
    for table, sentence in (
        ("out.mp4", "cannot be both the video and the table"),
        ("in.mp4", "in.mp4 exists already"),
        ("no/faces.csv", "faces.csv cannot be written"),
    ):
        with pytest.raises(UserError, match=sentence):
            recognize(clip, out, tmp_path / table)
        assert files_in(tmp_path) == {"in.mp4"}
    clip.write_text("no video\n" * 100)
    with pytest.raises(UserError, match="not a video"):
        recognize(clip, out, tmp_path / "faces.csv")
    assert files_in(tmp_path) == {"in.mp4"}
