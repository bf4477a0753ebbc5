import json
import shlex
from typing import Literal, get_args, get_origin

import pytest

from models import ARCHITECTURES
from pipeline.errors import UserError
from pipeline.training.config import TrainConfig
from pipeline.training.options import FIELDS, TOP, as_text, build_config, command_line
from pipeline.workspace import ZOO


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_configuration_survives_json(name):
    config = TrainConfig(dataset="d", architecture=name)

    again = TrainConfig.model_validate_json(config.model_dump_json())

    assert again == config
    assert type(again.model) is ARCHITECTURES[name]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_command_line_makes_the_same_configuration(name):
    given = {"dataset": "d", "architecture": name, "dropout": "0.1", "flip": "False", "seed": "3"}
    if name == "custom_cnn":
        given |= {"widths": "8,16", "exclude": "twins", "normalization": "group"}
        given |= {"class_weights": "given", "given_weights": "1.0,2.0,1.0,0.5,1.0,1.0,1.5"}
        given |= {"targets": "blend", "vote_share": "0.3", "mixup": "0.2", "brightness": "0.1"}
    config = build_config({}, given)

    words = shlex.split(command_line(config))[4:]
    options = {k[2:].replace("-", "_"): v for k, v in zip(words[::2], words[1::2], strict=True)}

    assert options == given or {**options, "architecture": name} == given
    assert build_config({}, options) == config


def test_options_go_before_the_configuration_file():
    base = json.loads(TrainConfig(dataset="d", epochs=7, batch_size=16).model_dump_json())

    config = build_config(base, {"epochs": "9"})

    assert (config.epochs, config.batch_size) == (9, 16)


@pytest.mark.parametrize("text", ["", "none"])
def test_no_exclusion_list_can_be_said_to_overrule_a_file(text):
    config = build_config({"dataset": "d", "exclude": "twins"}, {"exclude": text})

    assert config == TrainConfig(dataset="d")
    assert "--exclude" not in command_line(config)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"architecture": "vgg"}, "Unknown architecture 'vgg'. Choose from: custom_cnn, vgg16"),
        ({"optimizer": "foo"}, "optimizer = 'foo' is wrong: it should be 'sgd', 'adam' or"),
        ({"epochs": "0"}, "epochs = '0' is wrong: it should be greater than or equal to 1"),
        ({"learning_rate": "fast"}, "learning_rate = 'fast' is wrong: it should be a valid number"),
        ({"input_size": "96"}, "'input_size' is no field of the architecture 'custom_cnn'"),
        ({"activation": "x"}, "activation = 'x' is wrong: it should be 'relu', 'leaky_relu'"),
        ({"widths": "2"}, "widths"),
        ({"normalization": "x"}, "normalization = 'x' is wrong: it should be 'batch', 'layer',"),
        ({"pooling": "x"}, "pooling = 'x' is wrong: it should be 'max', 'average' or 'stride'"),
        ({"targets": "x"}, "targets = 'x' is wrong: it should be 'labels', 'votes' or 'blend'"),
        ({"class_weights": "x"}, "it should be 'none', 'sqrt', 'balanced' or 'given'"),
        ({"early_stopping_monitor": "x"}, "it should be 'monitor', 'val_accuracy', 'val_macro_f1'"),
        ({"given_weights": "1,2,3"}, "it should be 7 positive numbers, for angry, disgust, fear,"),
        ({"given_weights": "1,1,1,1,1,1,0"}, "it should be 7 positive numbers, for angry, disgust"),
        ({"given_weights": "1,1,1,1,1,1,x"}, "given_weights = 'x' is wrong: it should be a valid"),
        ({"ema_momentum": "1"}, "ema_momentum = '1' is wrong: it should be less than 1"),
        ({"mixup": "-1"}, "mixup = '-1' is wrong: it should be greater than or equal to 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_field_is_one_sentence_with_its_choices(given, sentence):
    with pytest.raises(UserError) as refusal:
        build_config({}, {"dataset": "d", **given})

    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("path", sorted(ZOO.glob("*/config.json")), ids=lambda p: p.parent.name)
def test_the_configuration_of_a_shipped_model_loads_and_means_what_it_did(path):
    config = build_config(json.loads(path.read_text())["train"], {})

    assert (config.targets, config.mixup, config.ema_momentum) == ("labels", 0, 0)
    assert config.model.model_dump().get("normalization", "batch") == "batch"  # backbones have one
    assert (config.augmentation.brightness, config.augmentation.contrast) == (0, 0)


def test_early_stopping_watches_what_the_best_epoch_is_chosen_by_unless_said():
    watching = build_config({}, {"dataset": "d", "monitor": "val_loss"})
    other = build_config({}, {"dataset": "d", "early_stopping_monitor": "val_macro_f1"})

    assert (watching.stopping_monitor, other.stopping_monitor) == ("val_loss", "val_macro_f1")


def test_a_missing_data_set_is_said():
    with pytest.raises(UserError, match="lacks 'dataset'"):
        build_config({}, {})


def test_an_unknown_field_in_a_file_is_said():
    with pytest.raises(UserError, match="Unknown field 'epoch'"):
        build_config({"dataset": "d", "epoch": 3}, {})


def test_every_field_has_a_description():
    assert not [name for name, field in FIELDS.items() if not field.description]


def test_from_scratch_has_one_phase_and_from_weights_two():
    scratch = build_config({}, {"dataset": "d", "architecture": "vgg16", "weights": "none"})
    trained = build_config({}, {"dataset": "d", "architecture": "vgg16", "head_epochs": "2"})

    assert (scratch.head_epochs, scratch.total_epochs) == (0, 40)
    assert (trained.head_epochs, trained.total_epochs) == (2, 42)


def offered_values() -> list[tuple[str, str, str]]:
    """Every architecture, field and text of a field that has choices."""
    found = []
    for architecture, kind in ARCHITECTURES.items():
        for name, field in (*TOP.items(), *kind.model_fields.items()):
            choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
            found += [(architecture, name, as_text(each)) for each in choices]
    return [each for each in found if each[1] != "architecture"]


@pytest.mark.parametrize(("architecture", "field", "text"), offered_values())
def test_every_choice_can_be_said_as_an_option(architecture, field, text):
    config = build_config({}, {"dataset": "d", "architecture": architecture, field: text})

    assert as_text(getattr(config, field, None) or getattr(config.model, field)) == text


@pytest.mark.parametrize(
    ("field", "text", "sentence"),
    [
        ("kernel_size", "4", "kernel_size = '4' is wrong: it should be 3, 5 or 7"),
        ("kernel_size", "x", "kernel_size = 'x' is wrong: it should be 3, 5 or 7"),
    ],
)
def test_a_wrong_choice_names_the_choices(field, text, sentence):
    with pytest.raises(UserError, match=sentence):
        build_config({}, {"dataset": "d", field: text})


def test_an_empty_list_is_said_in_a_sentence():
    with pytest.raises(UserError, match="widths is empty: give one value at least"):
        build_config({"dataset": "d", "model": {"widths": []}}, {})
