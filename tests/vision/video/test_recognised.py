import csv
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.labels import COLOURS, EMOTIONS
from pipeline.vision.faces import HaarDetector
from pipeline.vision.reader import FaceReader
from pipeline.vision.video import COLUMNS, process_video, recognise_video
from tests.vision.clips import face_picture, numbered, read_clip, write_clip
from tests.vision.video.conftest import UNEVEN, ignore, left_in, same


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
    (tmp_path / "in.mp4").write_text("no video\n" * 100)
    with pytest.raises(UserError, match="not a video"):
        recognise(tmp_path / "in.mp4", out, tmp_path / "faces.csv")
    assert left_in(tmp_path) == {"in.mp4"}


def test_a_name_that_looks_like_an_address_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "x:y.mp4", numbered(3))
    os.rename("x:y.mp4", "http:in.mp4")

    assert process_video(Path("http:in.mp4"), Path("a:out.mp4"), same, ignore).frames == 3
