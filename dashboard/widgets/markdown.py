"""Escaping of user text for Streamlit elements that render Markdown."""

import re

from dashboard.public import without_paths
from pipeline.storage import valid_text

# After it has parsed Markdown, Streamlit replaces these in each piece of text, escaped or not:
# icons and emoji (`:home:`), addresses, arrows.
_REPLACED = r":(?=\S)|@|(?<=www)\.|(?<!\w)(?:<->|->|<-|--|>=|<=|~=)(?!\w)"
_MARKUP = r"[\\`*{}\[\]|~$<>&]|(?<![^\W_])_|_(?![^\W_])"
_AT_LINE_START = r"^[#+\-=]|^\d+[.)]"
_SPECIAL = re.compile(f"({_REPLACED})|{_MARKUP}|{_AT_LINE_START}", re.IGNORECASE | re.MULTILINE)


def escape_markdown(text: str) -> str:
    """Return a text as Markdown that shows it as typed, each line as one.

    Any text that is not written in this project needs it: names, notes, paths, errors. A public
    server shows only the last names of paths.
    """
    lines = (line.strip() for line in valid_text(without_paths(text)).splitlines())
    return _SPECIAL.sub(_escape, "  \n".join(filter(None, lines)))


def _escape(match: re.Match[str]) -> str:
    if match[1] is None:
        return f"{match[0][:-1]}\\{match[0][-1]}"
    # An element of its own, without a color: no piece of text has all that would be replaced.
    return "".join(f":color[\\{character}]" for character in match[1])
