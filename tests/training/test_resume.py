import multiprocessing
import sys
from types import ModuleType

import pandas as pd
import pytest

from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.training import queue
from pipeline.training.options import build_config
from pipeline.training.outcome import TrainingStopped
from pipeline.training.resume import check_resumable
from pipeline.training.state import TrainingState
from tests.training.tiny import (
    fit,
    fit_in_pieces,
    go_on,
    new_run,
    tiny_config,
    train_until_killed,
)

PLAIN = {"epochs": "3", "monitor": "val_loss", "seed": "3"}
AVERAGED = {**PLAIN, "schedule": "constant", "ema_momentum": "0.5"}
WAYS = {
    "adam-plateau": {"plateau_patience": "1", "learning_rate": "0.01"},
    "sgd-cosine-average": {
        **{"optimizer": "sgd", "schedule": "cosine", "warmup_epochs": "1"},
        **{"learning_rate": "0.05", "weight_decay": "1e-3", "ema_momentum": "0.8"},
    },
    "adamw-weights-mixup": {
        **{"optimizer": "adamw", "class_weights": "sqrt", "mixup": "0.2"},
        **{"monitor": "val_accuracy", "early_stopping_patience": "2"},
    },
}
KILLS = {
    "in-mid-epoch": ("pipeline.training.callbacks:Progress", "on_train_batch_end", 5),
    "before-the-state": ("pipeline.training.state:TrainingState", "write", 2),
    "in-mid-write": ("pipeline.training.state:os", "fsync", 2),
    "between-state-and-history": ("pipeline.training.callbacks", "write_history", 2),
    "before-the-model-is-kept": ("pipeline.runs:Run", "discard_results", 1),
}


def assert_same(run: Run, other: Run) -> None:
    import keras

    pd.testing.assert_frame_equal(run.history(), other.history(), rtol=1e-4)
    kept = [keras.models.load_model(r.weights_path).get_weights() for r in (run, other)]
    for weights, others in zip(*kept, strict=True):
        assert weights == pytest.approx(others, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("fields", WAYS.values(), ids=WAYS)
def test_a_training_in_pieces_is_that_in_one_piece(fields):
    config = tiny_config(**{**PLAIN, **fields})

    assert_same(fit_in_pieces(config), fit(config))


def small_network(weights, include_top, input_shape, name):
    """A network of keras.applications, but of three layers."""
    import keras

    layers = keras.layers
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(4, 3, strides=4)(inputs)
    outputs = layers.Conv2D(4, 3)(layers.BatchNormalization(momentum=0.5)(x))
    model = keras.Model(inputs, outputs, name=name)
    if weights:
        model.load_weights(weights)
    return model


def test_fine_tuning_goes_on_in_either_phase(tmp_path, monkeypatch):
    file = str(tmp_path / "backbone.weights.h5")
    small_network(None, False, (32, 32, 3), "backbone").save_weights(file)
    monkeypatch.setattr("keras.applications.ResNet50V2", small_network)
    backbone = {"architecture": "resnet50v2", "weights": file, "input_size": "32"}
    head = {"head_epochs": "2", "head_learning_rate": "0.01"}
    upper = {"trainable_share": "0.5", "epochs": "2", "ema_momentum": "0.5"}
    general = {"dataset": "tiny", "batch_size": "16"}
    config = build_config({}, {**backbone, **head, **upper, **general})

    pieces, whole = fit_in_pieces(config), fit(config)

    assert pieces.history()["epoch"].tolist() == [0, 1, 2, 3] and whole.status().epochs == 4
    assert whole.history()["learning_rate"].iloc[[0, 2]].tolist() == pytest.approx([0.01, 1e-3])
    assert_same(pieces, whole)


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipeline.training.trainer"])
    with pytest.MonkeyPatch.context() as patch:
        # A page's test leaves its script as the main module, which children would run anew.
        patch.setitem(sys.modules, "__main__", ModuleType("__main__"))
        yield context


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(tmp_path_factory.mktemp("whole")))
        return fit(tiny_config(**AVERAGED))


@pytest.mark.parametrize("kill", KILLS.values(), ids=KILLS)
def test_a_training_that_is_killed_goes_on_as_if_it_had_not_been(
    kill, whole, processes, empty_workspace
):
    run = new_run(whole.config().train)
    child = processes.Process(target=train_until_killed, args=(run, str(empty_workspace), *kill))
    child.start()
    child.join()
    assert child.exitcode == -9 and run.state() == "interrupted"
    assert len(run.history()) <= 3

    go_on(run)

    assert_same(run, whole)
    assert sorted(p.name for p in run.state_path.parent.iterdir()) == ["training.npz"]


def test_a_finished_training_that_gets_more_epochs_is_that_of_all_its_epochs(whole, monkeypatch):
    monkeypatch.setattr(queue, "start_pipeline", lambda arguments, log: None)
    run = fit(tiny_config(**{**AVERAGED, "epochs": "2"}))
    run.update_status(state="finished")

    queue.resume(run, "3")
    assert (run.state(), run.status().epochs) == ("queued", 3)
    go_on(run)

    assert run.config().train.epochs == 3
    assert_same(run, whole)


def test_a_run_stopped_in_its_added_epochs_is_kept_at_the_best_of_all(whole, monkeypatch):
    from pipeline.training.trainer import keep_best

    monkeypatch.setattr(queue, "start_pipeline", lambda arguments, log: None)
    run = fit(tiny_config(**{**AVERAGED, "epochs": "2"}))
    run.update_status(state="finished")
    queue.resume(run, "4")
    with pytest.raises(TrainingStopped):
        go_on(run, stop=True)

    keep_best(run)

    assert run.state() == "stopped"
    assert_same(run, whole)


def test_early_stopping_counts_anew_when_a_run_gets_more_epochs(monkeypatch):
    monkeypatch.setattr(queue, "start_pipeline", lambda arguments, log: None)
    still = {"learning_rate": "1e-9", "early_stopping_patience": "2", "epochs": "9"}
    run = fit(tiny_config(**still, monitor="val_accuracy"))
    early = len(run.history())
    assert early < 9
    run.update_status(state="finished")

    queue.resume(run, "9")
    go_on(run)

    assert len(run.history()) >= min(9, early + 3)


@pytest.mark.parametrize(
    ("state", "epochs", "sentence"),
    [
        ("queued", None, "is queued: there is nothing to resume"),
        ("finished", None, "is finished after 2 epochs: say with --epochs"),
        ("finished", "2", "the run has 2 already"),
        ("stopped", "many", "epochs = 'many' is wrong"),
        ("stopped", "0", "epochs = '0' is wrong"),
    ],
)
def test_a_run_that_cannot_go_on_stays_as_it_is_and_says_why(state, epochs, sentence):
    run = new_run(tiny_config())
    TrainingState([{"epoch": 0, "loss": 1}, {"epoch": 1, "loss": 1}]).write(run)
    run.update_status(state=state)

    with pytest.raises(UserError, match=sentence):
        queue.resume(run, epochs)

    assert run.state() == state and run.config().train.epochs == 2


def test_a_run_without_a_state_cannot_go_on_once_it_has_a_history():
    run = new_run(tiny_config())
    run.update_status(state="stopped")
    assert check_resumable(run) == run.config()
    run.history_path.write_text("epoch,loss\n0,1\n")

    with pytest.raises(UserError, match="keeps no state to go on from: train anew with --config"):
        check_resumable(run)


def test_how_many_epochs_are_finished_is_told_by_the_state_and_not_by_the_table():
    run = new_run(tiny_config(epochs="4"))
    TrainingState([{"epoch": epoch, "loss": 1.0} for epoch in range(4)]).write(run)
    run.update_status(state="finished", epoch=4)

    with pytest.raises(UserError, match="the run has 4 already"):
        check_resumable(run, "3")
    assert check_resumable(run, "6").extended_at == 4
