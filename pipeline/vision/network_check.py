"""Tries an exported model in a process of its own, because a damaged file can crash OpenVINO."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import openvino as ov

_MEMORY, _SECONDS = 8 * 1024**3, 120


def is_usable(path: Path) -> bool:
    """Return whether a model loads, and predicts and explains two faces as a model must.

    It is tried once, and again after a file was changed or copied: a hidden file beside it tells
    what was tried.

    Args:
        path: the `.xml` file, which has its `.bin` beside it.
    """
    checked = path.with_name(f".{path.stem}.checked")
    with suppress(OSError, ValueError):
        if checked.read_text() == _stamp(path):
            return True
    command = [sys.executable, "-m", __name__, str(path)]
    try:
        stamp = _stamp(path)
        done = subprocess.run(command, capture_output=True, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    if done.returncode == 0:
        with suppress(OSError):  # a read-only disk: it is tried again next time
            checked.write_text(stamp)
    return done.returncode == 0


def _stamp(path: Path) -> str:
    """Return what changes with either file; an archive cannot set the times of their change."""
    stats = (path.stat(), path.with_suffix(".bin").stat())
    return str([(stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns) for stat in stats])


def _try(path: str) -> bool:
    compiled = ov.Core().compile_model(path, "CPU", {"INFERENCE_NUM_THREADS": 1})
    request = compiled.create_infer_request()
    request.infer([np.zeros((2, 48, 48, 1), np.float32)])
    probabilities = request.get_tensor("probabilities").data
    maps = [request.get_tensor(each).data for each in compiled.outputs if "cam" in each.get_names()]
    return (
        all({"probabilities", "cam"} & each.get_names() for each in compiled.outputs)
        and probabilities.shape == (2, 7)
        and np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)
        and all((each.ndim, each.shape[0], each.shape[3]) == (4, 2, 7) for each in maps)
    )


if __name__ == "__main__":
    with suppress(ImportError, ValueError):  # Windows has no such limit
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    sys.exit(not _try(sys.argv[1]))
