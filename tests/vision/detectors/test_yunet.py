from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.vision.boxes import Box
from pipeline.vision.detectors import DETECTORS, available_detectors
from pipeline.vision.detectors.yunet import YuNetDetector
from tests.vision.detectors.yunet_model import write_model

SIZE = (480, 640)


@pytest.fixture(autouse=True)
def unset_variable(monkeypatch):
    """Let no test see a model that the tester has."""
    monkeypatch.delenv("EMOTION_YUNET", raising=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "toy.onnx")


@pytest.fixture
def in_workspace(empty_workspace, model) -> Path:
    """The model in its place in the workspace."""
    path = empty_workspace / "detectors" / "yunet.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(model.read_bytes())
    return path


def with_square(x: int, y: int, side: int, shape: tuple[int, int] = SIZE) -> np.ndarray:
    gray = np.zeros(shape, np.uint8)
    gray[y : y + side, x : x + side] = 255
    return gray


def test_it_is_always_listed_and_available_if_its_file_is_there(in_workspace, model, monkeypatch):
    others = ["haar", "blazeface", "auto"]
    assert list(DETECTORS) == [*others, "yunet"] == available_detectors()
    in_workspace.unlink()
    assert available_detectors() == others
    monkeypatch.setenv("EMOTION_YUNET", str(model))
    assert available_detectors() == [*others, "yunet"]


def test_boxes_are_square_and_in_pixels_of_the_image(in_workspace):
    assert YuNetDetector(20).detect(with_square(64, 96, 32)) == [Box(48, 80, 64, 64)]
    assert YuNetDetector(40).detect(with_square(128, 192, 64)) == [Box(96, 160, 128, 128)]


def test_the_size_of_the_image_may_change(in_workspace):
    detector = YuNetDetector(20)
    for shape in ((480, 640), (200, 300), (721, 333), (480, 640)):
        assert len(detector.detect(with_square(64, 96, 32, shape))) == 1, shape


def test_an_image_that_is_plain_or_one_pixel_has_no_face(in_workspace):
    assert YuNetDetector(20).detect(np.full(SIZE, 90, np.uint8)) == []
    assert YuNetDetector(60).detect(np.full((1, 1), 255, np.uint8)) == []


def test_without_its_file_it_says_where_to_get_it(empty_workspace):
    with pytest.raises(UserError) as caught:
        YuNetDetector()
    message = str(caught.value)
    assert str(empty_workspace / "detectors" / "yunet.onnx") in message
    assert "face_detection_yunet_2023mar.onnx" in message and "EMOTION_YUNET" in message


def test_a_damaged_file_is_named_with_the_cure(in_workspace):
    content = in_workspace.read_bytes()
    for damaged in (
        b"",
        content[: len(content) // 2],
        b"version https://git-lfs.github.com/spec/v1",
        content.replace(b"cls_8", b"xyz_8"),
    ):
        in_workspace.write_bytes(damaged)
        with pytest.raises(UserError, match="damaged or not a YuNet model") as caught:
            YuNetDetector()
        assert str(in_workspace) in str(caught.value)
