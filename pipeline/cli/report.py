"""How commands answer: tables for people, JSON for programs, progress on a terminal."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import Progress, TimeRemainingColumn
from rich.table import Table

from pipeline.jobs import Job

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def show(rows: list[dict[str, Any]], as_json: bool, if_empty: str) -> None:
    """Print rows as one JSON document or as a table for people."""
    if as_json:
        return print(json.dumps(rows, indent=2))
    if not rows:
        return print(if_empty)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), max_width=48)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    _print(table)


def show_one(row: dict[str, Any]) -> None:
    """Print the figures of one thing, one below the other."""
    table = Table.grid(padding=(0, 2))
    for name, value in row.items():
        table.add_row(name.replace("_", " "), _cell(value))
    _print(table)


def _print(table: Table) -> None:
    """Print a table as wide as it needs, so that names can be copied from a narrow terminal."""
    console = Console()
    unbounded = console.options.update(max_width=1000)
    console.width = max(console.width, console.measure(table, options=unbounded).maximum)
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {number:,}" for key, number in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


@contextmanager
def progress(what: str, job: Job | None = None) -> Iterator[Callable[[float], None]]:
    """Show a progress bar on standard error where that is a terminal.

    Args:
        what: what is under way.
        job: the dashboard's view of it, which is told too and cleared when all went well.
    """
    columns = (*Progress.get_default_columns()[:3], TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=1.0)

        def advance(fraction: float) -> None:
            bar.update(task, completed=fraction)
            if job:
                job.report(fraction)

        yield advance
    if job:
        job.clear()
