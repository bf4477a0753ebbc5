import shutil

import cv2
import numpy as np
import pytest
from scipy.special import softmax

from pipeline.runs import Calibration, Run, find_model
from pipeline.vision.photo import recognise_file
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.temperature import scale
from pipeline.workspace import runs_folder

FACES = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
LOGITS = np.random.default_rng(1).normal(scale=3, size=(200, 7))
PROBABILITIES = softmax(LOGITS, axis=1).astype(np.float32)


@pytest.mark.parametrize("temperature", [0.05, 0.5, 1.0, 1.7, 20.0])
def test_scaling_is_the_softmax_of_the_logits_divided(temperature):
    scaled = scale(PROBABILITIES, temperature)

    assert (scaled.dtype, scaled.shape) == (np.float32, (200, 7))
    np.testing.assert_allclose(scaled, softmax(LOGITS / temperature, axis=1), atol=1e-5)
    np.testing.assert_allclose(scaled.sum(axis=1), 1, atol=1e-6)


def test_temperature_1_changes_nothing_and_more_makes_less_sure():
    np.testing.assert_allclose(scale(PROBABILITIES, 1.0), PROBABILITIES, rtol=1e-6)
    surest = [scale(PROBABILITIES, t).max(axis=1) for t in (0.5, 1.0, 2.0, 4.0)]
    assert all((warm < cool).all() for cool, warm in zip(surest, surest[1:], strict=False))


def test_scaling_back_gives_the_probabilities_of_before():
    np.testing.assert_allclose(scale(scale(PROBABILITIES, 3), 1 / 3), PROBABILITIES, atol=1e-5)


@pytest.mark.parametrize("temperature", [0.05, 0.3, 1.0, 3.0, 20.0])
@pytest.mark.parametrize(
    "probabilities",
    [np.eye(7)[:1], [[0.5, 0.5, 0, 0, 0, 0, 0]], np.full((1, 7), 1 / 7), [[1e-30, 1] + 5 * [0]]],
    ids=["certain", "two halves", "uniform", "denormal"],
)
def test_zero_and_tiny_probabilities_stay_numbers(probabilities, temperature):
    given = np.array(probabilities, np.float32)
    scaled = scale(given, temperature)

    assert np.isfinite(scaled).all() and scaled.sum() == pytest.approx(1)
    assert scaled.argmax() == given.argmax()


@pytest.mark.parametrize("temperature", [0.05, 0.5, 1.0, 2.0, 20.0])
def test_the_likeliest_stays_the_likeliest(temperature):
    np.testing.assert_array_equal(
        scale(PROBABILITIES, temperature).argmax(axis=1), PROBABILITIES.argmax(axis=1)
    )


@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_the_likeliest_stays_so_by_the_least_of_leads(temperature):
    half = np.float32(0.5)
    nearly = np.array([[np.nextafter(half, np.float32(0)), half, 0, 0, 0, 0, 0]], np.float32)

    assert scale(nearly, temperature).argmax() == nearly.argmax() == 1


@pytest.fixture
def model() -> Run:
    """Return a copy of the shipped model among the runs."""
    copy = Run(runs_folder() / "copied")
    shutil.copytree(find_model("custom_cnn").path, copy.path)
    copy.calibration_path.unlink()
    return copy


def warm(model: Run, temperature: float) -> None:
    fitted = {"dataset": "faces", "fingerprint": "f" * 64, "split": "test", "faces": 20}
    model.write_calibration(Calibration(temperature=temperature, **fitted))


def test_a_recognizer_calibrates_at_the_stored_temperature_and_predicts_as_before(model):
    plain = Recognizer.load(model)
    warm(model, 2.5)
    calibrated = Recognizer.load(model)

    probabilities = calibrated.predict(FACES)

    np.testing.assert_array_equal(probabilities, plain.predict(FACES))
    expected = scale(probabilities, 2.5)
    for recognizer in (calibrated, calibrated.share()):
        np.testing.assert_array_equal(recognizer.calibrated(probabilities), expected)
    assert not np.allclose(expected, probabilities)


def test_without_a_temperature_confidences_are_the_probabilities(model):
    recognizer = Recognizer.load(model)
    probabilities = recognizer.predict(FACES)

    np.testing.assert_allclose(recognizer.calibrated(probabilities), probabilities, rtol=1e-5)


def test_a_damaged_temperature_counts_as_none(model):
    model.calibration_path.write_text('{"temperature": -1}')
    recognizer = Recognizer.load(model)

    np.testing.assert_allclose(recognizer.calibrated(PROBABILITIES), PROBABILITIES, rtol=1e-5)


def test_no_faces_have_no_confidences(model):
    recognizer = Recognizer.load(model)

    assert recognizer.calibrated(recognizer.predict(FACES[:0])).shape == (0, 7)


def test_a_recognised_face_is_as_sure_as_the_temperature_says(model, tmp_path):
    cv2.imwrite(str(tmp_path / "face.png"), FACES[0])
    warm(model, 2.5)

    (face,) = recognise_file(tmp_path / "face.png", Recognizer.load(model), cropped=True)

    assert face.confidence == pytest.approx(scale(face.probabilities[np.newaxis], 2.5).max())
    assert face.confidence < face.probabilities.max()
