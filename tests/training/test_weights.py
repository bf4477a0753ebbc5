import pytest

from pipeline.errors import UserError
from pipeline.runs import create_run, find_model, list_runs
from pipeline.training.faces import new_run
from pipeline.training.options import build_config
from pipeline.training.weights import resolve_weights
from tests.data.dataset_makers import noise, store_faces


def config(architecture="vgg16", **fields):
    return build_config({}, {"dataset": "faces", "architecture": architecture, **fields})


def trained_run(architecture):
    run = create_run(config(architecture), "f" * 64)
    run.weights_path.touch()
    return run


def test_a_run_of_the_same_architecture_becomes_its_model_and_the_rest_stays():
    run = trained_run("vgg16")

    resolved = resolve_weights(config(weights=run.name, input_size="64"))

    assert resolved == config(weights=str(run.weights_path), input_size="64")


def test_a_shipped_model_of_the_same_architecture_becomes_its_weights():
    resolved = resolve_weights(config("resnet50v2", weights="resnet50v2"))

    assert resolved.model.weights == str(find_model("resnet50v2").weights_path)


@pytest.mark.parametrize("weights", ["imagenet", "none"])
def test_names_that_are_no_model_stay(weights):
    assert resolve_weights(config(weights=weights)) == config(weights=weights)


def test_a_file_stays_a_file(tmp_path):
    file = tmp_path / "backbone.weights.h5"
    file.touch()

    assert resolve_weights(config(weights=str(file))) == config(weights=str(file))


def test_an_architecture_without_outside_weights_stays():
    assert resolve_weights(config("custom_cnn")) == config("custom_cnn")


def test_weights_that_cannot_be_had_are_refused_with_the_choices_before_there_is_a_run():
    store_faces([noise(0)])
    other, untrained = trained_run("resnet50v2"), create_run(config(), "f" * 64)
    fitting = trained_run("vgg16")

    for wrong in (other.name, untrained.name, "missing.h5"):
        with pytest.raises(
            UserError, match=f"no weights '{wrong}'. Choose from: imagenet, none,"
        ) as e:
            new_run(config(weights=wrong))
        assert str(e.value).endswith(f"a trained model of vgg16 ({fitting.name}).")
    assert len(list_runs()) == 3
