import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pipeline.config.options import build_config
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.runs import list_runs
from pipeline.runs.history import COLUMNS
from pipeline.training.run_setup import validate
from tests.training.tiny import fit, new_run, tiny_config, tiny_faces


def test_a_run_folder_is_complete(trained, filled_workspace):
    (run,) = list_runs()
    files = {p.relative_to(run.path).as_posix() for p in run.path.rglob("*") if p.is_file()}
    files = {file for file in files if "-test/" not in file}  # made by tests that share the run
    files -= {"openvino/.model.checked"}  # likewise
    config, status, history = run.config(), run.status(), run.history()
    evaluation = f"evaluation/{config.dataset_fingerprint[:12]}-validation"

    expected = {
        "config.json",
        "status.json",
        "history.csv",
        "train.log",
        "model.keras",
        "training.lock",
        "notes.json",
        "calibration.json",
    }
    expected |= {"checkpoint/training.npz", "openvino/model.xml", "openvino/model.bin"}
    assert files == expected | {f"{evaluation}/predictions.npz", f"{evaluation}/metrics.json"}
    assert config.train.dataset == "sample" and config.emotions == EMOTIONS
    assert {"keras", "tensorflow", "numpy"} <= config.versions.keys()
    assert (status.state, status.epoch, status.epochs, status.message) == ("finished", 4, 4, "")
    assert history["epoch"].tolist() == list(range(4))
    assert history.columns.tolist() == list(COLUMNS) and history.notna().all(axis=None)
    assert run.log_path.read_text().count(" epoch 4/4: loss") == 1
    metrics = json.loads((run.path / evaluation / "metrics.json").read_text())
    assert metrics["accuracy"] == pytest.approx(history["val_accuracy"].max(), abs=0.01)


def test_the_saved_model_is_the_best_epoch_uncompiled_in_float32(trained, filled_workspace):
    import keras

    (run,) = list_runs()

    model = keras.models.load_model(run.weights_path)

    assert not model.compiled
    assert {str(weight.dtype) for weight in model.weights} == {"float32"}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_history_and_another_one_does_not():
    first, again, other = (
        fit(tiny_config(seed=seed, epochs="1")).history() for seed in ("5", "5", "6")
    )

    pd.testing.assert_frame_equal(
        first.drop(columns="seconds"), again.drop(columns="seconds"), rtol=1e-4
    )
    assert not np.allclose(first["loss"], other["loss"], rtol=1e-4)


VARIANTS = [
    {
        **{"optimizer": "sgd", "weight_decay": "1e-3", "label_smoothing": "0.1"},
        **{"class_weights": "balanced", "monitor": "val_loss", "schedule": "constant"},
    },
    {
        **{"optimizer": "adamw", "schedule": "cosine", "warmup_epochs": "1"},
        **{"precision": "mixed_bfloat16", "class_weights": "sqrt", "monitor": "val_macro_f1"},
    },
    {
        **{"mixup": "0.2", "class_weights": "given", "given_weights": "1,2,1,1,1,1,1"},
        **{"brightness": "0.2", "contrast": "0.2", "teacher": "custom_cnn"},
        **{"widths": "4,8", "normalization": "group", "pooling": "stride"},
    },
]


@pytest.mark.slow
def test_every_kind_of_training_gives_a_model():
    for fields in VARIANTS:
        run = fit(tiny_config(**fields))

        assert run.weights_path.is_file(), fields
        assert len(run.history()) == 2 and np.isfinite(run.history()["loss"]).all(), fields


@pytest.mark.slow
def test_votes_are_trained_toward_and_smoothed():
    faces = tiny_faces()
    voted = replace(faces, votes=np.full((len(faces), 10), 1, np.uint8))

    soft = {"targets": "votes", "label_smoothing": "0.1", "mixup": "0.5"}
    run = fit(tiny_config(widths="4,8", **soft, class_weights="balanced"), voted)

    assert run.history()["loss"].iloc[-1] == pytest.approx(np.log(7), abs=0.3)


def test_early_stopping_ends_a_training_and_a_plateau_lowers_the_rate():
    fields = {"learning_rate": "1e-10", "epochs": "9", "early_stopping_min_delta": "9"}
    run = fit(tiny_config(**fields, early_stopping_patience="3", plateau_patience="1"))

    rates = run.history()["learning_rate"]
    assert len(rates) == 4 and rates.is_monotonic_decreasing and rates.iloc[-1] < 1e-10
    assert run.status().stopped_early


@pytest.mark.slow
def test_a_loss_that_is_no_number_fails_the_run_in_one_sentence():
    with pytest.raises(UserError, match="no longer a number in epoch [1-9]"):
        exploding = {"optimizer": "sgd", "learning_rate": "10", "weight_decay": "1"}
        lasting = {"schedule": "constant", "early_stopping_patience": "0", "epochs": "99"}
        plain = {"activation": "leaky_relu", "normalization": "none"}
        fit(tiny_config(**exploding, **lasting, **plain))

    (run,) = list_runs()
    assert run.status().state == "failed"
    assert "lower the learning rate" in run.status().message
    assert "Traceback" in run.log_path.read_text()


@pytest.mark.slow
def test_a_training_starts_from_the_weights_of_another_model():
    from pipeline.training.keras_model import load_keras
    from pipeline.training.trainer import _build

    first = fit(tiny_config(widths="4,8"))
    warming = {"learning_rate": "0.01", "warmup_epochs": "1"}
    config = tiny_config(widths="4,8", initial_model=first.name, **warming)

    for actual, expected in zip(
        _build(config).get_weights(), load_keras(first).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(actual, expected)
    again = fit(config)
    assert again.history()["learning_rate"].tolist() == pytest.approx([0.005, 0.01])
    with pytest.raises(UserError, match="is another network than the one configured"):
        fit(tiny_config(widths="8,8", initial_model=first.name))


@pytest.mark.slow
def test_frozen_convolutions_and_all_normalization_keep_the_initial_weights():
    from pipeline.training.keras_model import load_keras

    first = fit(tiny_config(widths="4,8"))
    network = {"widths": "4,8", "initial_model": first.name, "epochs": "1"}
    for share, trained in (("0.5", {2, 3}), ("1", set())):
        run = fit(tiny_config(**network, freeze_share=share))

        layers = [load_keras(each).layers for each in (first, run)]
        convolutions = [pair for pair in zip(*layers, strict=True) if "conv" in pair[0].name]
        assert len(convolutions) == 4
        assert {i for i, pair in enumerate(convolutions) if differ(*pair)} == trained
        others = [pair for pair in zip(*layers, strict=True) if "conv" not in pair[0].name]
        assert {pair[0].name for pair in others if differ(*pair)} == {"probabilities"}

    with pytest.raises(UserError, match="freeze_share keeps the weights of an initial model: give"):
        validate(tiny_config(freeze_share="0.5"), tiny_faces())


def differ(layer, other) -> bool:
    pairs = zip(layer.get_weights(), other.get_weights(), strict=True)
    return any(not np.array_equal(a, b) for a, b in pairs)


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["resnet50v2", "vgg16"])
def test_a_backbone_starts_from_the_weights_of_another_model(architecture):
    from pipeline.training.keras_model import load_keras, rebuild
    from pipeline.training.trainer import _build

    fields = {"dataset": "tiny", "architecture": architecture, "input_size": "32", "epochs": "1"}
    config = build_config({}, {**fields, "head_epochs": "0"})
    source = new_run(config)
    rebuild(config).save(source.weights_path)
    config = build_config({}, {**fields, "head_epochs": "0", "initial_model": source.name})

    weights = load_keras(source).get_weights()
    for actual, expected in zip(_build(config).get_weights(), weights, strict=True):
        np.testing.assert_array_equal(actual, expected)
    trained = load_keras(fit(config)).get_weights()
    assert any(not np.array_equal(a, b) for a, b in zip(trained, weights, strict=True))
