"""One module a format: `matches(source)` and `read(source, split=…, skip_unknown=…)`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pipeline.data.dataset import Batch
from pipeline.data.readers import fer_csv, image_folder


class Reader(Protocol):
    """What the module of a format offers."""

    def matches(self, source: Path) -> bool:
        """Tell whether this source is of this format."""
        ...

    def read(self, source: Path, *, split: str, skip_unknown: bool) -> Iterator[Batch]:
        """Read all its faces."""
        ...


READERS: dict[str, Reader] = {"picture folder": image_folder, "FER-2013 CSV": fer_csv}
