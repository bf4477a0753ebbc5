"""A workspace in which each file is damaged in each way: whole runs and data sets stay in reach."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.jobs import Job
from pipeline.queue import settings
from pipeline.runs import Calibration, Notes, Run, RunTable, Speed, find_model
from pipeline.runs.damage import damages
from pipeline.workspace import dataset_folder, runs_folder, workspace
from tests.conftest import invoke
from tests.dashboard.pages import open_page, texts

NUMBERS = {"negative": "-1", "infinite": "1e999", "huge": "9" * 300}


def change_values(content: bytes, change: Callable[[Any], Any]) -> bytes:
    """Change each value of a JSON document that is no list and no object."""

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: changed(inner) for key, inner in value.items()}
        return [changed(inner) for inner in value] if isinstance(value, list) else change(value)

    return json.dumps(changed(json.loads(content))).encode()


def in_numbers(content: bytes, number: str) -> bytes:
    """Put a number in the place of each one of a JSON document or a CSV; else into the bytes."""
    if content.startswith(b"epoch"):
        header, *rows = content.decode().split()
        return "\n".join(
            [header, *(",".join([number] * len(row.split(","))) for row in rows)]
        ).encode()
    if not content.startswith(b"{"):
        return content[:60] + number.encode() + content[60 + len(number) :]
    marked = change_values(content, lambda v: "<n>" if type(v) in (int, float) else v)
    return marked.replace(b'"<n>"', number.encode())


def in_lists(content: bytes) -> bytes:
    if not content.startswith(b"{"):
        return content[20:]
    return change_values(content, lambda v: [v] if isinstance(v, str) else v)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: max(1, len(content) // 8)],
    "not-utf8": lambda content: content.replace(b"a", b"\xff"),
    "deep": lambda content: b"[" * 100_000,
    "null": lambda content: b"null",
    "zeros": lambda content: bytes(len(content)),
    "lists": in_lists,
    **{
        name: lambda content, number=number: in_numbers(content, number)
        for name, number in NUMBERS.items()
    },
}
RECORDS = ("config.json", "status.json", "speed.json", "calibration.json")
FILES = (*RECORDS, "history.csv", "train.log")
EXPORTS = ("openvino/model.xml", "openvino/model.bin")


def damage_copies(whole: Path, file: str) -> list[Path]:
    """Copy a run or a data set once for each damage of one of its files."""
    copies = []
    for name, damage in DAMAGES.items():
        copy = whole.with_name(f"{name}-{Path(file).name}")
        shutil.copytree(whole, copy, copy_function=os.link)
        content = (copy / file).read_bytes()
        (copy / file).unlink()
        (copy / file).write_bytes(damage(content))
        copies.append(copy)
    return copies


@pytest.mark.slow
def test_a_damaged_file_is_named_and_disturbs_nothing_else(sample, capsys):
    whole = runs_folder() / "whole"
    shutil.copytree(find_model("custom_cnn").path, whole)
    run = Run(whole)
    run.write_notes(Notes(name="whole", experiment="e"))
    run.write_speed(
        Speed(ms=1, p95_ms=2, threads=2, precision="f32", processor="x", measured="2026-01-01")
    )
    run.write_calibration(
        Calibration(temperature=1.5, dataset="sample", fingerprint="f", split="test", faces=3)
    )
    evaluation = run.evaluation_paths()[0].relative_to(whole)
    results = (f"{evaluation}/predictions.npz", f"{evaluation}/metrics.json")
    copies = {file: damage_copies(whole, file) for file in (*FILES, *EXPORTS, *results)}
    for file in ("meta.json", "index.parquet", "images.npy"):
        damage_copies(dataset_folder("sample"), file)

    for file in RECORDS:
        for copy in copies[file]:
            damaged = Run(copy)
            named = [*damages(damaged), damaged.status().message]
            # Of a status, the good fields stay; a huge temperature is one.
            usable = file == "status.json" and damaged.state() == "finished"
            usable |= copy.name == "huge-calibration.json"
            assert usable or any(file in sentence for sentence in named), copy.name
    for command in (
        "runs --json",
        "models --json",
        "datasets --json",
        "queue",
        "experiment e",
        "exclusions sample",
    ):
        code, out, _ = invoke(*command.split(), capsys=capsys)
        assert code == 0 and (
            "whole" in out or command.startswith(("datasets", "queue", "exclusions"))
        ), command
    for page, address in (
        ("overview", {}),
        ("train", {}),
        ("evaluate", {"model": "whole"}),
        ("compare", {}),
        ("dataset", {}),
        ("live", {"from": "Photo"}),
    ):
        assert texts(open_page(page, **address)), page


def test_damaged_settings_and_jobs_count_as_missing(empty_workspace):
    for content in (b"", b"{", b"null", b"\xff", b"[" * 100_000, b'{"max_parallel_runs": 1e999}'):
        workspace().mkdir(exist_ok=True)
        (workspace() / "queue.json").write_bytes(content)
        assert settings.max_parallel_runs() == 1, content
    job = Job(workspace() / "imports" / "d")
    job.folder.mkdir(parents=True)
    for pid in ("-1", "1e999", "9" * 300, '"x"', "[1]"):
        (job.folder / "process.json").write_text(f'{{"pid": {pid}, "started": 1}}')
        (job.folder / "progress").write_text({"1e999": "-inf"}.get(pid, "nan"))
        assert not job.running() and job.progress() == 0, pid
    assert RunTable().rows() == []
