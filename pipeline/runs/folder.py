"""Where the files of a run lie."""

from contextlib import suppress
from pathlib import Path

from pipeline.runs.files import evaluation_name
from pipeline.workspace import ZOO, evaluation_folder


class RunFolder:
    """A run's folder and the names of the files in it.

    Args:
        path: the folder; its name is the run's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name

    @property
    def shipped(self) -> bool:
        """Whether this is a model of the zoo, which is never written to."""
        return self.path.parent == ZOO

    @property
    def config_path(self) -> Path:
        """The configuration, and what it was used on and with."""
        return self.path / "config.json"

    @property
    def status_path(self) -> Path:
        """How far the run is."""
        return self.path / "status.json"

    @property
    def notes_path(self) -> Path:
        """What people wrote about the run."""
        return self.path / "notes.json"

    @property
    def weights_path(self) -> Path:
        """The Keras model of a run, or the float16 weights of a shipped one."""
        return self.path / ("model.weights.h5" if self.shipped else "model.keras")

    @property
    def openvino_path(self) -> Path:
        """The exported float32 OpenVINO model."""
        return self.path / "openvino" / "model.xml"

    @property
    def int8_path(self) -> Path:
        """The quantised OpenVINO model, where one was made of the float32 one."""
        return self.openvino_path.with_name("int8.xml")

    @property
    def drawn_path(self) -> Path:
        """Of a shipped model: 32 drawn faces, and the probabilities it gives for them."""
        return self.path / "drawn.npz"

    @property
    def litert_path(self) -> Path:
        """The LiteRT model; it lies with the others, so that all exports of a model go together."""
        return self.openvino_path.with_suffix(".tflite")

    @property
    def exported(self) -> bool:
        """Whether the exported model is there."""
        path = self.openvino_path
        return path.is_file() and path.with_suffix(".bin").is_file()

    @property
    def calibration_path(self) -> Path:
        """The temperature; of a shipped model the one that was fitted here."""
        return self._results / "calibration.json"

    @property
    def speed_path(self) -> Path:
        """How long a face takes on this machine."""
        return self._results / "speed.json"

    @property
    def history_path(self) -> Path:
        """The table of finished epochs."""
        return self.path / "history.csv"

    @property
    def exclusions_path(self) -> Path:
        """The list of faces that the run leaves out, if it does."""
        return self.path / "exclusions.csv"

    @property
    def log_path(self) -> Path:
        """What the training process printed."""
        return self.path / "train.log"

    @property
    def state_path(self) -> Path:
        """What the training goes on from; of a finished one without the best epoch's weights."""
        return self.path / "state" / "training.npz"

    @property
    def stop_path(self) -> Path:
        """Lies there when somebody asked for the end after the present epoch."""
        return self.path / "stop"

    def disk(self) -> int:
        """Return the bytes that the run's files take; of one that trains they come and go."""
        total = 0
        for path in self.path.rglob("*"):
            with suppress(FileNotFoundError):
                total += path.stat().st_size if path.is_file() else 0
        return total

    def evaluation_paths(self) -> list[Path]:
        """Return the folders of all evaluations; one made here goes before a shipped one."""
        found: dict[str, Path] = {}
        for root in (self._evaluation_root, self.path / "evaluation"):
            for path in sorted(root.iterdir()) if root.is_dir() else ():
                if path.is_dir():
                    found.setdefault(path.name, path)
        return list(found.values())

    def evaluation_path(self, fingerprint: str, split: str, exclusion: str = "") -> Path:
        """Return where the evaluation on a split is, or belongs if there is none.

        The arguments are those of `evaluation_name`.
        """
        new = self.new_evaluation_path(fingerprint, split, exclusion)
        return next((path for path in self.evaluation_paths() if path.name == new.name), new)

    def new_evaluation_path(self, fingerprint: str, split: str, exclusion: str = "") -> Path:
        """Return where an evaluation is written to, for a shipped model outside the project."""
        return self._evaluation_root / evaluation_name(fingerprint, split, exclusion)

    @property
    def _evaluation_root(self) -> Path:
        return self._results if self.shipped else self.path / "evaluation"

    @property
    def _results(self) -> Path:
        """Where to write what is found out about the model."""
        return evaluation_folder() / self.name if self.shipped else self.path
