"""Run commands in the test's process."""

import json
from typing import Any

from typer.testing import CliRunner

from pipeline.cli import app


def output(*words: str) -> str:
    """Return what a command prints for people; a failure is raised."""
    result = CliRunner().invoke(app, words)
    if result.exception:
        raise result.exception
    return result.stdout


def document(*words: str) -> Any:
    """Return the one JSON document that a command prints."""
    return json.loads(output(*words, "--json"))
