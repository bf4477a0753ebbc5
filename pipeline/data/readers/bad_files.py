"""Images that do not decode: reported, and refused where they are too many."""

from pathlib import Path

from pipeline.data.import_options import ImportOptions, ImportReport
from pipeline.data.readers.image_names import shortened
from pipeline.errors import UserError

MAX_BAD_SHARE = 0.05


def refuse_bad(source: Path, faces: int, options: ImportOptions, report: ImportReport) -> None:
    """Refuse a source of which too many images are bad, beside its number of faces."""
    images = faces + len(report.bad)
    if options.bad_files == "few" and len(report.bad) > MAX_BAD_SHARE * images:
        raise _bad(
            source, report, f"{len(report.bad):,} of {images:,} images are bad, more than 5%"
        )


def report_bad(
    source: Path, name: str, reason: str, options: ImportOptions, report: ImportReport
) -> None:
    """Report a bad image; refuse it where none is allowed."""
    report.bad[name] = reason
    if options.bad_files == "none":
        raise _bad(source, report, "no bad image is allowed")


def _bad(source: Path, report: ImportReport, reason: str) -> UserError:
    name, why = next(iter(report.bad.items()))
    what = f"{source.name}: the image {shortened(name)!r} {why}; {reason}: replace or remove"
    return UserError(
        f"{what} such images, or skip them with --skip-bad.",
        on_page=f"{what} such images, or skip them.",
    )
