"""What the README says to type must exist."""

import re
import shlex
from pathlib import Path

import cv2
import pytest
import skimage.data
from typer.main import get_command

from pipeline import cli
from pipeline.data.audit import kept_audit
from pipeline.data.store import load_dataset
from tests.conftest import TRAIN, run_pipeline
from tests.vision.clips import write_clip

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
LINES = [
    line.split("  #")[0].strip()
    for block in re.findall(r"^```\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
REAL = ROOT.parent / "shared" / "data"
PIPELINE = [line for line in LINES if line.startswith("python -m pipeline")]


def test_it_begins_with_what_this_is_a_picture_and_the_two_commands():
    title, sentence, picture, commands = README.split("\n\n")[:4]

    assert title == "# Emotion Detector" and sentence.endswith(".")
    assert picture.startswith("![")
    assert re.findall(r"^make \w+", commands, re.MULTILINE) == ["make run", "make test"]


@pytest.mark.parametrize("line", PIPELINE)
def test_every_command_and_option_exists(line):
    command, *words = shlex.split(line)[3:]
    known = get_command(cli.app).commands[command]
    options = {name for parameter in known.params for name in parameter.opts}

    assert {word for word in words if word.startswith("--")} <= options


def commands(word: str) -> list[str]:
    """Return what follows `python -m pipeline` in the lines of one command."""
    return [line.split(maxsplit=3)[3] for line in PIPELINE if line.split()[3] == word]


def test_the_sample_photo_and_video_commands_run_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    picture = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    cv2.imwrite("photo.jpg", picture)
    sample = next(line for line in commands("import") if "sample" in line)

    for line in (sample, *commands("runs"), *commands("models"), *commands("speed")):
        run_pipeline(line, tmp_path)
    write_clip(tmp_path / "clip.mp4", [picture] * 3)
    (predict,), (video,) = commands("predict"), commands("video")

    assert "happy" in run_pipeline(predict, tmp_path).stdout
    assert (tmp_path / "drawn" / "photo.png").is_file()
    run_pipeline(video, tmp_path)
    assert (tmp_path / "emotions.mp4").is_file()
    assert "happy" in (tmp_path / "emotions.csv").read_text()
    assert TRAIN in commands("train")  # what the shared run is trained by


def test_the_fer2013_commands_run_as_they_stand(tmp_path, monkeypatch):
    if not REAL.is_dir():
        pytest.skip("the real FER-2013 is not here")
    monkeypatch.chdir(tmp_path)
    for file in REAL.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (import_,) = [line for line in commands("import") if "fer2013.tar.gz" in line]
    (audit,), (exclude,), (evaluate,) = (commands(w) for w in ("audit", "exclude", "evaluate"))

    run_pipeline(import_, tmp_path)

    assert "280 (7.8%)" in run_pipeline(audit, tmp_path).stdout
    check_known_defects(tmp_path)
    assert "id,split,label" in (tmp_path / "audit.csv").read_text()
    assert "1,236 faces" in run_pipeline(exclude, tmp_path).stdout
    assert "0.693" in run_pipeline(evaluate, tmp_path).stdout
    assert "Confusion matrix" in (tmp_path / "report.html").read_text()


def check_known_defects(workspace: Path) -> None:
    """Compare what the audit of FER-2013 found with what is known of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(workspace))
        faces = load_dataset("fer2013")
        found = kept_audit(faces)
    assert found is not None
    summary = found.summary(faces)
    assert summary["identical"] == {"groups": 1273, "faces": 2805, "excess": 1532}
    assert summary["leaks"] == {"groups": 270, "public_test": 280}
    assert summary["conflicting_labels"] == {"groups": 48, "faces": 133}
    assert summary["flat"] == {"faces": 15}
    assert summary["not_a_face"] == {"faces": 160}
    assert summary["doubtful"] == {"faces": 7039}


def test_every_command_is_named():
    named = set(re.findall(r"`(\w+)`", README))

    assert set(get_command(cli.app).commands) <= named


@pytest.mark.parametrize("target", sorted(set(re.findall(r"make (\w+)\b", " ".join(LINES)))))
def test_every_make_target_exists(target):
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_linked_file_exists():
    links = re.findall(r"\]\(((?!http)[^)]+)\)", README)

    assert links and all((ROOT / link).is_file() for link in links)


def test_the_lines_without_make_install_and_start_what_make_does():
    makefile = (ROOT / "Makefile").read_text()

    assert ".venv/bin/pip install -r requirements.txt" in LINES
    assert "streamlit run dashboard/Home.py" in makefile
    assert ".venv/bin/streamlit run dashboard/Home.py" in LINES
