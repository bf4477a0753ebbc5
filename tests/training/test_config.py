import json
import shlex

import pytest

from models import ARCHITECTURES
from pipeline.errors import UserError
from pipeline.training.config import TrainConfig
from pipeline.training.options import FIELDS, build_config, command_line


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
        given |= {"widths": "8,16", "exclude": "twins"}
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
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_field_is_one_sentence_with_its_choices(given, sentence):
    with pytest.raises(UserError) as refusal:
        build_config({}, {"dataset": "d", **given})

    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


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
