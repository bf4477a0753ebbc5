import json

import numpy as np
import pytest

from pipeline.data.sample import draw_face
from pipeline.evaluation.metrics import compute_metrics
from pipeline.evaluation.predictions import load_predictions
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, list_models
from pipeline.vision.recognizer import Recognizer
from pipeline.workspace import ZOO

SHIPPED = [Run(path) for path in sorted(ZOO.glob("*/"))]
FACES = np.stack(
    [draw_face(emotion, np.random.default_rng(i)) for i, emotion in enumerate(EMOTIONS)]
)


@pytest.fixture(params=SHIPPED, ids=lambda run: run.name)
def shipped(request) -> Run:
    return request.param


def test_the_custom_cnn_is_shipped_and_is_there_on_a_fresh_machine():
    assert "custom_cnn" in [run.name for run in list_models()]


def test_a_shipped_model_is_under_ten_megabytes_and_brings_its_history(shipped):
    size = sum(path.stat().st_size for path in shipped.path.rglob("*") if path.is_file())

    assert size < 10_000_000
    assert shipped.status().state == "finished"
    assert len(shipped.history()) == shipped.status().epoch
    assert shipped.config().emotions == EMOTIONS


def test_its_stored_figures_follow_from_its_stored_predictions(shipped):
    (folder,) = (shipped.path / "evaluation").iterdir()
    stored = json.loads((folder / "metrics.json").read_text())

    predictions = load_predictions(shipped, folder)

    assert (predictions.split, len(predictions)) == ("public_test", 3589)
    for name, value in compute_metrics(predictions).summary().items():
        expected = pytest.approx(value) if isinstance(value, float) else value
        assert stored.get(name) == expected, name
    assert stored["accuracy"] >= 0.60


def test_its_keras_weights_and_its_export_agree_to_a_thousandth(shipped):
    from pipeline.training.keras_model import load_keras

    expected = np.asarray(load_keras(shipped)(FACES[..., np.newaxis].astype(np.float32)))

    actual = Recognizer.load(shipped, "f32").predict(FACES)

    np.testing.assert_allclose(actual, expected, atol=1e-3)
