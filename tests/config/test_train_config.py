import json
import shlex
from typing import Literal, get_args, get_origin

import pytest

from models import ARCHITECTURES
from pipeline.config.conditions import unmet_condition
from pipeline.config.options import FIELDS, TOP, as_text, build_config, command_line
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.workspace import ZOO

NEVER_EARLY = {"early_stopping_patience": 0}


def config(**fields: str) -> TrainConfig:
    return build_config({}, {"dataset": "d", **fields})


def test_a_configuration_survives_json_and_its_command_line():
    for name, kind in ARCHITECTURES.items():
        given = {"dataset": "d", "architecture": name, "dropout": "0.1", "flip": "False"}
        if name == "custom_cnn":
            given |= {"widths": "8,16", "exclude": "duplicates", "normalization": "group"}
            given |= {"class_weights": "given", "given_weights": "1.0,2.0,1.0,0.5,1.0,1.0,1.5"}
            given |= {"targets": "blend", "vote_share": "0.3", "plateau_min_lr": "0.001"}
        parsed = build_config({}, given)
        words = shlex.split(command_line(parsed))[4:]
        options = {k[2:].replace("-", "_"): v for k, v in zip(words[::2], words[1::2], strict=True)}

        assert options == given, name
        assert build_config({}, options) == parsed, name
        again = TrainConfig.model_validate_json(parsed.model_dump_json())
        assert again == parsed and type(again.model) is kind, name


def test_options_go_before_the_configuration_file():
    base = json.loads(TrainConfig(dataset="d", epochs=7, batch_size=16).model_dump_json())

    parsed = build_config(base, {"epochs": "9"})

    assert (parsed.epochs, parsed.batch_size) == (9, 16)
    for text in ("", "none"):  # no exclusion list
        parsed = build_config({"dataset": "d", "exclude": "duplicates"}, {"exclude": text})
        assert parsed == TrainConfig(dataset="d") and "--exclude" not in command_line(parsed)


def test_a_training_takes_several_exclusion_lists_or_one_as_older_versions_stored_it():
    for given, lists in (
        (None, ()),
        ("duplicates", ("duplicates",)),
        ("b,a", ("a", "b")),
        (["b", "a", "b"], ("a", "b")),
        ([], ()),
    ):
        parsed = build_config({"dataset": "d", "exclude": given}, {})
        assert parsed.exclude == lists, given
        assert TrainConfig.model_validate_json(parsed.model_dump_json()) == parsed
    parsed = build_config({"dataset": "d"}, {"exclude": "b,a"})
    assert parsed.exclude == ("a", "b") and "--exclude a,b" in command_line(parsed)
    with pytest.raises(UserError, match="exclude"):
        build_config({"dataset": "d", "exclude": [3]}, {})


def test_the_fields_of_older_versions_are_read_under_todays_names():
    old = {"dataset": "d", "teacher_share": 0.25}

    assert build_config(old, {}).distillation_weight == 0.25
    assert build_config(old, {"distillation_weight": "0.75"}).distillation_weight == 0.75
    assert config(teacher_share="0.75").distillation_weight == 0.75
    assert TrainConfig.model_validate(old).distillation_weight == 0.25
    assert "teacher_share" not in build_config(old, {}).model_dump()
    before = {"early_stopping_min_delta", "plateau_min_delta", "plateau_cooldown", "plateau_min_lr"}
    parsed = TrainConfig.model_validate(config().model_dump(exclude=before))
    assert [getattr(parsed, name) for name in sorted(before)] == [0, 0, 1e-4, 0]


def test_the_configuration_of_a_bundled_model_means_what_it_did():
    for path in ZOO.glob("*/config.json"):
        parsed = build_config(json.loads(path.read_text())["train"], {})

        assert (parsed.targets, parsed.mixup, parsed.ema_momentum) == ("labels", 0, 0), path
        assert parsed.model.model_dump().get("normalization", "batch") == "batch", path
        assert (parsed.augmentation.brightness, parsed.augmentation.contrast) == (0, 0), path
        assert parsed.teacher == "none" or parsed.distillation_weight == 0.6, path


def test_a_wrong_field_is_one_sentence_with_its_choices():
    for given, sentence in [
        ({"architecture": "vgg"}, "Unknown architecture 'vgg'. Choose from: custom_cnn, vgg16"),
        ({"optimizer": "foo"}, "optimizer = 'foo' is wrong: it should be 'sgd', 'adam' or"),
        ({"epochs": "0"}, "epochs = '0' is wrong: it should be greater than or equal to 1"),
        ({"learning_rate": "fast"}, "learning_rate = 'fast' is wrong: it should be a number"),
        ({"input_size": "96"}, "'input_size' is no field of the architecture 'custom_cnn'"),
        ({"activation": "x"}, "activation = 'x' is wrong: it should be 'relu', 'leaky_relu'"),
        ({"widths": "2"}, "widths"),
        ({"kernel_size": "4"}, "kernel_size = '4' is wrong: it should be 3, 5 or 7"),
        ({"kernel_size": "x"}, "kernel_size = 'x' is wrong: it should be 3, 5 or 7"),
        ({"class_weights": "x"}, "it should be 'none', 'sqrt', 'balanced' or 'given'"),
        ({"early_stopping_monitor": "x"}, "it should be 'monitor', 'val_accuracy', 'val_macro_f1'"),
        ({"given_weights": "1,2,3"}, "it should be 7 positive numbers, for angry, disgust, fear,"),
        ({"given_weights": "1,1,1,1,1,1,0"}, "it should be 7 positive numbers, for angry, disgust"),
        ({"given_weights": "1,1,1,1,1,1,x"}, "given_weights = 'x' is wrong: it should be a number"),
        ({"ema_momentum": "1"}, "ema_momentum = '1' is wrong: it should be less than 1"),
        ({"mixup": "-1"}, "mixup = '-1' is wrong: it should be greater than or equal to 0"),
    ]:
        with pytest.raises(UserError) as refusal:
            config(**given)
        assert sentence in str(refusal.value) and "\n" not in str(refusal.value), given


def test_a_wrong_file_is_one_sentence():
    for base, sentence in [
        ({}, "lacks 'dataset'"),
        ({"dataset": "d", "epoch": 3}, "Unknown field 'epoch'"),
        ({"dataset": "d", "model": {"widths": []}}, "widths is empty: give one value at least"),
        ({"dataset": "d", "model": 3}, "'model' is 3 where an object of fields is needed"),
    ]:
        with pytest.raises(UserError, match=sentence):
            build_config(base, {})


def test_a_field_without_effect_says_what_it_needs():
    for name, given, needed in [
        ("plateau_cooldown", {"schedule": "cosine"}, "schedule plateau"),
        ("plateau_min_lr", {"schedule": "plateau"}, ""),
        ("vote_share", {"targets": "votes"}, "targets blend"),
        ("early_stopping_min_delta", NEVER_EARLY, "early_stopping_patience other than 0"),
        ("early_stopping_min_delta", {"early_stopping_patience": 3}, ""),
        ("head_epochs", {"model": {"weights": "none"}}, "weights other than none"),
        ("distillation_weight", {"teacher": "none"}, "teacher other than none"),
        ("seed", {}, ""),
    ]:
        assert unmet_condition(name, given) == needed, (name, given)


def test_early_stopping_watches_the_monitor_of_the_best_epoch_unless_it_has_its_own():
    assert config(monitor="val_loss").stopping_monitor == "val_loss"
    assert config(early_stopping_monitor="val_macro_f1").stopping_monitor == "val_macro_f1"


def test_every_field_has_a_description():
    assert not [name for name, field in FIELDS.items() if not field.description]


def test_from_scratch_has_one_phase_and_from_weights_two():
    scratch = config(architecture="vgg16", weights="none")
    trained = config(architecture="vgg16", head_epochs="2")

    assert (scratch.head_epochs, scratch.total_epochs) == (0, 40)
    assert (trained.head_epochs, trained.total_epochs) == (2, 42)


def test_every_choice_of_a_field_is_taken_as_an_option():
    for architecture, kind in ARCHITECTURES.items():
        for name, field in (*TOP.items(), *kind.model_fields.items()):
            if get_origin(field.annotation) is not Literal or name == "architecture":
                continue
            for choice in map(as_text, get_args(field.annotation)):
                parsed = config(architecture=architecture, **{name: choice})
                value = getattr(parsed, name, None) or getattr(parsed.model, name)
                assert as_text(value) == choice, (architecture, name)
