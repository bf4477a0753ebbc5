"""The image of one face with the confidence of each emotion."""

import numpy as np
import pytest

from pipeline.labels import COLORS, EMOTIONS
from pipeline.vision.confidence import UNCERTAIN
from pipeline.vision.face_snapshot import draw_snapshot
from tests.vision.conftest import face_prediction

GIVEN = np.float32([0.05, 0.02, 0.13, 0.5, 0.1, 0.08, 0.12])


def bar_length(image: np.ndarray, emotion: str) -> int:
    color = list(bytes.fromhex(COLORS[emotion][1:]))[::-1]
    return int((image == color).all(axis=2).sum(axis=1).max())


def test_the_bars_are_as_long_as_the_confidences():
    image = draw_snapshot(face_prediction(confidences=GIVEN))
    for emotion, confidence in zip(EMOTIONS, GIVEN, strict=True):
        assert bar_length(image, emotion) == pytest.approx(240 * confidence, abs=2)


def test_the_face_is_shown_large_and_all_lies_in_the_image():
    face_gray = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (48, 1))
    image = draw_snapshot(face_prediction(face_gray=face_gray, confidences=np.eye(7)[3]))
    row = image[190, 25:255, 0].astype(int)
    assert row[0] < 30 and row[-1] > 210 and (np.diff(row) >= -1).all()
    edges = [image[:, -3:], image[:, :3], image[:3], image[-3:]]
    assert all((edge == 255).all() for edge in edges)


def test_an_uncertain_face_has_no_confidence_in_its_title():
    def title(label: str, confidence: float) -> np.ndarray:
        confidences = np.float32([(1 - confidence) / 6] * 6 + [confidence])
        return draw_snapshot(face_prediction(label=label, confidences=confidences))[:60]

    assert (title("neutral", 0.5) != title("neutral", 0.6)).any()
    np.testing.assert_array_equal(title(UNCERTAIN, 0.5), title(UNCERTAIN, 0.6))


def test_a_face_without_its_crop_is_refused():
    with pytest.raises(ValueError, match="needs the face crop"):
        draw_snapshot(face_prediction(face_gray=None))
