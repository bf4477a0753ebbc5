import pytest

from models import ARCHITECTURES
from pipeline.config.presets import PRESETS, preset_config, preset_fields
from pipeline.config.train_config import TrainConfig
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.runs import find_model
from pipeline.training.run_setup import validate
from tests.data.dataset_makers import noise, store_faces


def test_every_preset_is_valid_and_says_what_was_measured(sample):
    photos = store_faces([noise(i) for i in range(7)], list(range(7)), ["train"] * 7)
    for dataset in (load_dataset("sample"), photos):
        for name, preset in PRESETS.items():
            config = preset_config(name, dataset.name)
            validate(config, dataset)
            assert config.architecture in ARCHITECTURES and config.dataset == dataset.name
            for text in (preset.summary, preset.measured):
                assert text.endswith("."), name
            assert "%" in preset.measured or "not measured" in preset.measured, name


def test_the_best_preset_is_the_recipe_of_the_bundled_model():
    fields, bundled = preset_fields("best", None), find_model("custom_cnn").config().train

    recipe = TrainConfig.model_validate(fields | {"dataset": bundled.dataset})

    assert recipe == bundled


def test_synthetic_faces_have_no_teacher_that_learned_from_photos(sample):
    assert preset_config("best", "sample").teacher == "none"


def test_an_unknown_preset_is_refused_with_the_choices():
    with pytest.raises(UserError, match="Unknown preset 'fast'. Choose from: quick, balanced"):
        preset_fields("fast", None)
