"""The formats of other runtimes that a Keras graph is exported to."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.registry.openvino_export import INPUT

if TYPE_CHECKING:
    from keras import Model


class ExportFormat(NamedTuple):
    """A format.

    Args:
        file: name of the exported file; empty for a folder.
        write: writes a graph of `keras_graph` to a path.
        packages: that it needs beyond those of the project; the extra has the format's name.
    """

    file: str
    write: Callable[[Model, Path], None]
    packages: tuple[str, ...] = ()

    def check_installed(self, name: str) -> None:
        """Check that the packages of an extra are there.

        Raises:
            UserError: one is missing.
        """
        if not all(map(find_spec, self.packages)):
            raise UserError(
                f"Export to {name} needs {' and '.join(self.packages)}: install them with "
                f"pip install '.[{name}]'."
            )


def _write_litert(graph: Model, path: Path) -> None:
    graph.export(str(path), format="litert", verbose=False)


def _write_savedmodel(graph: Model, path: Path) -> None:
    graph.export(str(path), format="tf_saved_model", verbose=False)


def _write_onnx(graph: Model, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "In the future `np.object`", FutureWarning)
        graph.export(str(path), format="onnx", verbose=False)
    import onnx

    model = onnx.load(path)
    onnx.helper.set_model_props(model, {"labels": ",".join(EMOTIONS), "input": INPUT})
    onnx.save(model, path)


KERAS_FORMATS = {
    "litert": ExportFormat("model.tflite", _write_litert),
    "savedmodel": ExportFormat("", _write_savedmodel),
    "onnx": ExportFormat("model.onnx", _write_onnx, ("tf2onnx", "onnx")),
}
"""Name → format; OpenVINO is exported by `pipeline.registry.openvino_export`."""
