"""Imports started on the page: what was asked for, the upload, and the job that does it."""

import csv
import io
import os
import shutil
import tempfile
import weakref
from pathlib import Path

import psutil
from pydantic import BaseModel, ValidationError
from streamlit.runtime.uploaded_file_manager import UploadedFile

from dashboard.access import for_editors
from dashboard.limits import check_disk, check_jobs, check_upload
from pipeline.data.store import dataset_names, remove_abandoned
from pipeline.errors import UserError
from pipeline.jobs import import_job, import_jobs
from pipeline.storage import cannot_write, write_text
from pipeline.workspace import check_name, workspace

_UPLOAD = ".upload-"
_CURE = "free some space there, or choose another folder by EMOTION_WORKSPACE"


class ImportRequest(BaseModel):
    """What is imported and how; kept beside the job, so that a failed import can be corrected.

    Args:
        title: name of the file or data set, for people.
        source: a path, `sample`, or `kaggle:owner/name`.
        ferplus: path of FER+ votes to join; empty for none.
    """

    title: str
    source: str
    ferplus: str = ""
    force_votes: bool = False
    split: str = "train"
    split_map: dict[str, str] = {}
    class_map: dict[str, str] = {}
    bad_files: str = "few"
    faces: str = "auto"
    largest: bool = False

    def options(self) -> list[str]:
        """Return the options of the command `import`."""
        options = ["--split", self.split]
        for option, answers in (("--map", self.class_map), ("--split-map", self.split_map)):
            if answers:
                options += [option, _quoted(answers)]
        options += {"few": [], "none": ["--strict"], "any": ["--skip-bad"]}[self.bad_files]
        if self.faces != "auto":
            options += ["--faces", self.faces]
        if self.largest:
            options.append("--largest")
        if self.ferplus:
            options += ["--ferplus", self.ferplus]
        if self.ferplus and self.force_votes:
            options.append("--force-votes")
        return options


def _quoted(answers: dict[str, str]) -> str:
    """Return `name=meaning,…`, where names with a comma are quoted as in a CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(f"{name}={answers[name]}" for name in answers)
    return text.getvalue()


class StagedUpload:
    """An uploaded file on the disk, where it is looked at, and from where its import takes it.

    It is deleted with this object, unless it was moved.
    """

    @for_editors
    def __init__(self, file: UploadedFile) -> None:
        """Write the file.

        Raises:
            UserError: it is too large, or cannot be written.
        """
        check_upload(file, "import")
        check_disk()
        self.file_id = file.file_id
        imports = workspace() / "imports"
        try:
            imports.mkdir(parents=True, exist_ok=True)
            _remove_uploads_of_ended_servers(imports)
            folder = Path(tempfile.mkdtemp(prefix=f"{_UPLOAD}{os.getpid()}-", dir=imports))
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self.path = folder / Path(file.name).name
            self.path.write_bytes(file.getvalue())  # of which `getbuffer` would make a copy
        except OSError as error:
            what = f"{Path(file.name).name} cannot be saved in {workspace()}"
            raise cannot_write(what, error, _CURE) from error

    def move(self, folder: Path) -> str:
        """Move the file to a folder, whose former content is deleted; return its new path."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.path.parent.rename(folder)
        return str(folder / self.path.name)


def _remove_uploads_of_ended_servers(imports: Path) -> None:
    for folder in imports.glob(f"{_UPLOAD}*"):
        if not psutil.pid_exists(int(folder.name.removeprefix(_UPLOAD).split("-")[0])):
            shutil.rmtree(folder, ignore_errors=True)


@for_editors
def start_import(
    name: str,
    request: ImportRequest,
    upload: StagedUpload | None = None,
    votes: StagedUpload | None = None,
    *,
    again: bool = False,
) -> None:
    """Start an import in a process of its own.

    Args:
        name: the new data set's name.
        request: what to import.
        upload: the source, if it is an upload; it is moved to the job.
        votes: the FER+ votes, if they are an upload; they are moved to the job.
        again: whether this is the failed import of this name, whose files stay.

    Raises:
        UserError: the name is taken or not a plain name, or the files cannot be written.
    """
    check_jobs()
    folder = import_job(check_name(name)).folder
    if name in dataset_names():
        raise UserError(f"The name '{name}' is taken: choose another.")
    if (folder / "process.json").exists() and not again:
        raise UserError(f"An import named '{name}' is running or failed already: see above.")
    if not again:
        shutil.rmtree(folder, ignore_errors=True)  # left by an interrupted start
    try:
        if upload is not None:
            request.source = upload.move(folder / "source")
        if votes is not None:
            request.ferplus = votes.move(folder / "votes")
        _requests().mkdir(parents=True, exist_ok=True)
        write_text(_request_file(name), request.model_dump_json(indent=2))
    except OSError as error:
        raise cannot_write(f"The import cannot be started in {folder}", error, _CURE) from error
    try:
        import_job(name, request.source, request.options()).start()
    except UserError:
        _request_file(name).unlink()
        raise


def requested(name: str) -> ImportRequest | None:
    """Return the request of an import that was not dismissed, or None."""
    try:
        return ImportRequest.model_validate_json(_request_file(name).read_text())
    except (OSError, ValidationError):
        return None


def finished_imports() -> list[str]:
    """Return the names of the data sets whose import has ended well and was not dismissed."""
    ended = {file.stem for file in _requests().glob("*.json")}
    ended -= {job.folder.name for job in import_jobs()}
    return sorted(ended.intersection(dataset_names()))


@for_editors
def dismiss(name: str) -> None:
    """Forget an import, and end it if it runs; the data set of one that has ended well stays."""
    import_job(name).cancel()
    remove_abandoned()
    _request_file(name).unlink(missing_ok=True)


def _requests() -> Path:
    return workspace() / "imports" / ".requests"


def _request_file(name: str) -> Path:
    return _requests() / f"{name}.json"
