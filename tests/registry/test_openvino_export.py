import subprocess
import sys

import numpy as np
import pytest

from models import ARCHITECTURES
from pipeline.config.train_config import TrainConfig
from pipeline.data.store import load_dataset
from pipeline.runs import create_run, list_runs
from pipeline.vision.recognizer import Recognizer

FACES = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
SMALL = {"vgg16": {"weights": "none", "input_size": 48}}
SMALL |= {"resnet50v2": {"weights": "none", "input_size": 64}, "custom_cnn": {"widths": (8, 16)}}
MAP_SIDES = {"custom_cnn": 24, "vgg16": 1, "resnet50v2": 2, "dlib_resnet": 2}

EXPORT = """\
import sys

import numpy as np

from pipeline.registry.openvino_export import export_openvino
from pipeline.runs import list_runs

faces = np.load(sys.argv[1])[..., np.newaxis].astype(np.float32)
for run in list_runs():
    model = run.config().train.model.build()
    model.save(run.weights_path)
    export_openvino(run)
    np.save(run.path / "expected.npy", model(faces, training=False))
"""


def keras_probabilities(model, faces):
    return np.asarray(model(faces[..., np.newaxis].astype(np.float32), training=False))


@pytest.mark.slow
def test_openvino_agrees_with_keras_for_every_architecture(tmp_path):
    """Built in a process of its own: large networks take much memory in Keras."""
    for name in ARCHITECTURES:
        fields = {"dataset": "d", "architecture": name, "model": SMALL.get(name, {})}
        create_run(TrainConfig.model_validate(fields), "f" * 64)
    np.save(tmp_path / "faces.npy", FACES)

    subprocess.run([sys.executable, "-c", EXPORT, tmp_path / "faces.npy"], check=True)

    runs = {run.config().train.architecture: run for run in list_runs()}
    assert runs.keys() == ARCHITECTURES.keys()
    for name, run in runs.items():
        recognizer = Recognizer.load(run)
        actual, expected = recognizer.predict(FACES), np.load(run.path / "expected.npy")
        np.testing.assert_allclose(actual, expected, atol=1e-3, err_msg=name)
        np.testing.assert_allclose(recognizer.predict(FACES[:1]), actual[:1], atol=1e-4)
        assert recognizer.predict(FACES[:0]).shape == (0, 7), name
        assert recognizer.map_side == MAP_SIDES.get(name, recognizer.map_side), name


def test_the_export_of_a_trained_run_agrees_and_its_maps_average_to_the_logits(filled_workspace):
    from pipeline.training.keras_model import load_keras

    (run,) = list_runs()
    model, recognizer = load_keras(run), Recognizer.load(run)
    for faces in np.split(load_dataset("sample").images[:64], 4):
        probabilities, maps = recognizer.explain(faces)

        np.testing.assert_allclose(probabilities, keras_probabilities(model, faces), atol=1e-3)
        np.testing.assert_array_equal(recognizer.share().predict(faces), probabilities)
        scores = np.exp(maps.mean(axis=(1, 2)) + model.get_layer("probabilities").get_weights()[1])
        assert maps.shape == (16, 6, 6, 7)
        np.testing.assert_allclose(probabilities, scores / scores.sum(1, keepdims=True), atol=1e-3)


def test_a_new_float32_export_removes_the_exports_of_the_earlier_model(own_run):
    from pipeline.registry.openvino_export import export_openvino

    own_run.int8_path.write_text("of the earlier model")

    export_openvino(own_run)

    names = {path.name for path in own_run.openvino_path.parent.iterdir()}
    assert names == {"model.xml", "model.bin"}
