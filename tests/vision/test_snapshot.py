from dataclasses import FrozenInstanceError

import pytest

from pipeline.vision.faces import DETECTORS
from pipeline.vision.snapshot import LiveSettings, Snapshot, smallest_side


@pytest.mark.parametrize(
    ("height", "width", "side"),
    [
        pytest.param(480, 640, 60, id="as it is counted"),
        pytest.param(960, 1280, 120, id="twice the size"),
        pytest.param(960, 540, 67, id="upright"),
        pytest.param(240, 320, 30, id="half the size"),
        pytest.param(60, 80, 24, id="never below what the cascade finds"),
        pytest.param(1, 1, 24, id="a pixel"),
        pytest.param(40, 4000, 24, id="a strip"),
    ],
)
def test_the_smallest_face_goes_by_the_shorter_side_of_the_video(height, width, side):
    assert smallest_side(60, height, width) == side


def test_a_viewer_who_chooses_nothing_has_a_detector_and_an_unmirrored_visible_video():
    settings = LiveSettings()
    assert settings.detector in DETECTORS
    assert not (settings.mirror or settings.hide_faces or settings.activation_map or settings.bars)


@pytest.mark.parametrize("of", [Snapshot(), LiveSettings()])
def test_what_threads_share_cannot_be_changed(of):
    with pytest.raises(FrozenInstanceError):
        of.problem = "none"
