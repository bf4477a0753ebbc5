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


CHOICES = [
    (name, value)
    for name, field in ARCHITECTURES["custom_cnn"].model_fields.items()
    for value in get_args(field.annotation)
    if get_origin(field.annotation) is Literal
]


@pytest.mark.parametrize(
    ("name", "value"),
    [*CHOICES, ("residual", False), ("residual", True), ("convolutions", 3), ("widths", (5, 4, 6))],
    ids=str,
)
def test_every_choice_of_the_custom_cnn_builds_and_recognises(name, value):
    model = ARCHITECTURES["custom_cnn"](**{"widths": (4, 8), "convolutions": 1, name: value})

    probabilities = np.asarray(model.build()(np.full((2, 48, 48, 1), 9, np.float32)))

    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize("name", dict(CHOICES))
def test_each_choice_of_the_custom_cnn_makes_another_model(name):
    import keras

    faces = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 1)).astype(np.float32)
    seen = []
    for value in [value for choice, value in CHOICES if choice == name]:
        keras.utils.set_random_seed(0)
        model = ARCHITECTURES["custom_cnn"](**{"widths": (4, 8), "dropout": 0, name: value}).build()
        seen.append(np.asarray(model(faces, training=True)))

    assert all(abs(one - other).max() > 1e-5 for one, other in combinations(seen, 2))


@pytest.mark.parametrize("pooling", ["max", "average", "stride"])
def test_each_stage_after_the_first_halves_the_size(pooling):
    model = ARCHITECTURES["custom_cnn"](widths=(4, 4, 4, 4), pooling=pooling).build()

    assert model.layers[-4].output.shape == (None, 6, 6, 4)


@pytest.mark.parametrize(("old", "new"), [(True, "batch"), (False, "none")])
def test_a_configuration_from_before_there_was_a_choice_of_normalisation_loads(old, new):
    kind = ARCHITECTURES["custom_cnn"]

    assert kind.model_validate({"batch_normalization": old}) == kind(normalization=new)


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


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("file_name", ["model.keras", "model.weights.h5"])
def test_a_whole_model_of_another_input_size_gives_all_its_weights(name, file_name, tmp_path):
    file = tmp_path / file_name
    small = ARCHITECTURES[name](weights="none", input_size=32).build()
    save = small.save if file.suffix == ".keras" else small.save_weights
    save(file)

    large = ARCHITECTURES[name](weights=str(file), input_size=64).build()

    assert large.get_layer("backbone").input_shape == (None, 64, 64, 3)
    for own, taken in zip(large.get_weights(), small.get_weights(), strict=True):
        np.testing.assert_array_equal(own, taken)


def test_a_whole_model_of_another_architecture_is_refused_in_one_sentence(tmp_path):
    file = tmp_path / "model.keras"
    ARCHITECTURES["custom_cnn"](widths=(4,)).build().save(file)

    with pytest.raises(WeightsError, match="model.keras' does not fit") as refusal:
        ARCHITECTURES["resnet50v2"](weights=str(file), input_size=32).build()
    assert "\n" not in str(refusal.value)


@pytest.fixture(scope="module")
def from_weights(tmp_path_factory):
    """A ResNet50V2 from a weights file, as `(architecture, model)`."""
    import keras

    file = tmp_path_factory.mktemp("weights") / "backbone.weights.h5"
    keras.applications.ResNet50V2(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    ).save_weights(file)
    architecture = ARCHITECTURES["resnet50v2"](
        weights=str(file), input_size=32, trainable_share=0.25, dropout=0
    )
    return architecture, architecture.build()


def test_phases_train_the_head_then_the_upper_part_of_the_backbone(from_weights):
    architecture, model = from_weights
    layers = model.get_layer("backbone").layers

    architecture.set_phase(model, head_only=True)
    assert len(model.trainable_weights) == 2
    architecture.set_phase(model, head_only=False)
    trained = [number for number, layer in enumerate(layers) if layer.trainable_weights]

    assert 0.75 * len(layers) <= trained[0] < 0.8 * len(layers)
    assert {type(layers[number]).__name__ for number in trained} == {"Conv2D"}


def test_a_share_of_one_trains_all_of_the_backbone_its_batch_normalisation_too(from_weights):
    architecture, model = from_weights

    architecture.model_copy(update={"trainable_share": 1.0}).set_phase(model, head_only=False)

    assert all(layer.trainable for layer in model.get_layer("backbone").layers)


@pytest.mark.parametrize("head_only", [True, False])
def test_fine_tuning_keeps_batch_normalisation_in_inference_mode(from_weights, head_only):
    architecture, model = from_weights
    faces = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 1)).astype(np.float32)

    architecture.set_phase(model, head_only=head_only)

    np.testing.assert_allclose(model(faces, training=True), model(faces), rtol=1e-5)


def test_importing_the_models_loads_neither_keras_nor_tensorflow():
    code = "import sys, models, pipeline.training.config; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout

    assert "models" in loaded.split()
    assert not {"keras", "tensorflow"} & set(loaded.split())
