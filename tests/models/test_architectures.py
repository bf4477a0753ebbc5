import subprocess
import sys

import numpy as np
import pytest

from models import ARCHITECTURES
from models.backbone import Backbone, WeightsError

SMALL = {
    "custom_cnn": {"widths": (8, 16)},
    "vgg16": {"weights": "none", "input_size": 32},
    "resnet50v2": {"weights": "none", "input_size": 32},
}
BACKBONES = [name for name, kind in ARCHITECTURES.items() if issubclass(kind, Backbone)]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_model_maps_raw_grey_faces_to_seven_probabilities(name):
    model = ARCHITECTURES[name](**SMALL[name]).build()
    faces = np.random.default_rng(0).integers(0, 256, (3, 48, 48, 1)).astype(np.float32)

    probabilities = np.asarray(model(faces))

    assert model.input_shape == (None, 48, 48, 1)
    assert probabilities.shape == (3, 7) and probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_model_ends_with_pooling_dropout_and_one_dense_layer(name):
    model = ARCHITECTURES[name](**SMALL[name]).build()

    kinds = [type(layer).__name__ for layer in model.layers[-3:]]

    assert kinds == ["GlobalAveragePooling2D", "Dropout", "Dense"]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_fields_survive_json(name):
    architecture = ARCHITECTURES[name](**SMALL[name])

    assert ARCHITECTURES[name].model_validate_json(architecture.model_dump_json()) == architecture


@pytest.mark.parametrize(
    "fields",
    [
        {"activation": "gelu"},
        {"kernel_initializer": "orthogonal"},
        {"batch_normalization": False},
        {"residual": False},
        {"convolutions": 3, "kernel_size": 5},
        {"widths": (8,)},
    ],
    ids=str,
)
def test_every_field_of_the_custom_cnn_builds(fields):
    plain = ARCHITECTURES["custom_cnn"](widths=(8, 16)).build()
    changed = ARCHITECTURES["custom_cnn"](**{"widths": (8, 16), **fields}).build()

    assert changed.get_config() != plain.get_config()


def test_the_backbones_see_what_their_papers_prescribe():
    import keras

    face = np.full((1, 48, 48, 1), 255, np.float32)
    vgg = ARCHITECTURES["vgg16"](**SMALL["vgg16"]).build()
    resnet = ARCHITECTURES["resnet50v2"](**SMALL["resnet50v2"]).build()

    def seen(model):
        backbone = model.get_layer("backbone")
        before = keras.Model(model.input, model.layers[model.layers.index(backbone) - 1].output)
        return np.asarray(before(face))[0, 0, 0]

    np.testing.assert_allclose(seen(vgg), [255 - 103.939, 255 - 116.779, 255 - 123.68], rtol=1e-4)
    np.testing.assert_allclose(seen(resnet), [1, 1, 1], rtol=1e-4)


@pytest.mark.parametrize("name", BACKBONES)
def test_imagenet_weights_out_of_reach_are_one_sentence_with_two_ways_out(name, monkeypatch):
    import keras

    def refuse(*args, **kwargs):
        raise OSError("no network")

    application = {"vgg16": "vgg16", "resnet50v2": "resnet"}[name]
    module = sys.modules[f"keras.src.applications.{application}"]
    monkeypatch.setattr(module.file_utils, "get_file", refuse)
    assert keras.applications

    with pytest.raises(WeightsError, match="--weights FILE, or .* --weights none") as refusal:
        ARCHITECTURES[name](input_size=32).build()
    assert str(refusal.value).count(".") == 1


@pytest.mark.parametrize("name", BACKBONES)
def test_a_weights_file_that_is_not_there_or_does_not_fit_is_named(name, tmp_path):
    wrong = tmp_path / "wrong.weights.h5"
    wrong.write_bytes(b"no weights")

    with pytest.raises(WeightsError, match="no weights file 'missing.h5'. Choose from: imagenet"):
        ARCHITECTURES[name](weights="missing.h5", input_size=32).build()
    with pytest.raises(WeightsError, match="wrong.weights.h5' does not fit"):
        ARCHITECTURES[name](weights=str(wrong), input_size=32).build()


def test_phases_train_the_head_then_the_upper_part_of_the_backbone(tmp_path):
    import keras

    kind = ARCHITECTURES["resnet50v2"]
    file = tmp_path / "backbone.weights.h5"
    keras.applications.ResNet50V2(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    ).save_weights(file)
    architecture = kind(weights=str(file), input_size=32, trainable_share=0.25)
    model = architecture.build()
    backbone = model.get_layer("backbone")

    architecture.set_phase(model, head_only=True)
    assert len(model.trainable_weights) == 2
    architecture.set_phase(model, head_only=False)
    trainable = [layer.trainable for layer in backbone.layers]

    assert not any(trainable[: round(0.7 * len(trainable))])
    assert all(trainable[round(0.76 * len(trainable)) :])


def test_importing_the_models_loads_neither_keras_nor_tensorflow():
    code = "import sys, models, pipeline.training.config; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout

    assert "models" in loaded.split()
    assert not {"keras", "tensorflow"} & set(loaded.split())
