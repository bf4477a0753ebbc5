"""What the files of a run say, and their replacement. Loads no keras."""

import shutil
from contextlib import suppress

import pandas as pd
from pydantic import ValidationError

from pipeline.errors import UserError
from pipeline.runs.files import Calibration, Notes, RunConfig, Speed, Status
from pipeline.runs.folder import RunFolder
from pipeline.runs.history import read_history
from pipeline.workspace import write_json


class RunRecords(RunFolder):
    """The files of a training run or a shipped model."""

    _written: Status | None = None

    def config(self) -> RunConfig:
        """Read the configuration.

        Raises:
            UserError: the file is missing or damaged.
        """
        try:
            return RunConfig.model_validate_json(self.config_path.read_text())
        except (OSError, ValueError) as error:
            raise UserError(
                f"Run '{self.name}' has no readable config.json ({_reason(error)})."
            ) from error

    def write_config(self, config: RunConfig) -> None:
        """Replace the configuration, whole or not at all."""
        write_json(self.config_path, config.model_dump(mode="json"))

    def notes(self) -> Notes:
        """Read what people wrote about the run; empty where there is nothing to be read."""
        try:
            return Notes.model_validate_json(self.notes_path.read_text())
        except (OSError, ValueError):
            return Notes()

    def write_notes(self, notes: Notes) -> None:
        """Replace the notes, whole or not at all.

        Raises:
            UserError: it is a shipped model.
        """
        self._check_ours()
        write_json(self.notes_path, notes.model_dump())

    def calibration(self) -> Calibration | None:
        """Read the temperature; the one fitted here goes before a shipped one. None if none is."""
        for path in (self.calibration_path, self.path / "calibration.json"):
            with suppress(OSError, ValueError):
                return Calibration.model_validate_json(path.read_text())
        return None

    def write_calibration(self, calibration: Calibration) -> None:
        """Replace the temperature, whole or not at all."""
        self.calibration_path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.calibration_path, calibration.model_dump())

    def speed(self) -> Speed | None:
        """Read how long a face takes on this machine; None where that was not measured."""
        with suppress(OSError, ValueError):
            return Speed.model_validate_json(self.speed_path.read_text())
        return None

    def write_speed(self, speed: Speed) -> None:
        """Replace what was measured, whole or not at all."""
        self.speed_path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.speed_path, speed.model_dump())

    @property
    def title(self) -> str:
        """The name that people gave the run, else its own."""
        return self.notes().name or self.name

    def status(self) -> Status:
        """Read the status; a file that cannot be read counts as failed."""
        unreadable = Status(state="failed", message="status.json is missing or damaged.")
        return self._read_status() or unreadable

    def _read_status(self) -> Status | None:
        try:
            return Status.model_validate_json(self.status_path.read_text())
        except (OSError, ValueError):
            return None

    def write_status(self, status: Status) -> None:
        """Replace the status, whole or not at all."""
        write_json(self.status_path, status.model_dump())
        self._written = status

    def update_status(self, **changes: object) -> None:
        """Change some fields of the status; where it was damaged, of what was written last."""
        before = self._read_status() or self._written or self.status()
        self.write_status(Status.model_validate({**before.model_dump(), **changes}))

    def history(self) -> pd.DataFrame:
        """Read the finished epochs, see `read_history`."""
        return read_history(self.history_path)

    def uses(self, dataset: str) -> bool:
        """Tell whether the run trains on a data set of this name."""
        try:
            return self.config().train.dataset == dataset
        except UserError:
            return False

    def discard_results(self) -> None:
        """Delete what was found out about the model of before, and its export."""
        for path in (self.openvino_path.parent, self.path / "evaluation"):
            shutil.rmtree(path, ignore_errors=True)
        for path in (self.calibration_path, self.speed_path):
            path.unlink(missing_ok=True)

    def _check_ours(self) -> None:
        if self.shipped:
            raise UserError(f"'{self.name}' is a shipped model and stays as it is.")


def _reason(error: OSError | ValueError) -> str:
    """Return in a few words what is wrong with a file."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg']}" if where else first["msg"]
    return str(error)
