"""Shared by the commands: arguments, tables, JSON, progress bars, output files."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from pipeline.jobs import current_job
from pipeline.storage import check_output

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
DatasetName = Annotated[str, typer.Argument(help="A data set.")]
ModelName = Annotated[str, typer.Argument(help="A bundled model or a run.")]
ModelNames = Annotated[list[str], typer.Argument(help="Bundled models or runs.")]
RunName = Annotated[str, typer.Argument(help="A run.")]
Dataset = Annotated[str, typer.Option(help="Data set to evaluate on.")]
Split = Annotated[str, typer.Option(help="Split to evaluate on.")]
Exclude = Annotated[
    list[str] | None,
    typer.Option(help="Exclusion list whose faces are left out; several: again, or a,b."),
]


def output_file(path: Path | None) -> Path | None:
    """Check a file named for an output before the work, see `check_output`. For typer."""
    if path is not None:
        check_output(path)
    return path


def output_folder(path: Path | None) -> Path | None:
    """Check a folder named for outputs before the work, see `check_output`. For typer."""
    if path is not None:
        check_output(path, folder=True)
    return path


_MAX_WIDTH, _UNBOUNDED = 48, 1_000_000


def print_json(document: Any) -> None:
    """Print a JSON document."""
    print(json.dumps(document, indent=2))


def show(rows: Sequence[Mapping[str, Any]], as_json: bool = False, if_empty: str = "") -> None:
    """Print rows as one JSON document, or as a table for people.

    Args:
        rows: all with the same keys.
        as_json: whether to print JSON.
        if_empty: what to print for people if there are no rows.
    """
    if as_json:
        return print_json(rows)
    if not rows:
        return print(if_empty)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    cells = [[_cell(value) for value in row.values()] for row in rows]
    for name, *texts in zip(rows[0], *cells, strict=True):
        table.add_column(name.replace("_", " "), max_width=_max_width(texts))
    for texts in cells:
        table.add_row(*map(Text, texts))
    _print(table)


def _max_width(texts: Sequence[str]) -> int | None:
    """Return the width of a column; None if nothing is cut, as it would look alike, or is piped."""
    alike = len({text[:_MAX_WIDTH] for text in texts}) < len(set(texts))
    return None if alike or not Console().is_terminal else _MAX_WIDTH


def show_one(row: Mapping[str, Any], as_json: bool = False) -> None:
    """Print one record as a JSON document, or as a line per key for people."""
    if as_json:
        return print_json(row)
    table = Table.grid(padding=(0, 2))
    for name, value in row.items():
        table.add_row(name.replace("_", " "), Text(_cell(value)))
    _print(table)


def _print(table: Table) -> None:
    """Print a table as wide as it needs, so that names can be copied from a narrow terminal."""
    console = Console()
    unbounded = console.options.update(max_width=_UNBOUNDED)
    console.width = max(console.width, console.measure(table, options=unbounded).maximum)
    console.print(table)


def visible(text: str) -> str:
    """Return a text whose control characters are shown, not sent to the terminal."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, dict):
        value = ", ".join(f"{key} {count:,}" for key, count in value.items())
    elif isinstance(value, list):
        value = ", ".join(map(str, value))
    return visible(str(value))


def interval_text(interval: Sequence[float], signed: bool = False) -> str:
    """Return a confidence interval such as `0.663 – 0.689`."""
    return " – ".join(f"{end:+.3f}" if signed else f"{end:.3f}" for end in interval)


@contextmanager
def progress(description: str) -> Iterator[Callable[[float], None]]:
    """Show a progress bar on standard error if that is a terminal.

    A process that was started as a background job (`pipeline.jobs`) also writes its progress to the
    job's folder, and removes that folder when it is done.

    Args:
        description: the text before the bar.

    Yields:
        A function that sets the fraction done, 0 to 1.
    """
    job = current_job()
    columns = (*Progress.get_default_columns()[:3], TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(escape(visible(description)), total=1.0)

        def set_progress(fraction: float) -> None:
            bar.update(task, completed=fraction)
            if job:
                job.report(fraction)

        yield set_progress
    if job:
        job.clear()
