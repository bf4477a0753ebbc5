"""The text of a search's space, and the configurations at its points."""

import math

import pytest

from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.queue.space import at_ends, configuration, parse_space, space_size, space_text

PLAIN = TrainConfig(dataset="sample", epochs=3)
SPACE = "learning-rate=log(1e-4, 1e-1)  dropout=0..0.5 widths=16,32|32,64 batch_size=16..64"


def test_a_space_has_ranges_whole_numbers_and_choices():
    axes = parse_space(SPACE)

    assert [(axis.field, axis.low, axis.high, axis.log, axis.choices) for axis in axes] == [
        ("learning_rate", 1e-4, 1e-1, True, ()),
        ("dropout", 0.0, 0.5, False, ()),
        ("widths", 0.0, 0.0, False, ("16,32", "32,64")),
        ("batch_size", 16.0, 64.0, False, ()),
    ]
    assert space_text(axes) == (
        "learning_rate=log(1e-4,1e-1) dropout=0..0.5 widths=16,32|32,64 batch_size=16..64"
    )
    assert parse_space(space_text(axes)) == axes
    assert space_size(axes) == math.inf
    assert space_size(parse_space("widths=8|16 batch-size=16..20")) == 10
    weights, dropout = parse_space("weights= a/my weights.h5 | none dropout=0.1|0.10|0.2")
    assert (weights.choices, dropout.choices) == (("a/my weights.h5", "none"), ("0.1", "0.2"))


def test_a_point_is_a_run_whose_numbers_have_three_digits_and_stay_in_their_range():
    axes = parse_space(f"{SPACE} weight_decay=0.012345..0.1")
    point = {
        **{"learning_rate": 0.0123456, "dropout": 0.3333, "widths": "32,64", "batch_size": 40},
        "weight_decay": 0.012345,
    }

    title, config = configuration(PLAIN, axes, point)

    assert title == (
        "learning rate 0.0123 · dropout 0.333 · widths 32,64 · batch size 40 · "
        "weight decay 0.012345"
    )
    assert (config.learning_rate, config.batch_size) == (0.0123, 40)
    assert config.model.model_dump()["widths"] == (32, 64) and config.epochs == 3


def test_a_wrong_space_is_one_sentence():
    for text, sentence in (
        ("", "The space '' is wrong: write such as"),
        ("dropout", "The space 'dropout' is wrong"),
        ("rate=0..1", "'rate' cannot be varied. Choose from"),
        ("dataset=a|b", "'dataset' cannot be varied"),
        ("dropout=0..0.5 dropout=0..1", "dropout is twice in the space"),
        ("dropout=0.5..0.5", "dropout=0.5..0.5 is no range: the first number should be the small"),
        ("dropout=0.5..0.1", "is no range"),
        ("dropout=0..inf", "is no range"),
        ("dropout=0..x", "write a range as 0..0.5"),
        ("learning_rate=log(1e-3)", "write a range as"),
        ("learning_rate=log(0,1)", "a logarithm needs numbers above 0"),
        ("batch_size=1.5..8", "batch_size is a whole number"),
        ("optimizer=a..b", "optimizer is no number and has no range"),
        ("optimizer=sgd", "leaves nothing to search"),
        ("seed=1|1", "leaves nothing to search"),
        ("dropout=0..2", "dropout = '2.0' is wrong"),
        ("epochs=0..5", "epochs = '0' is wrong"),
        ("optimizer=sgd|lion", "optimizer = 'lion' is wrong"),
        ("vote_share=0..1", "vote_share has no effect in .* needs targets blend"),
        ("architecture=custom_cnn|vgg16 widths=8|16", "'widths' is no field of the architecture"),
    ):
        with pytest.raises(UserError, match=sentence):
            at_ends(PLAIN, parse_space(text))
    assert at_ends(PLAIN, parse_space("targets=labels|blend vote_share=0.2..0.8"))
