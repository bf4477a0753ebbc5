import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from models import ARCHITECTURES
from pipeline.cli.models import export as export_command
from pipeline.config.train_config import TrainConfig
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.runs import create_run, find_model, list_runs
from pipeline.vision.recognizer import Recognizer

FACES = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)
SMALL = {"vgg16": {"weights": "none", "input_size": 48}}
SMALL |= {"resnet50v2": {"weights": "none", "input_size": 64}, "custom_cnn": {"widths": (8, 16)}}
MAP_SIDES = {"custom_cnn": 24, "vgg16": 1, "resnet50v2": 2}

EXPORT = """\
import sys

import numpy as np

from pipeline.registry.export import export_openvino
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
    faces, model = load_dataset("sample").images[:64], load_keras(run)
    recognizer = Recognizer.load(run)

    probabilities, maps = recognizer.explain(faces)

    np.testing.assert_allclose(probabilities, keras_probabilities(model, faces), atol=1e-3)
    np.testing.assert_array_equal(recognizer.share().predict(faces), probabilities)
    scores = np.exp(maps.mean(axis=(1, 2)) + model.get_layer("probabilities").get_weights()[1])
    assert maps.shape == (64, 6, 6, 7)
    np.testing.assert_allclose(probabilities, scores / scores.sum(1, keepdims=True), atol=1e-3)


def test_litert_gives_the_same_under_the_names_of_its_outputs(own_run):
    from pipeline.registry.export import export_litert

    path = export_litert(own_run)

    actual = litert_outputs(path, FACES)
    probabilities, maps = Recognizer.load(own_run).explain(FACES)
    np.testing.assert_allclose(actual["probabilities"], probabilities, atol=1e-3)
    np.testing.assert_allclose(actual["cam"], maps, atol=0.01 * np.abs(maps).max())


def litert_outputs(path: Path, faces: np.ndarray) -> dict[str, np.ndarray]:
    import tensorflow as tf

    with pytest.warns(UserWarning, match="tf.lite.Interpreter is deprecated"):
        interpreter = tf.lite.Interpreter(str(path))
    infer = interpreter.get_signature_runner()
    return infer(faces=faces[..., np.newaxis].astype(np.float32))


def test_a_new_float32_export_removes_the_exports_of_the_earlier_model(own_run):
    from pipeline.registry.export import export_openvino

    for path in (own_run.int8_path, own_run.litert_path):
        path.write_text("of the earlier model")

    export_openvino(own_run)

    names = {path.name for path in own_run.openvino_path.parent.iterdir()}
    assert names == {"model.xml", "model.bin"}


def test_unknown_formats_are_refused():
    for options, sentence in (
        ({"to": "onnx"}, "Unknown format 'onnx'. Choose from: openvino, litert."),
        ({"to": "litert", "int8": True}, "leave --format out"),
    ):
        with pytest.raises(UserError, match=sentence):
            export_command("any", **options)


@pytest.mark.slow
def test_a_bundled_model_is_exported_to_the_workspace(capsys, empty_workspace):
    export_command("custom_cnn", to="tflite")

    path = Path(capsys.readouterr().out.strip().splitlines()[-1])
    assert path == empty_workspace / "exports" / "custom_cnn" / "model.tflite"
    actual = litert_outputs(path, FACES)["probabilities"]
    expected = Recognizer.load(find_model("custom_cnn")).predict(FACES)
    np.testing.assert_allclose(actual, expected, atol=1e-3)


def test_only_models_that_can_be_exported_are_named(capsys):
    create_run(TrainConfig(dataset="d"), "f" * 64)
    with pytest.raises(UserError) as raised:
        export_command("no")
    assert str(raised.value) == "Unknown model 'no'. Choose from: custom_cnn, resnet50v2."

    export_command("custom_cnn")
    assert capsys.readouterr().out.strip() == str(find_model("custom_cnn").openvino_path)
