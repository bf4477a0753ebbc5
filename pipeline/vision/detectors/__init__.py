"""Face detectors by name. To add one, implement `Detector` and register it here."""

from pipeline.vision.detectors.base import Detector
from pipeline.vision.detectors.haar import HaarDetector
from pipeline.vision.detectors.yunet import YuNetDetector

__all__ = ["DETECTORS", "Detector", "available_detectors"]

DETECTORS: dict[str, type[Detector]] = {"haar": HaarDetector, "yunet": YuNetDetector}


def available_detectors() -> list[str]:
    """Return the names of the detectors that can be used on this machine."""
    return [name for name, detector in DETECTORS.items() if detector.is_available()]
