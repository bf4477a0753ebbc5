import json
import shutil

import numpy as np
import pytest

from pipeline.data.sample import draw_face
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.evaluation.metrics import compute_metrics
from pipeline.evaluation.predictions import load_predictions
from pipeline.labels import EMOTIONS
from pipeline.registry import model_zoo
from pipeline.runs import list_bundled, list_models, list_runs, model_names
from pipeline.vision.recognizer import Recognizer
from tests.conftest import invoke

BUNDLED = {run.name: run for run in list_bundled()}
MIN_ACCURACY = {"custom_cnn": 0.69, "resnet50v2": 0.66}
MAX_BYTES = {"custom_cnn": 10_000_000, "resnet50v2": 120_000_000}
MAX_FILE_BYTES = 60_000_000


def test_bundled_models_come_first_and_the_best_of_them_first():
    assert [run.name for run in list_models()][: len(MIN_ACCURACY)] == list(MIN_ACCURACY)


def test_bundled_models_are_small_finished_and_have_their_history():
    for name, run in BUNDLED.items():
        sizes = [path.stat().st_size for path in run.path.rglob("*") if path.is_file()]

        assert sum(sizes) < MAX_BYTES[name] and max(sizes) < MAX_FILE_BYTES, name
        assert run.status().state == "finished", name
        assert len(run.history()) == run.status().epoch, name
        assert run.config().emotions == EMOTIONS, name


def test_stored_metrics_and_the_model_card_follow_from_the_stored_predictions():
    for name, run in BUNDLED.items():
        (folder,) = (run.path / "evaluation").iterdir()
        stored = json.loads((folder / "metrics.json").read_text())
        predictions = load_predictions(run, folder)
        card = (run.path / "README.md").read_text()

        assert (predictions.split, len(predictions)) == ("public_test", 3589), name
        for metric, value in compute_metrics(predictions).summary().items():
            expected = pytest.approx(value) if isinstance(value, float) else value
            assert stored.get(metric) == expected, f"{name}: {metric}"
        assert stored["accuracy"] >= MIN_ACCURACY[name], name
        assert f"| all faces | {stored['n']:,} | {stored['accuracy']:.1%} (" in card, name
        for part in ("## Use", "## Limits", "## License", "calibration error", "ms at the 95th"):
            assert part in card, name


LARGE_SLOW = pytest.mark.parametrize(
    "name", ["custom_cnn", pytest.param("resnet50v2", marks=pytest.mark.slow)]
)


@LARGE_SLOW
def test_a_bundled_model_gives_its_golden_outputs_and_int8_nearly_the_same_emotions(name):
    golden = np.load(BUNDLED[name].golden_path)
    rng = np.random.default_rng(5)
    synthetic = np.stack([draw_face(EMOTIONS[i % len(EMOTIONS)], rng) for i in range(128)])
    predicted = {}
    for precision in ("f32", "int8"):
        recognizer = Recognizer.load(BUNDLED[name], precision)
        batches = np.split(np.concatenate([golden["faces"], synthetic]), 5)
        predicted[precision] = np.concatenate([recognizer.predict(batch) for batch in batches])

    assert golden["faces"].shape == (32, 48, 48)
    np.testing.assert_allclose(predicted["f32"][:32], golden["probabilities"], atol=1e-3)
    same = predicted["f32"].argmax(axis=1) == predicted["int8"].argmax(axis=1)
    assert same[:32].all() and same[32:].mean() > 0.9


@LARGE_SLOW
def test_the_keras_weights_of_a_bundled_model_give_its_golden_outputs(name):
    from pipeline.training.keras_model import load_keras

    golden = np.load(BUNDLED[name].golden_path)
    faces = golden["faces"][:4, ..., np.newaxis].astype(np.float32)

    probabilities = load_keras(BUNDLED[name])(faces)

    np.testing.assert_allclose(probabilities, golden["probabilities"][:4], atol=1e-3)


@pytest.mark.slow
def test_bundling_makes_a_float16_run_that_predicts_the_same(
    filled_workspace, tmp_path, monkeypatch
):
    zoo = tmp_path / "zoo"
    monkeypatch.setattr(model_zoo, "ZOO", zoo)
    monkeypatch.setattr("pipeline.runs.run.ZOO", zoo)
    monkeypatch.setattr("pipeline.registry.openvino_export._LARGE", 0)
    (run,) = list_runs()
    faces = load_dataset("sample").images[:64]

    bundled = model_zoo.bundle(run, "small")

    assert bundled.bundled and Recognizer.load(bundled, "int8").precision == "int8"
    assert bundled.weights_path.stat().st_size < run.weights_path.stat().st_size
    small, full = (Recognizer.load(model).predict(faces) for model in (bundled, run))
    np.testing.assert_allclose(small, full, atol=0.02)
    weights = [model.openvino_path.with_suffix(".bin").stat().st_size for model in (bundled, run)]
    assert weights[0] < 0.6 * weights[1]
    assert len(np.load(bundled.golden_path)["faces"]) == 32
    with pytest.raises(UserError, match="has a model 'small'"):
        model_zoo.bundle(run, "small")


def test_a_model_card_needs_an_evaluation(trained, empty_workspace, capsys):
    shutil.copytree(trained, empty_workspace)
    (run,) = list_runs()
    code, card, _ = invoke("card", run.name, capsys=capsys)
    assert code == 0 and card.startswith(f"# {model_names()[run.name]}\n\ncustom_cnn, ")

    shutil.rmtree(run.path / "evaluation")

    code, _, error = invoke("card", run.name, capsys=capsys)
    assert code == 1 and "on validation yet: evaluate it first" in error
