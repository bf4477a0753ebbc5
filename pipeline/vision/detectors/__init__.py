"""Face detectors by name. To add one, implement `Detector` and register it here."""

from pipeline.errors import UserError
from pipeline.vision.detectors.auto import AutoDetector
from pipeline.vision.detectors.base import Detector
from pipeline.vision.detectors.blazeface import BlazeFaceDetector
from pipeline.vision.detectors.haar import HaarDetector
from pipeline.vision.detectors.yunet import YuNetDetector

__all__ = ["DETECTORS", "Detector", "available_detectors", "find_detector"]

DETECTORS: dict[str, type[Detector]] = {
    "haar": HaarDetector,
    "blazeface": BlazeFaceDetector,
    "auto": AutoDetector,
    "yunet": YuNetDetector,
}


def available_detectors() -> list[str]:
    """Return the names of the detectors that can be used on this machine."""
    return [name for name, detector in DETECTORS.items() if detector.is_available()]


def find_detector(name: str) -> type[Detector]:
    """Return the detector of a name.

    Raises:
        UserError: there is none.
    """
    if name not in DETECTORS:
        raise UserError(f"Unknown detector '{name}'. Choose from: {', '.join(DETECTORS)}.")
    return DETECTORS[name]
