"""`predict --output` and `video --output`: any number of inputs, in parts."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import pandas as pd
import psutil
import pytest

from pipeline.errors import UserError
from pipeline.queue.engines import engine
from tests.cli.commands import document, output
from tests.conftest import invoke, wait_for
from tests.data.source_makers import write_folder, write_tar, write_zip
from tests.vision.clips import face_image, write_clip

BUNDLED = "custom_cnn"
LONG = "x" * 256 + ".jpg"


def jpeg(width: int = 320) -> bytes:
    return cv2.imencode(".jpg", face_image(240, width))[1].tobytes()


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for name in ("parts", "videos") for path in (folder / name).iterdir())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def table(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "parts")


@pytest.fixture
def sources(tmp_path) -> list[str]:
    """A folder, a zip, a tar with another order, and a list: 10 photos with a face in each."""
    files = {f"{i}.jpg": jpeg(320 + 40 * i) for i in range(3)}
    write_folder(tmp_path / "photos", {**files, "notes.txt": b"x", "more/3.jpg": jpeg()})
    write_zip(tmp_path / "a.zip", {"b/2.jpg": jpeg(400), "b/1.jpg": jpeg(480), "b/notes.txt": b"x"})
    write_tar(tmp_path / "b.tar.gz", {"2.jpg": jpeg(400), "1.jpg": jpeg(480)})
    write_zip(tmp_path / "in.zip", {"c.png": jpeg()})
    (tmp_path / "list.txt").write_text(f"more.jpg\n\n{tmp_path}/in.zip\nmore.jpg\n")
    (tmp_path / "more.jpg").write_bytes(jpeg(360))
    return [str(tmp_path / name) for name in ("photos", "a.zip", "b.tar.gz", "list.txt")]


def predict(folder: Path, *words: str) -> dict:
    return document("predict", BUNDLED, *words, "--output", str(folder))


@pytest.mark.slow
def test_any_number_of_processes_writes_the_bytes_of_one(sources, tmp_path):
    counts = {}
    for workers in ("1", "2"):
        folder = tmp_path / workers
        counts[workers] = predict(folder, *sources, "--part-size", "3", "--workers", workers)
    assert hashes(tmp_path / "1") == hashes(tmp_path / "2") and len(hashes(tmp_path / "1")) == 3
    assert counts["2"] == {
        **{"output": str(tmp_path / "2"), "parts": 3},
        **{"photos": 9, "faces": 9, "failures": 0},
    }
    found = table(tmp_path / "2")
    names = "photos/0.jpg photos/1.jpg photos/2.jpg a.zip/b/1.jpg a.zip/b/2.jpg b.tar.gz/2.jpg"
    names += " b.tar.gz/1.jpg more.jpg in.zip/c.png"
    assert [str(Path(path).relative_to(tmp_path)) for path in found["path"]] == names.split()
    assert found["problem"].isna().all() and found["face"].eq(1).all()

    csv = tmp_path / "photos.csv"
    output("predict", BUNDLED, sources[0], "--csv", str(csv))
    predict(tmp_path / "csv", sources[0], "--format", "csv")
    columns = pd.read_csv(csv).columns
    written = pd.read_csv(tmp_path / "csv" / "parts" / "part-00000.csv")[columns]
    pd.testing.assert_frame_equal(written, pd.read_csv(csv))


@pytest.mark.slow
def test_failures_are_rows_and_counted_at_the_end(tmp_path, capsys):
    good, broken = jpeg(), jpeg()[:40]
    files = {"1.jpg": good, "2.jpg": broken, "3.jpg": b"", "4.jpg": good, "in.tgz": b"x"}
    write_zip(tmp_path / "a.zip", files)
    write_zip(tmp_path / "escapes.zip", {"1.jpg": good, "../x.jpg": good})
    whole = write_tar(tmp_path / "whole.tar", {"1.jpg": good, "2.jpg": good}, "w").read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 4])
    (tmp_path / "list.txt").write_text(f"\ufeffmissing.jpg\n{LONG}\nempty\na.zip")
    (tmp_path / "empty").mkdir()
    sources = [str(tmp_path / name) for name in ("list.txt", "escapes.zip", "cut.tar")]

    code, out, err = invoke(
        "predict", BUNDLED, *sources, "--output", str(tmp_path / "out"), "--json", capsys=capsys
    )

    assert code == 1 and "9 of 11 photos could not be recognized" in err and "missing.jpg" in err
    assert '"failures": 9' in out
    found = table(tmp_path / "out")
    names = (str(Path(path).relative_to(tmp_path)) for path in found["path"])
    problems = dict(zip(names, found["problem"], strict=True))
    for name, sentence in {
        "missing.jpg": "cannot be read: No such file",
        LONG: "File name too long",
        "empty": "holds no image",
        "a.zip/1.jpg": None,
        "a.zip/2.jpg": "not an image that can be decoded",
        "a.zip/3.jpg": "is empty and not an image",
        "a.zip/4.jpg": None,
        "a.zip/in.tgz": "unpack it first",
        "escapes.zip": "'../x.jpg' escapes the folder",
        "cut.tar/1.jpg": "is damaged",
        "cut.tar": "is damaged",
    }.items():
        problem = problems.pop(name)
        assert sentence in problem if sentence else pd.isna(problem), (name, problem)
    assert not problems

    (tmp_path / "list.txt").write_text("\n")
    (tmp_path / "utf16.txt").write_text("1.jpg", encoding="utf-16")
    for source, sentence in (
        ("list.txt", "is empty"),
        ("utf16.txt", "is no list in UTF-8"),
        (LONG, "File name too long"),
        ("empty", "holds no image"),
        ("*.x", "match"),
    ):
        with pytest.raises(UserError, match=sentence):
            predict(tmp_path / "none", str(tmp_path / source))
    assert not (tmp_path / "none" / "manifest.json").exists()


def start(folder: Path, source: Path) -> subprocess.Popen:
    words = ["predict", BUNDLED, str(source), "--output", str(folder), "--part-size", "1"]
    return subprocess.Popen(
        [sys.executable, "-m", "pipeline", *words, "--workers", "2"],
        stderr=subprocess.PIPE,
        text=True,
    )


def parts(folder: Path) -> dict[str, int]:
    try:
        return {path.name: path.stat().st_mtime_ns for path in (folder / "parts").glob("part*")}
    except FileNotFoundError:
        return {}


@pytest.mark.slow
def test_what_is_killed_goes_on_without_doing_a_part_twice(tmp_path):
    source = write_folder(tmp_path / "photos", {f"{i:02}.jpg": jpeg(1600) for i in range(60)})
    folder = tmp_path / "out"

    command = start(folder, source)
    wait_for(lambda: len(parts(folder)) > 3)
    children = psutil.Process(command.pid).children(recursive=True)
    command.kill()
    command.communicate()
    psutil.wait_procs(children, 5)
    assert not any(child.is_running() for child in children)
    done = parts(folder)
    assert 3 < len(done) < 60

    command = start(folder, source)
    wait_for(lambda: len(parts(folder)) > len(done) + 2)
    with pytest.raises(UserError, match="Another command writes to"):
        predict(folder, str(source), "--part-size", "1")
    workers = [
        child
        for child in psutil.Process(command.pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    ]
    os.kill(workers[0].pid, signal.SIGKILL)
    error = command.communicate(timeout=60)[1]
    assert "A process was killed" in error and "of 60, first part-" in error
    assert command.returncode == 1 and done.items() < parts(folder).items()
    done = parts(folder)

    assert predict(folder, str(source), "--part-size", "1")["photos"] == 60

    assert done.items() < parts(folder).items() and len(parts(folder)) == 60
    assert table(folder)["path"].tolist() == [str(path) for path in sorted(source.iterdir())]
    assert sorted(path.name for path in (folder / "parts").iterdir()) == sorted(parts(folder))
    predict(tmp_path / "at-once", str(source), "--part-size", "1")
    assert hashes(folder) == hashes(tmp_path / "at-once")


@pytest.mark.slow
def test_a_folder_belongs_to_one_command(tmp_path, monkeypatch):
    source = write_folder(tmp_path / "photos", {"1.jpg": jpeg(), "2.jpg": jpeg()})
    folder = tmp_path / "out"
    predict(folder, str(source))
    (other := tmp_path / "other").mkdir()
    (other / "mine").touch()

    monkeypatch.setenv("EMOTION_YUNET", str(tmp_path / "missing.onnx"))
    for target, words, sentence in (
        (tmp_path / "new", [str(source), "--detector", "yunet"], "there is no file .*missing.onnx"),
        (folder, [str(source), "--two-views"], "another --two-views"),
        (folder, [str(source), "--detector", "blazeface"], "another --detector"),
        (folder, [str(source), "--part-size", "1"], "another --part-size"),
        (folder, [str(source / "1.jpg")], "another list of files"),
        (other, [str(source)], "holds something else"),
        (other, [str(source), "--csv", str(tmp_path / "x.csv")], "do not go with --output"),
    ):
        with pytest.raises(UserError, match=sentence):
            predict(target, *words)
    with pytest.raises(UserError, match="--engine goes with --output FOLDER"):
        document("predict", BUNDLED, str(source), "--engine", "local")


@pytest.mark.slow
def test_videos_have_a_table_and_a_copy_each_and_go_on_one_by_one(tmp_path, capsys):
    clip = write_clip(tmp_path / "clip.mp4", [face_image()] * 40)
    videos = write_folder(tmp_path / "in", {"a.mp4": clip.read_bytes(), "b.mp4": b"no video"})
    write_zip(tmp_path / "c.zip", {"c.mp4": clip.read_bytes(), "notes.txt": b"x"})
    sources = [str(videos), str(tmp_path / "c.zip")]
    folder = videos / "out"  # what is written there is no input of the same command
    words = ["video", BUNDLED, *sources, "--output", str(folder), "--workers", "1"]
    words += ["--annotated", "--recursive"]

    code, out, err = invoke(*words, capsys=capsys)

    assert code == 1 and "1 of 3 videos could not be recognized" in err
    found = table(folder)
    names = [str(videos / "a.mp4"), str(videos / "b.mp4"), f"{tmp_path}/c.zip/c.mp4"]
    assert list(dict.fromkeys(found["path"])) == names
    assert "b.mp4 is not a video" in found.loc[found["path"] == names[1], "problem"].item()
    before = hashes(folder)
    assert [name for name in before if name.endswith("mp4")] == ["00000-a.mp4", "00002-c.mp4"]
    assert before["00000-a.mp4"] == before["00002-c.mp4"]
    csv = tmp_path / "a.csv"
    output("video", BUNDLED, str(clip), str(tmp_path / "a.mp4"), "--csv", str(csv))
    expected, own = pd.read_csv(csv), found[found["path"] == names[0]]
    assert own["frame"].tolist() == expected["frame"].tolist()
    assert own["confidence"].to_numpy() == pytest.approx(expected["confidence"], abs=1e-4)

    times = parts(folder)
    (folder / "parts" / "part-00002.parquet").unlink()
    invoke(*words, capsys=capsys)
    assert hashes(folder) == before
    assert {name for name, time in parts(folder).items() if times[name] == time} == {
        "part-00000.parquet",
        "part-00001.parquet",
    }


def test_without_the_extra_a_sentence_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    source, folder = write_folder(tmp_path / "photos", {"1.jpg": jpeg()}), tmp_path / "out"
    with pytest.raises(UserError, match=r"pip install '\.\[ray\]'"):
        document("predict", BUNDLED, str(source), "--output", str(folder), "--engine", "ray")
    assert not folder.exists()
