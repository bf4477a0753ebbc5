import subprocess
import sys
from itertools import combinations
from typing import Literal, get_args, get_origin

import numpy as np
import pytest

from models import ARCHITECTURES
from models.backbone import Backbone, WeightsError

SMALL = {
    "custom_cnn": {"widths": (8, 16)},
    "vgg16": {"weights": "none", "input_size": 32},
    "resnet50v2": {"weights": "none", "input_size": 32},
    "dlib_resnet": {"input_size": 55},
}
BACKBONES = [name for name, kind in ARCHITECTURES.items() if issubclass(kind, Backbone)]
FACES = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 1)).astype(np.float32)


def small(name):
    return ARCHITECTURES[name](**SMALL.get(name, {}))


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[pytest.mark.slow] * (n in BACKBONES)) for n in ARCHITECTURES]
)
def test_every_architecture_maps_raw_gray_faces_to_probabilities_by_pooling_and_a_dense_layer(name):
    """A test for each network, so that only one is in memory."""
    model = small(name).build()
    probabilities = np.asarray(model(FACES))

    assert model.input_shape == (None, 48, 48, 1)
    assert probabilities.shape == (4, 7) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    head = [type(layer).__name__ for layer in model.layers[-3:]]
    assert head == ["GlobalAveragePooling2D", "Dropout", "Dense"]


def test_hyperparameters_survive_json():
    for name, kind in ARCHITECTURES.items():
        assert kind.model_validate_json(small(name).model_dump_json()) == small(name)


@pytest.mark.slow
def test_each_choice_of_the_custom_cnn_is_another_model():
    import keras

    kind = ARCHITECTURES["custom_cnn"]
    choices = {
        name: get_args(field.annotation)
        for name, field in kind.model_fields.items()
        if get_origin(field.annotation) is Literal
    }
    choices |= {"residual": (False, True), "convolutions": (1, 3), "widths": ((4, 8), (5, 4, 6))}
    for name, values in choices.items():
        outputs = []
        for value in values:
            keras.utils.set_random_seed(0)
            model = kind(**{"widths": (4, 8), "dropout": 0, name: value}).build()
            outputs.append(np.asarray(model(FACES, training=True)))
            np.testing.assert_allclose(outputs[-1].sum(axis=1), 1, rtol=1e-5, err_msg=name)
        assert all(abs(one - other).max() > 1e-5 for one, other in combinations(outputs, 2)), name


def test_each_stage_of_the_custom_cnn_after_the_first_halves_the_size():
    for pooling in ("max", "average", "stride"):
        model = ARCHITECTURES["custom_cnn"](widths=(4, 4, 4, 4), pooling=pooling).build()
        assert model.layers[-4].output.shape == (None, 6, 6, 4), pooling


def test_a_configuration_with_the_old_switch_for_batch_normalization_loads():
    kind = ARCHITECTURES["custom_cnn"]

    assert kind.model_validate({"batch_normalization": True}) == kind(normalization="batch")
    assert kind.model_validate({"batch_normalization": False}) == kind(normalization="none")


@pytest.mark.slow
def test_the_backbones_get_the_inputs_of_their_papers():
    import keras

    white = np.full((1, 48, 48, 1), 255, np.float32)
    expected = {"vgg16": [255 - 103.939, 255 - 116.779, 255 - 123.68], "resnet50v2": [1, 1, 1]}
    expected["dlib_resnet"] = [(255 - mean) / 256 for mean in (122.782, 117.001, 104.298)]
    for name in BACKBONES:
        model = small(name).build()
        before = model.layers[model.layers.index(model.get_layer("backbone")) - 1]
        pixel = np.asarray(keras.Model(model.input, before.output)(white))[0, 0, 0]
        np.testing.assert_allclose(pixel, expected[name], rtol=1e-4, err_msg=name)


@pytest.mark.slow
def test_imagenet_weights_that_cannot_be_downloaded_are_one_sentence_with_two_cures(monkeypatch):
    import keras

    def refuse(*args, **kwargs):
        raise OSError("no network")

    assert keras.applications
    for module in ("vgg16", "resnet"):
        utils = sys.modules[f"keras.src.applications.{module}"].file_utils
        monkeypatch.setattr(utils, "get_file", refuse)
    for name in (each for each in BACKBONES if "imagenet" in ARCHITECTURES[each].named_weights):
        with pytest.raises(WeightsError, match="a weights file as weights, or none") as refusal:
            ARCHITECTURES[name](input_size=32).build()
        assert str(refusal.value).count(".") == 1, name


@pytest.mark.slow
def test_a_weights_file_that_is_missing_or_of_another_model_is_named_in_one_line(tmp_path):
    wrong, other = tmp_path / "wrong.weights.h5", tmp_path / "model.keras"
    wrong.write_bytes(b"no weights")
    ARCHITECTURES["custom_cnn"](widths=(4,)).build().save(other)
    for file, sentence in (
        ("missing.h5", "no weights file 'missing.h5'. Choose from: imagenet, none, or a file"),
        (str(wrong), "wrong.weights.h5' does not fit"),
        (str(other), "model.keras' does not fit"),
    ):
        with pytest.raises(WeightsError, match=sentence) as refusal:
            ARCHITECTURES["vgg16"](weights=file, input_size=32).build()
        assert "\n" not in str(refusal.value), file


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "file"), [("vgg16", "model.keras"), ("resnet50v2", "model.weights.h5")]
)
def test_a_whole_model_of_another_input_size_gives_all_its_weights(tmp_path, name, file):
    """A test for each network, so that only one is in memory."""
    source = small(name).build()
    save = source.save if file.endswith(".keras") else source.save_weights
    save(tmp_path / file)

    model = ARCHITECTURES[name](weights=str(tmp_path / file), input_size=64).build()

    assert model.get_layer("backbone").input_shape == (None, 64, 64, 3)
    for actual, expected in zip(model.weights, source.weights, strict=True):
        assert np.array_equal(actual, expected), expected.path


@pytest.mark.slow
def test_phases_train_the_head_then_part_or_all_of_the_backbone(tmp_path):
    """Batch normalization stays in inference mode unless all of the backbone is trained."""
    import keras

    file = tmp_path / "backbone.weights.h5"
    keras.applications.ResNet50V2(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    ).save_weights(file)
    network = ARCHITECTURES["resnet50v2"](
        weights=str(file), input_size=32, trainable_share=0.25, dropout=0
    )
    model = network.build()
    layers = model.get_layer("backbone").layers

    network.set_phase(model, head_only=True)
    assert len(model.trainable_weights) == 2
    np.testing.assert_allclose(model(FACES, training=True), model(FACES), rtol=1e-5)

    network.set_phase(model, head_only=False)
    trained = [index for index, layer in enumerate(layers) if layer.trainable_weights]
    assert 0.75 * len(layers) <= trained[0] < 0.8 * len(layers)
    assert {type(layers[index]).__name__ for index in trained} == {"Conv2D"}
    np.testing.assert_allclose(model(FACES, training=True), model(FACES), rtol=1e-5)

    network.model_copy(update={"trainable_share": 1.0}).set_phase(model, head_only=False)
    assert all(layer.trainable for layer in layers)


def test_importing_the_architectures_loads_neither_keras_nor_tensorflow():
    code = "import sys, models, pipeline.config.options; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout

    assert "models" in loaded.split()
    assert not {"keras", "tensorflow"} & set(loaded.split())
