"""Commands, files and variables in README and docs/ exist, and most commands are run."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import cv2
import pandas as pd
import pytest
import skimage.data
from typer.main import get_command
from typer.testing import CliRunner

from pipeline import cli
from pipeline.data.audit import load_audit
from pipeline.data.store import load_dataset
from pipeline.workspace import PROJECT
from tests.conftest import TRAIN, run_pipeline
from tests.data.source_makers import noise_file, write_zip
from tests.vision.clips import write_clip

PAGES = {
    path: path.read_text()
    for path in (
        PROJECT / "README.md",
        PROJECT / "CONTRIBUTING.md",
        *sorted((PROJECT / "docs").glob("*.md")),
    )
}
README = PAGES[PROJECT / "README.md"]
TEXT = "\n".join(PAGES.values())
LINES = [
    line.split("  #")[0].strip()
    for block in re.findall(r"^```\w*\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    for line in block.splitlines()
]
PIPELINE = [shlex.split(line)[3:] for line in LINES if line.startswith("python -m pipeline")]
COMMANDS = {
    name: command for name, command in get_command(cli.app).commands.items() if not command.hidden
}
MAKEFILE = (PROJECT / "Makefile").read_text()
FER2013 = PROJECT.parent / "shared" / "data"


def options(command: str) -> set[str]:
    return {name for parameter in COMMANDS[command].params for name in parameter.opts}


def documented(command: str, *words: str) -> list[str]:
    """Return the words of the one documented line of a command that has these words."""
    found = [line for line in PIPELINE if line[0] == command and {*words} <= {*line}]
    assert len({tuple(line) for line in found}) == 1, (command, words)
    return found[0]


def run(words: list[str]) -> str:
    """Run a command in this process, which is quicker, and return what it printed."""
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 0, (words, done.output, done.exception)
    return done.output


def test_readme_begins_with_a_sentence_an_image_and_the_two_commands():
    title, sentence, image, commands = README.split("\n\n")[:4]

    assert title == "# Emotion Detector" and sentence.endswith(".")
    assert image.startswith("![")
    assert re.findall(r"^make \w+", commands, re.MULTILINE) == ["make run", "make test"]
    assert len(README.splitlines()) < 150


def test_every_command_and_option_exists_and_every_command_is_named():
    for command, *words in PIPELINE:
        assert {word for word in words if word.startswith("--")} <= options(command), command
    everywhere = set().union(*map(options, COMMANDS))
    named = set(re.findall(r"`(--[a-z][a-z0-9-]+)", TEXT))
    assert named <= {*everywhere, "--help"}
    assert set(COMMANDS) <= set(re.findall(r"`([\w-]+)`", TEXT))
    training = PAGES[PROJECT / "docs" / "training.md"]
    for option in (each for each in COMMANDS["train"].params if not each.hidden):
        assert re.search(rf"{option.opts[0]}\b", training), option.opts


def test_every_make_target_exists_and_is_named():
    named = set(re.findall(r"^make ([a-z-]+)|`make ([a-z-]+)", TEXT, re.MULTILINE))
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))

    assert {"".join(target) for target in named} == targets - {"browser", "servers"}


def test_every_linked_file_exists():
    for path, text in PAGES.items():
        for link in re.findall(r"\]\(((?!http)[^)#]+)", text):
            assert (path.parent / link).exists(), (path.name, link)


def test_every_module_and_variable_exists():
    """Modules may be named from any folder on: `vision/boxes.py` is `pipeline/vision/boxes.py`."""
    tops = ("dashboard", "models", "pipeline", "tests")
    files = [path for top in tops for path in (PROJECT / top).rglob("*.py")]
    modules = {f"/{path.relative_to(PROJECT).as_posix()}" for path in files}
    for name in re.findall(r"(?<![\w/])[\w/]+\.py\b", TEXT):
        if not name.endswith("x.py"):  # a newcomer's
            assert any(module.endswith(f"/{name}") for module in modules), name
    source = "\n".join(path.read_text() for path in files)
    for name in re.findall(r"EMOTION_\w+", TEXT):
        assert f'"{name}"' in source, name


def test_the_tree_of_the_architecture_names_every_module():
    tree = PAGES[PROJECT / "docs" / "architecture.md"].split("```")[1]
    words = set(re.findall(r"\w+", tree))
    for path in (PROJECT / "pipeline").rglob("*.py"):
        if path.parent.name not in ("charts", "cli", "detectors", "readers"):
            stem = path.stem if not path.stem.startswith("__") else path.parent.name
            assert stem in words, path


@pytest.mark.slow
def test_the_commands_for_the_sample_a_photo_and_a_video_run_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    portrait = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    cv2.imwrite("photo.jpg", portrait)
    write_clip(tmp_path / "clip.mp4", [portrait] * 3)

    run(documented("import", "sample"))
    assert documented("train", "sample") == TRAIN.split()  # see test_commands.py
    for words in (["audit", "sample"], ["runs"], ["models"], ["speed"]):
        run(documented(*words))
    assert "accuracy" in run(documented("evaluate", "sample"))
    assert "Confusion matrix" in (tmp_path / "report.html").read_text()
    assert "resnet50v2" in run(documented("compare", "sample"))
    assert "happy" in run(documented("predict", "--annotated"))
    assert (tmp_path / "annotated" / "photo.png").is_file()
    run(documented("video", "--csv"))
    assert (tmp_path / "emotions.mp4").is_file()
    assert "happy" in (tmp_path / "emotions.csv").read_text()
    for folder, file in (("photos", "photo.jpg"), ("videos", "clip.mp4")):
        (tmp_path / folder).mkdir()
        (tmp_path / file).rename(tmp_path / folder / file)
    assert "1" in run(documented("predict", "photos"))
    run(documented("video", "videos"))
    assert {"happy"} <= {*pd.read_parquet("faces/parts")["emotion"]}
    assert (tmp_path / "emotions" / "videos" / "00000-clip.mp4").is_file()


def test_the_commands_for_images_run_as_they_stand(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_WORKSPACE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for name, images in {
        "faces": ("train/sad/a.png", "fold1/sad/b.png", "fold2/sad/c.png"),
        "subjects": ("S001/sad/a.png", "S002/sad/b.png"),
        "raf-db": ("train/1/a.png", "test/7/b.png"),
        "affectnet": ("happy/a.png", "contempt/b.png", "7/c.png"),
    }.items():
        write_zip(tmp_path / f"{name}.zip", {image: noise_file(1) for image in images})
        assert f"faces as '{name}'" in run(documented("import", f"{name}.zip"))


@pytest.mark.slow
def test_the_commands_for_fer2013_run_as_they_stand(tmp_path, monkeypatch):
    if not FER2013.is_dir():
        pytest.skip("the real FER-2013 is not here")
    monkeypatch.chdir(tmp_path)
    for file in FER2013.iterdir():
        (tmp_path / file.name).symlink_to(file)

    def real(command: str, *words: str) -> str:
        return run_pipeline(shlex.join(documented(command, *words)), tmp_path).stdout

    real("import", "fer2013.tar.gz")
    assert "280 (7.8%)" in real("audit", "fer2013")
    check_known_defects(tmp_path)
    assert "id,split,label" in (tmp_path / "audit.csv").read_text()
    assert "1,236 faces" in real("exclude", "duplicates")
    assert "0.693" in real("evaluate", "fer2013")
    assert "Confusion matrix" in (tmp_path / "report.html").read_text()


def check_known_defects(workspace: Path) -> None:
    """Compare what the audit of FER-2013 found with what is known of it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(workspace))
        faces = load_dataset("fer2013")
        found = load_audit(faces)
    assert found is not None
    summary = found.summary(faces)
    assert summary["identical"] == {"groups": 1273, "faces": 2805, "excess": 1532}
    assert summary["leaks"] == {"groups": 270, "public_test": 280}
    assert summary["conflicting_labels"] == {"groups": 48, "faces": 133}
    assert summary["flat"] == {"faces": 15}
    assert summary["not_a_face"] == {"faces": 160}
    assert summary["doubtful"] == {"faces": 7039}


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="the extra 'ray' is not installed")
def test_the_commands_of_a_search_run_as_they_stand(sample):
    assert "40 trials by asha" in run(documented("experiment", "--space"))
    for words, state in (("--cancel", "stopped"), ("--resume", "running"), ("--cancel", "stopped")):
        run(documented("experiment", words))
        assert f"Search: {state}, " in run(documented("experiment", words)[:2])


def test_the_lines_without_make_install_and_start_what_make_does():
    assert ".venv/bin/pip install -r requirements.txt" in LINES
    assert "streamlit run dashboard/Home.py" in MAKEFILE
    assert ".venv/bin/streamlit run dashboard/Home.py" in LINES
