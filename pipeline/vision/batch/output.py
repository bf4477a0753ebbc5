"""The folder that a batch is written to: what it does, the list of its inputs, and its parts.

`manifest.json` has the task, the model, the options and the digest of the list; `inputs.parquet` is
the list, a row group for each part; `parts/` holds the tables, each written whole or not at all,
and `videos/` the annotated videos, if they were asked for.
"""

import hashlib
import itertools
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Literal, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.errors import UserError
from pipeline.locks import locked
from pipeline.runs import Run
from pipeline.storage import cannot_write, remove_leftovers, valid_text, write_atomic, write_json
from pipeline.vision.batch.inputs import Input

Task = Literal["photos", "videos"]
Format = Literal["parquet", "csv"]

_MAX_STEM = 60  # of a file name, which may have 255 bytes
_INPUTS_SCHEMA = pa.schema(
    [("path", pa.binary()), ("member", pa.string()), ("problem", pa.string())]
)  # a path may hold bytes that are no UTF-8


class Options(BaseModel):
    """What the results depend on, apart from the inputs and the model's weights.

    Args:
        model: its name.
        detector: the face detector's name.
        cropped: each photo is a face crop already.
        two_views: average each face and its mirror image.
        smoothing_s: time constant over which probabilities of a video are averaged.
        annotated: also write each video with its faces drawn.
        format: of the tables.
        part_size: inputs of a part.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    detector: str
    cropped: bool = False
    two_views: bool = False
    smoothing_s: float = 0.0
    annotated: bool = False
    format: Format = "parquet"
    part_size: int = 1


class Manifest(BaseModel):
    """The content of `manifest.json`: the same command writes the same.

    Args:
        task: what the inputs are.
        options: see `Options`.
        network: SHA-256 of the exported model and its temperature.
        inputs: how many there are.
        inputs_digest: SHA-256 of their list.
    """

    model_config = ConfigDict(frozen=True)

    task: Task
    options: Options
    network: str
    inputs: int
    inputs_digest: str


class Totals(NamedTuple):
    """What the tables hold: faces (of videos, in all frames), failures, and the first of them."""

    faces: int
    failures: int
    first_problem: str


class BatchOutput:
    """A folder with a manifest.

    Args:
        folder: the folder.

    Attributes:
        folder: the folder, absolute.
        manifest: the content of its `manifest.json`.

    Raises:
        UserError: it has no manifest, or a damaged one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        path = _manifest_path(self.folder)
        try:
            self.manifest = Manifest.model_validate_json(path.read_text())
        except (OSError, ValidationError) as error:
            raise UserError(f"{path} cannot be read: name a new folder.") from error

    @property
    def parts(self) -> int:
        """How many parts there are."""
        return -(-self.manifest.inputs // self.manifest.options.part_size)

    def part_path(self, part: int) -> Path:
        """Return the table of a part, counted from 0."""
        return self.folder / "parts" / f"part-{part:05}.{self.manifest.options.format}"

    def video_path(self, part: int, name: str) -> Path:
        """Return the annotated copy of the video of a part."""
        return self.folder / "videos" / f"{part:05}-{Path(name).stem[:_MAX_STEM]}.mp4"

    def missing(self) -> list[int]:
        """Return the parts that are not written yet."""
        written = set(os.listdir(self.folder / "parts"))
        return [part for part in range(self.parts) if self.part_path(part).name not in written]

    def inputs(self, part: int) -> list[Input]:
        """Return the inputs of a part."""
        with pq.ParquetFile(_inputs_path(self.folder)) as file:
            columns = file.read_row_group(part).to_pydict().values()
        return [
            Input(os.fsdecode(path), member, problem)
            for path, member, problem in zip(*columns, strict=True)
        ]

    def totals(self) -> Totals:
        """Count what the written parts hold, one part at a time."""
        faces = failures = 0
        first_problem = ""
        columns = ["emotion", "problem"]
        for part in range(self.parts):
            path = self.part_path(part)
            if path.suffix == ".csv":
                table = pd.read_csv(path, usecols=columns, dtype=str)
            else:
                table = pq.read_table(path, columns=columns).to_pandas()
            problems = table["problem"].dropna()
            faces += table["emotion"].count()
            failures += len(problems)
            first_problem = first_problem or next(iter(problems), "")
        return Totals(int(faces), failures, first_problem)


def begin(
    folder: Path, task: Task, inputs: Iterable[Input], options: Options, network: str
) -> BatchOutput:
    """Write what a batch does into its folder, or return to what the same command has begun.

    Args:
        folder: one that this process holds, see `writing`.
        task: what the inputs are.
        inputs: the list, which is not held in memory. What the batch itself has written is left
            out.
        options: see `Options`.
        network: of `network_digest`.

    Raises:
        UserError: another command has begun the folder, it holds parts of something else, or
            nothing is listed.
    """
    own = os.path.abspath(folder / "videos") + os.sep  # the sources may be folders around it
    inputs = (each for each in inputs if not os.path.abspath(each.path).startswith(own))
    begun = _manifest_path(folder).exists()
    if not begun and any((folder / "parts").iterdir()):
        raise _holds_others(folder)
    with nullcontext() if begun else write_atomic(_inputs_path(folder)) as partial:
        count, digest = _list(inputs, options.part_size, partial)
    wanted = Manifest(
        task=task, options=options, network=network, inputs=count, inputs_digest=digest
    )
    if not begun:
        write_json(_manifest_path(folder), wanted.model_dump())
    output = BatchOutput(folder)
    _check_same(output, wanted)
    return output


def _list(inputs: Iterable[Input], part_size: int, file: Path | None) -> tuple[int, str]:
    """Return number and digest of inputs; write them to a file, if one is given."""
    count, digest = 0, hashlib.sha256()
    rows = iter(inputs)
    with ExitStack() as stack:
        table = stack.enter_context(pq.ParquetWriter(file, _INPUTS_SCHEMA)) if file else None
        while part := list(itertools.islice(rows, part_size)):
            count += len(part)
            for each in part:
                digest.update(repr(tuple(each)).encode())
            if table:
                columns = [
                    [os.fsencode(each.path) for each in part],
                    [each.member for each in part],
                    [valid_text(each.problem) for each in part],
                ]
                table.write_table(pa.table(columns, schema=_INPUTS_SCHEMA))
    if not count:
        raise UserError("Nothing is listed: name files, folders, archives or lists.")
    return count, digest.hexdigest()


def _check_same(output: BatchOutput, wanted: Manifest) -> None:
    found = output.manifest
    named = {"smoothing_s": "--smoothing", "model": "model"}
    changed = [
        *(["kind of files"] if found.task != wanted.task else []),
        *(
            named.get(name, f"--{name.replace('_', '-')}")
            for name, value in wanted.options
            if getattr(found.options, name) != value
        ),
        *(["list of files"] if found.inputs_digest != wanted.inputs_digest else []),
        *(["version of the model"] if found.network != wanted.network else []),
    ]
    if changed:
        raise UserError(
            f"{output.folder} was begun with another {changed[0]}: name a new folder, or repeat "
            "that command."
        )


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Make a folder unless it exists, and hold it for one command.

    Raises:
        UserError: another command holds it, it holds something else, or it cannot be written.
    """
    try:
        if folder.exists():
            _check_ours(folder)
        for each in ("parts", "videos"):
            (folder / each).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(f"{folder} cannot be written", error, "name another folder") from error
    try:
        with locked(folder / ".lock", timeout_s=0):
            remove_leftovers(folder)  # of workers that were killed
            yield
            remove_leftovers(folder)
    except Timeout:
        raise UserError(
            f"Another command writes to {folder}: wait for its end, or stop it first."
        ) from None


def _check_ours(folder: Path) -> None:
    names = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
    if names and "parts" not in names:
        raise _holds_others(folder)


def _holds_others(folder: Path) -> UserError:
    return UserError(f"{folder} holds something else: name a new folder.")


def network_digest(model: Run) -> str:
    """Return the SHA-256 of what predicts: the exported model and its temperature.

    Raises:
        UserError: the exported model is missing.
    """
    digest = hashlib.sha256()
    for path in (model.openvino_path, model.openvino_path.with_suffix(".bin")):
        try:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except FileNotFoundError as error:
            raise UserError(
                f"The exported model {path.name} of '{model.name}' is missing: export it again."
            ) from error
    calibration = model.calibration()
    digest.update(repr(calibration.temperature if calibration else 1.0).encode())
    return digest.hexdigest()


def _manifest_path(folder: Path) -> Path:
    return folder / "manifest.json"


def _inputs_path(folder: Path) -> Path:
    return folder / "inputs.parquet"
