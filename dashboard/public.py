"""A public server: whether this is one, and texts as it shows them."""

import os
import re
from pathlib import Path

from pipeline.workspace import PROJECT, workspace

_FOLDERS = re.compile(r"(?<![\w:/.])(?:[A-Za-z]:|~)?/(?:[^\s/'\"()]+/)+")


def is_public() -> bool:
    """Return whether `EMOTION_PUBLIC` is set, so that no error on a page shows details."""
    return os.environ.get("EMOTION_PUBLIC", "") not in ("", "0")


def without_paths(text: str) -> str:
    """Return a message as a public server shows it: of paths only the last names."""
    if not is_public():
        return text
    for folder in (workspace(), PROJECT, Path.home()):  # their names may have spaces
        text = text.replace(f"{folder}{os.sep}", f"{os.sep}…{os.sep}")
    return _FOLDERS.sub("…/", text)
