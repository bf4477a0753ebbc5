from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.vision.boxes import Box
from pipeline.vision.faces import DETECTORS, available_detectors
from pipeline.vision.yunet import YuNetDetector
from tests.vision.yunet_model import write_model

HEIGHT, WIDTH = 480, 640


@pytest.fixture(autouse=True)
def unnamed(monkeypatch):
    """Let no test see a model that the tester has."""
    monkeypatch.delenv("EMOTION_YUNET", raising=False)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return write_model(tmp_path_factory.mktemp("model") / "toy.onnx")


@pytest.fixture
def placed(empty_workspace, model) -> Path:
    """The model, where the workspace has it."""
    path = empty_workspace / "detectors" / "yunet.onnx"
    path.parent.mkdir(parents=True)
    path.write_bytes(model.read_bytes())
    return path


def with_square(x: int, y: int, side: int, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    gray = np.zeros(shape, np.uint8)
    gray[y : y + side, x : x + side] = 255
    return gray


def test_it_is_listed_always_and_available_where_its_file_is(empty_workspace):
    assert list(DETECTORS) == ["haar", "yunet"]
    assert available_detectors() == ["haar"]


def test_it_is_available_from_the_workspace(placed):
    assert available_detectors() == ["haar", "yunet"]


def test_it_is_available_where_the_environment_names_it(model, monkeypatch):
    monkeypatch.setenv("EMOTION_YUNET", str(model))
    assert available_detectors() == ["haar", "yunet"]


def test_boxes_are_square_and_in_the_pictures_pixels(placed):
    assert YuNetDetector(20).detect(with_square(64, 96, 32)) == [Box(48, 80, 64, 64)]


def test_a_picture_is_shrunk_until_the_smallest_face_has_20_pixels(placed):
    assert YuNetDetector(40).detect(with_square(128, 192, 64)) == [Box(96, 160, 128, 128)]


def test_the_pictures_size_may_change(placed):
    detector = YuNetDetector(20)
    for shape in ((480, 640), (200, 300), (721, 333), (480, 640)):
        assert len(detector.detect(with_square(64, 96, 32, shape))) == 1


def test_a_plain_picture_has_no_face(placed):
    assert YuNetDetector(20).detect(np.full((HEIGHT, WIDTH), 90, np.uint8)) == []


def test_a_picture_of_one_pixel_has_no_face(placed):
    assert YuNetDetector(60).detect(np.full((1, 1), 255, np.uint8)) == []


def test_without_its_file_it_says_where_to_get_it(empty_workspace):
    with pytest.raises(UserError) as caught:
        YuNetDetector()
    said = str(caught.value)
    assert str(empty_workspace / "detectors" / "yunet.onnx") in said
    assert "face_detection_yunet_2023mar.onnx" in said and "EMOTION_YUNET" in said


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: b"", id="empty"),
        pytest.param(lambda content: content[: len(content) // 2], id="cut off"),
        pytest.param(lambda content: b"version https://git-lfs.github.com/spec/v1", id="a pointer"),
        pytest.param(lambda content: content.replace(b"cls_8", b"xyz_8"), id="another model"),
    ],
)
def test_a_damaged_file_is_named_with_the_cure(damage: Callable[[bytes], bytes], placed):
    placed.write_bytes(damage(placed.read_bytes()))
    with pytest.raises(UserError, match="damaged or no YuNet model") as caught:
        YuNetDetector()
    assert str(placed) in str(caught.value)
