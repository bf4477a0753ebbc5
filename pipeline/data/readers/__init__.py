"""Readers of data set formats.

To add a format, write a module with `matches` and `read` and register it in `READERS`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from pipeline.data.dataset import Batch
from pipeline.data.import_options import ImportOptions, ImportReport
from pipeline.data.readers import fer_csv, image_folder, npz, parquet


class Reader(Protocol):
    """The module of a format.

    It may also have `survey(source, options, on_progress) -> Survey`, which the page asks before an
    import: see `pipeline.data.importing.survey_source`.
    """

    def matches(self, source: Path) -> bool:
        """Return whether an existing file or folder is of this format."""
        ...

    def read(self, source: Path, options: ImportOptions, report: ImportReport) -> Iterator[Batch]:
        """Yield all faces.

        Args:
            source: a file or folder for which `matches` is true.
            options: how to read it.
            report: is told what was skipped.

        Raises:
            UserError: the source is not as it should be; names file, row or member.
        """
        ...


READERS: dict[str, Reader] = {
    "a folder or archive of images with class folders, a list or YOLO labels": image_folder,
    "FER-2013's CSV, plain or in an archive": fer_csv,
    "Parquet of the Hugging Face hub": parquet,
    "NumPy's .npz with images and labels": npz,
}
"""Description of a format, for error messages → its reader. The first that matches is used."""
