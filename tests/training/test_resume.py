import multiprocessing
import shutil
import sys
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from pipeline.config.options import build_config
from pipeline.errors import UserError
from pipeline.queue import queue
from pipeline.runs import Run
from pipeline.training.checkpoint import TrainingCheckpoint
from pipeline.training.resume import check_resumable
from pipeline.training.run_status import TrainingStopped, record_status
from tests.training.tiny import (
    continue_training,
    fit,
    fit_in_pieces,
    new_run,
    tiny_config,
    tiny_faces,
    train_until_killed,
)

PLAIN = {"epochs": "3", "monitor": "val_loss", "seed": "3"}
AVERAGED = {**PLAIN, "schedule": "constant", "ema_momentum": "0.5"}
VARIANTS = {
    "sgd-cosine-average": {
        **{"optimizer": "sgd", "schedule": "cosine", "warmup_epochs": "1"},
        **{"learning_rate": "0.05", "weight_decay": "1e-3", "ema_momentum": "0.8"},
    },
    "adam-plateau": {"plateau_patience": "1", "learning_rate": "0.01"},
    "adamw-weights-mixup": {
        **{"optimizer": "adamw", "class_weights": "sqrt", "mixup": "0.2"},
        **{"monitor": "val_accuracy", "early_stopping_patience": "2"},
    },
}
KILLS = {
    "in mid write": ("numpy.lib.format", "write_array", 40),
    "in mid epoch": ("pipeline.training.callbacks:Progress", "on_train_batch_end", 5),
    "before the checkpoint": ("pipeline.training.checkpoint:TrainingCheckpoint", "write", 2),
    "between checkpoint and history": ("keras.callbacks:CSVLogger", "on_epoch_end", 2),
    "before the model is saved": ("pipeline.runs:Run", "invalidate_results", 1),
}


def assert_same(run: Run, other: Run) -> None:
    """Compare the histories, without the seconds of the epochs, and the models."""
    import keras

    histories = [r.history().drop(columns="seconds") for r in (run, other)]
    pd.testing.assert_frame_equal(*histories, rtol=1e-4)
    models = [keras.models.load_model(r.weights_path).get_weights() for r in (run, other)]
    for weights, others in zip(*models, strict=True):
        assert weights == pytest.approx(others, rel=1e-3, abs=1e-4)


@pytest.fixture
def no_worker(monkeypatch):
    monkeypatch.setattr(queue, "start_pipeline", lambda arguments, log: None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training of three epochs without a break."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(tmp_path_factory.mktemp("whole")))
        return fit(tiny_config(**AVERAGED))


@pytest.mark.slow
def test_a_training_resumed_after_every_epoch_equals_an_uninterrupted_one(whole):
    assert_same(fit_in_pieces(whole.config().train), whole)


@pytest.mark.slow
@pytest.mark.parametrize("fields", VARIANTS.values(), ids=VARIANTS)
def test_every_optimizer_and_schedule_is_resumed_exactly(fields):
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


@pytest.mark.slow
def test_fine_tuning_is_resumed_in_either_phase(tmp_path, monkeypatch):
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
        # A page's test leaves its script as the main module, which children would run again.
        patch.setitem(sys.modules, "__main__", ModuleType("__main__"))
        yield context


@pytest.mark.slow
@pytest.mark.parametrize("kill", KILLS)
def test_a_killed_training_is_resumed_as_if_it_had_not_been_killed(
    kill, whole, processes, empty_workspace
):
    run = new_run(whole.config().train)
    call = (run, str(empty_workspace), *KILLS[kill])
    child = processes.Process(target=train_until_killed, args=call)
    child.start()
    child.join()
    folder = run.path / "checkpoint"
    assert child.exitcode == -9 and run.state() == "interrupted"
    assert len(run.history()) <= 3
    assert len([*folder.glob(".*")]) == (kill == "in mid write")

    continue_training(run)

    assert_same(run, whole)
    assert [path.name for path in folder.iterdir()] == ["training.npz"]


@pytest.mark.slow
def test_a_finished_training_that_is_extended_equals_one_of_all_epochs(whole, no_worker):
    run = fit(tiny_config(**{**AVERAGED, "epochs": "2"}))
    run.update_status(state="finished")

    queue.resume(run, "3")
    assert (run.state(), run.status().epochs) == ("queued", 3)
    continue_training(run)

    assert run.config().train.epochs == 3
    assert_same(run, whole)


@pytest.mark.slow
def test_a_run_stopped_in_its_added_epochs_is_saved_at_the_best_of_all(whole, no_worker):
    from pipeline.training.trainer import save_best

    run = fit(tiny_config(**{**AVERAGED, "epochs": "2"}))
    run.update_status(state="finished")
    queue.resume(run, "4")
    with pytest.raises(TrainingStopped):
        continue_training(run, stop=True)

    save_best(run)

    assert run.state() == "stopped"
    assert_same(run, whole)


@pytest.mark.slow
def test_a_run_that_is_asked_to_stop_at_once_does_not_finish_its_epoch():
    from pipeline.training.trainer import train

    run = new_run(tiny_config())
    with pytest.raises(TrainingStopped), record_status(run, "queued"):
        run.ask_to_stop(now=True, reason="Not promising.")
        train(run.train_config(), tiny_faces(), run)

    assert (run.state(), run.status().message) == ("stopped", "Not promising.")
    assert run.history().empty


@pytest.mark.slow
def test_early_stopping_counts_again_when_a_run_gets_more_epochs(no_worker):
    still = {"learning_rate": "1e-9", "early_stopping_patience": "2", "epochs": "9"}
    run = fit(tiny_config(**still, monitor="val_accuracy"))
    early = len(run.history())
    assert early < 9
    run.update_status(state="finished")

    queue.resume(run, "9")
    continue_training(run)

    assert len(run.history()) >= min(9, early + 3)


@pytest.mark.slow
def test_a_run_of_an_older_version_is_resumed_and_its_files_are_written_as_today(whole):
    run = new_run(whole.config().train)
    with pytest.raises(TrainingStopped):
        continue_training(run, stop=True)
    shutil.move(run.path / "checkpoint", run.path / "state")
    checkpoint = TrainingCheckpoint.load(run)
    del checkpoint.history[0]["seconds"]
    checkpoint.optimizer[1][...] = 7.0  # it held the rate of the finished epoch, not the next one
    checkpoint.write(run)
    shutil.move(run.path / "checkpoint", run.path / "state")
    run.history().drop(columns="seconds").to_csv(run.history_path, index=False)

    continue_training(run)

    assert_same(run, whole)
    assert not (run.path / "state").exists() and run.checkpoint_path.parent.name == "checkpoint"
    assert np.isfinite(run.history()["seconds"]).tolist() == [False, True, True]


def test_a_run_that_cannot_be_resumed_stays_as_it_is_and_says_why(no_worker):
    run = new_run(tiny_config())
    TrainingCheckpoint([{"epoch": 0, "loss": 1}, {"epoch": 1, "loss": 1}]).write(run)
    for state, epochs, sentence in [
        ("queued", None, "is queued: there is nothing to resume"),
        ("finished", None, "is finished after 2 epochs: say with --epochs"),
        ("finished", "2", "the run has 2 already"),
        ("stopped", "many", "epochs = 'many' is wrong"),
        ("stopped", "0", "epochs = '0' is wrong"),
    ]:
        run.update_status(state=state)

        with pytest.raises(UserError, match=sentence):
            queue.resume(run, epochs)

        assert run.state() == state and run.config().train.epochs == 2, sentence


def test_a_run_with_a_history_but_no_checkpoint_cannot_be_resumed():
    run = new_run(tiny_config())
    run.update_status(state="stopped")
    assert check_resumable(run) == run.config()
    run.history_path.write_text("epoch,loss\n0,1\n")

    with pytest.raises(UserError, match="no checkpoint to resume from: train again with --config"):
        check_resumable(run)


def test_the_number_of_finished_epochs_comes_from_the_checkpoint_not_the_history():
    run = new_run(tiny_config(epochs="4"))
    TrainingCheckpoint([{"epoch": epoch, "loss": 1.0} for epoch in range(4)]).write(run)
    run.update_status(state="finished", epoch=4)

    with pytest.raises(UserError, match="the run has 4 already"):
        check_resumable(run, "3")
    assert check_resumable(run, "6").extended_from_epoch == 4
