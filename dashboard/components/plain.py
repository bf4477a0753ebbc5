"""What people typed, on a page that reads Markdown."""

import re

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+\-.!|~:$<>])")


def plain(text: str) -> str:
    """Return a text so that Markdown shows it letter by letter."""
    return _SPECIAL.sub(r"\\\1", text)
