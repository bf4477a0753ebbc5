"""Read the good fields of a damaged record."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from pipeline.storage import valid_text

Record = TypeVar("Record", bound=BaseModel)


def salvage(record: type[Record], path: Path, lost: Mapping[str, object]) -> Record:
    """Read the fields of a damaged JSON file that are good; the others get their defaults.

    Args:
        record: what the file should hold.
        path: the file, possibly missing; bytes that are no UTF-8, and lone surrogates, become
            U+FFFD.
        lost: replaces the fields of these names if one of them that has no default is lost.
    """
    try:
        # pydantic's reader would refuse lone surrogates, which json's understands
        text = json.dumps(json.loads(path.read_text(errors="replace")), ensure_ascii=False)
        content = json.loads(valid_text(text))
    except (OSError, ValueError, RecursionError):
        content = None
    fields = content if isinstance(content, dict) else {}
    try:
        return record.model_validate(fields)
    except ValidationError as error:
        bad = [each["loc"] for each in error.errors()]
    for name, *inside in reversed(bad):
        if inside:
            del fields[name][inside[0]]  # an item of a list
        else:
            fields.pop(name, None)
    needed = {name for name, field in record.model_fields.items() if field.is_required()}
    return record.model_validate(fields if needed <= fields.keys() else {**fields, **lost})
