import json
import shutil

import numpy as np
import pytest

from pipeline.data.sample import draw_face
from pipeline.evaluation.metrics import compute_metrics
from pipeline.evaluation.predictions import load_predictions
from pipeline.labels import EMOTIONS
from pipeline.runs import Run, list_models, list_runs, list_shipped
from pipeline.vision.recognizer import Recognizer
from tests.test_cli import invoke

SHIPPED = list_shipped()
ACCURACY = {"custom_cnn": 0.69, "resnet50v2": 0.66}  # at least
SIZE = {"custom_cnn": 10_000_000, "resnet50v2": 120_000_000}  # at most, bytes
LARGEST_FILE = 60_000_000


@pytest.fixture(params=SHIPPED, ids=lambda run: run.name)
def shipped(request) -> Run:
    return request.param


def test_what_is_shipped_is_there_on_a_fresh_machine_the_best_first():
    assert [run.name for run in list_models()][: len(ACCURACY)] == list(ACCURACY)


def test_a_shipped_model_is_small_and_brings_its_history(shipped):
    sizes = [path.stat().st_size for path in shipped.path.rglob("*") if path.is_file()]

    assert sum(sizes) < SIZE[shipped.name] and max(sizes) < LARGEST_FILE
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
    assert stored["accuracy"] >= ACCURACY[shipped.name]


def test_it_says_of_drawn_faces_what_it_said_when_it_was_shipped(shipped):
    stored = np.load(shipped.drawn_path)
    faces, expected = stored["faces"], stored["probabilities"]

    assert faces.shape == (32, 48, 48)
    np.testing.assert_allclose(Recognizer.load(shipped).predict(faces), expected, atol=1e-3)
    if shipped.int8_path.is_file():
        quantized = Recognizer.load(shipped, "int8").predict(faces)
        np.testing.assert_array_equal(quantized.argmax(1), expected.argmax(1))


def test_its_int8_names_nearly_all_drawn_faces_as_float_does(shipped):
    rng = np.random.default_rng(5)
    faces = np.stack([draw_face(EMOTIONS[i % len(EMOTIONS)], rng) for i in range(128)])

    quantized, exact = (Recognizer.load(shipped, p).predict(faces) for p in ("int8", "f32"))

    assert (quantized.argmax(1) == exact.argmax(1)).mean() > 0.9


def test_its_card_says_what_its_stored_figures_say(shipped):
    (folder,) = (shipped.path / "evaluation").iterdir()
    stored = json.loads((folder / "metrics.json").read_text())

    card = (shipped.path / "README.md").read_text()

    assert f"| all faces | {stored['n']:,} | {stored['accuracy']:.1%} (" in card
    for part in ("## Use", "## Limits", "## Licence", "calibration error", "ms at the 95th"):
        assert part in card


def test_its_keras_weights_and_its_export_agree_to_a_thousandth(shipped):
    from pipeline.training.keras_model import load_keras

    faces = np.load(shipped.drawn_path)["faces"]
    expected = np.asarray(load_keras(shipped)(faces[..., np.newaxis].astype(np.float32)))

    actual = Recognizer.load(shipped, "f32").predict(faces)

    np.testing.assert_allclose(actual, expected, atol=1e-3)


def test_a_model_that_was_not_judged_has_no_card(trained, empty_workspace, capsys):
    shutil.copytree(trained, empty_workspace)
    (run,) = list_runs()
    code, card, _ = invoke("card", run.name, capsys=capsys)
    assert code == 0 and card.startswith(f"# {run.name}\n\ncustom_cnn, ")

    shutil.rmtree(run.path / "evaluation")

    code, _, said = invoke("card", run.name, capsys=capsys)
    assert code == 1 and "was not judged on validation yet: evaluate it first" in said
