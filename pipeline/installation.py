"""Which packages are installed; the image `live` of deploy/Dockerfile leaves TensorFlow out."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from pipeline.errors import UserError

TRAINING_MODULES = ("tensorflow", "keras", "nncf", "h5py")
NO_TENSORFLOW = (
    "TensorFlow is not installed here, which training, exports and Keras files need: install "
    "requirements.txt, or use the full image."
)


def missing_tensorflow() -> str:
    """Return why this installation cannot train, as a sentence; empty if it can."""
    return "" if find_spec("tensorflow") else NO_TENSORFLOW


def check_tensorflow() -> None:
    """Check that this installation can train.

    Raises:
        UserError: TensorFlow is not installed.
    """
    if missing := missing_tensorflow():
        raise UserError(missing)


def package_version(name: str) -> str:
    """Return a package's version, or `missing`; TensorFlow may be the one for the CPU alone."""
    for distribution in (name, f"{name}-cpu"):
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return "missing"
