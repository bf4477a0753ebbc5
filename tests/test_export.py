from pathlib import Path

import numpy as np
import pytest

from models import ARCHITECTURES
from pipeline.cli.training import export as export_command
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.runs import create_run, list_runs
from pipeline.training.config import TrainConfig
from pipeline.vision.recognizer import Recognizer

SMALL = {
    "custom_cnn": {"widths": (8, 16)},
    "vgg16": {"weights": "none", "input_size": 48},
    "resnet50v2": {"weights": "none", "input_size": 64},
}
MAP_SIDES = {"custom_cnn": 24, "vgg16": 1, "resnet50v2": 2}
FACES = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)


def probabilities_of(model, faces):
    return np.asarray(model(faces[..., np.newaxis].astype(np.float32), training=False))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_openvino_and_keras_agree_to_a_thousandth(name):
    from pipeline.export import export_openvino

    config = TrainConfig(dataset="d", architecture=name, model=SMALL[name])
    run = create_run(config, "f" * 64)
    model = config.model.build()
    model.save(run.weights_path)

    export_openvino(run)

    recognizer = Recognizer.load(run, "f32")
    np.testing.assert_allclose(recognizer.predict(FACES), probabilities_of(model, FACES), atol=1e-3)
    np.testing.assert_allclose(
        recognizer.predict(FACES[:1]), recognizer.predict(FACES)[:1], atol=1e-4
    )
    assert recognizer.predict(FACES[:0]).shape == (0, 7)
    assert recognizer.map_side == MAP_SIDES[name]


def test_a_trained_run_agrees_to_a_thousandth_on_real_faces(filled_workspace):
    from pipeline.training.keras_model import load_keras

    (run,) = list_runs()
    faces = load_dataset("sample").images[:64]

    exported = Recognizer.load(run, "f32").predict(faces)

    np.testing.assert_allclose(exported, probabilities_of(load_keras(run), faces), atol=1e-3)


def test_the_activation_maps_average_to_what_the_softmax_saw(filled_workspace):
    from pipeline.training.keras_model import load_keras

    (run,) = list_runs()
    bias = load_keras(run).get_layer("probabilities").get_weights()[1]

    probabilities, maps = Recognizer.load(run, "f32").explain(FACES)

    scores = np.exp(maps.mean(axis=(1, 2)) + bias)
    assert maps.shape == (5, 6, 6, 7)
    np.testing.assert_allclose(probabilities, scores / scores.sum(1, keepdims=True), atol=1e-3)


def test_a_shared_recognizer_gives_the_same(filled_workspace):
    (run,) = list_runs()
    recognizer = Recognizer.load(run, "f32")

    np.testing.assert_array_equal(recognizer.share().predict(FACES), recognizer.predict(FACES))


def test_a_damaged_export_is_one_sentence(tmp_path):
    run = create_run(TrainConfig(dataset="d"), "f" * 64)
    run.openvino_path.parent.mkdir()
    run.openvino_path.write_text("no model")

    with pytest.raises(UserError, match="is missing or damaged: export it again"):
        Recognizer.load(run)


def test_shipping_makes_a_float16_run_that_says_the_same(filled_workspace, tmp_path, monkeypatch):
    from pipeline import shipping

    zoo = tmp_path / "zoo"
    monkeypatch.setattr(shipping, "ZOO", zoo)
    monkeypatch.setattr("pipeline.runs.folder.ZOO", zoo)
    monkeypatch.setattr("pipeline.export._LARGE", 0)
    (run,) = list_runs()
    faces = load_dataset("sample").images[:64]

    shipped = shipping.ship(run, "small")

    assert Recognizer.load(shipped, "int8").precision == "int8"
    assert shipped.shipped and shipped.weights_path.stat().st_size < run.weights_path.stat().st_size
    small, full = (Recognizer.load(r, "f32").predict(faces) for r in (shipped, run))
    np.testing.assert_allclose(small, full, atol=0.02)
    weights = [r.openvino_path.with_suffix(".bin").stat().st_size for r in (shipped, run)]
    assert weights[0] < 0.6 * weights[1]
    assert len(np.load(shipped.drawn_path)["faces"]) == 32
    with pytest.raises(UserError, match="has a model 'small'"):
        shipping.ship(run, "small")


def test_litert_says_the_same_by_the_names_of_its_outputs(own_run):
    from pipeline.export import export_litert

    path = export_litert(own_run)

    actual = litert(path, FACES)
    probabilities, maps = Recognizer.load(own_run).explain(FACES)
    np.testing.assert_allclose(actual["probabilities"], probabilities, atol=1e-3)
    np.testing.assert_allclose(actual["cam"], maps, atol=0.01 * np.abs(maps).max())


def litert(path: Path, faces: np.ndarray) -> dict[str, np.ndarray]:
    import tensorflow as tf

    with pytest.warns(UserWarning, match="tf.lite.Interpreter is deprecated"):
        interpreter = tf.lite.Interpreter(str(path))
    run = interpreter.get_signature_runner()
    return run(faces=faces[..., np.newaxis].astype(np.float32))


def test_a_new_float32_export_leaves_no_export_of_the_model_of_before(own_run):
    from pipeline.export import export_openvino

    for path in (own_run.int8_path, own_run.litert_path):
        path.write_text("of the model of before")

    export_openvino(own_run)

    names = {path.name for path in own_run.openvino_path.parent.iterdir()}
    assert names == {"model.xml", "model.bin"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"to": "onnx"}, "Unknown format 'onnx'. Choose from: openvino, litert."),
        ({"to": "litert", "int8": True}, "leave --format out"),
    ],
    ids=["format", "int8"],
)
def test_formats_that_there_are_not_are_refused(options, sentence):
    with pytest.raises(UserError, match=sentence):
        export_command("any", **options)
