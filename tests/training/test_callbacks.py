import math
import sys
from mmap import PAGESIZE
from resource import RUSAGE_SELF, getrusage

import numpy as np
import pytest

from pipeline.config.options import build_config

NAN = math.nan


@pytest.fixture(scope="module")
def model():
    import keras

    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd")
    return model


def config(**fields: str):
    return build_config({}, {"dataset": "d", "learning_rate": "0.8", **fields})


def rows(*values: float, monitor: str = "val_accuracy") -> list[dict[str, float]]:
    others = {"val_accuracy": 0.5, "val_loss": 1.0}
    return [{"epoch": epoch, **others, monitor: value} for epoch, value in enumerate(values)]


def callbacks_after(model, config, finished, *, head_only=False):
    """Make a phase's callbacks, as `fit` begins after these epochs."""
    from pipeline.training.callbacks import ReplayHistory, epoch_callbacks

    callbacks = epoch_callbacks(config, head_only=head_only)
    for callback in callbacks:
        callback.set_model(model)
        callback.on_train_begin()
    ReplayHistory(finished, callbacks).on_train_begin()
    return callbacks


def next_rate(model, config, finished, *, head_only=False) -> float:
    for callback in callbacks_after(model, config, finished, head_only=head_only):
        callback.on_epoch_begin(len(finished) + config.head_epochs * (not head_only))
    return float(model.optimizer.learning_rate)


def stops(model, config, finished, extended_from_epoch=0) -> bool:
    from pipeline.training.callbacks import ReplayHistory, epoch_callbacks

    callbacks = epoch_callbacks(config, extended_from_epoch=extended_from_epoch)
    return ReplayHistory(finished, callbacks).stopped_early(model)


def test_callbacks_are_kerass_own_and_configured_by_its_fields(model):
    import keras

    from pipeline.training.callbacks import RunCheckpoint, SwapEMAWeights, epoch_callbacks

    rate, plateau, stopping = epoch_callbacks(
        config(
            **{"plateau_patience": "3", "plateau_factor": "0.1", "plateau_min_delta": "0.02"},
            **{"plateau_cooldown": "2", "plateau_min_lr": "1e-5"},
            **{"early_stopping_patience": "7", "early_stopping_min_delta": "0.01"},
            early_stopping_monitor="val_loss",
        ),
        extended_from_epoch=5,
    )

    assert type(rate) is keras.callbacks.LearningRateScheduler
    assert type(plateau) is keras.callbacks.ReduceLROnPlateau
    assert (plateau.monitor, plateau.patience, plateau.factor) == ("val_accuracy", 3, 0.1)
    assert (plateau.min_delta, plateau.cooldown, plateau.min_lr) == (0.02, 2, 1e-5)
    assert type(stopping) is keras.callbacks.EarlyStopping
    assert (stopping.monitor, stopping.patience, stopping.min_delta) == ("val_loss", 7, 0.01)
    assert stopping.start_from_epoch == 5
    assert issubclass(RunCheckpoint, keras.callbacks.ModelCheckpoint)
    assert issubclass(SwapEMAWeights, keras.callbacks.SwapEMAWeights)
    without = config(schedule="cosine", early_stopping_patience="0")
    assert len(epoch_callbacks(without)) == 1
    assert len(epoch_callbacks(config(architecture="vgg16"), head_only=True)) == 1


@pytest.mark.parametrize("monitor", ["val_accuracy", "val_loss"])
def test_after_a_replay_every_counter_and_rate_is_that_of_a_training_without_a_break(
    model, monitor
):
    counting = config(
        **{"warmup_epochs": "2", "plateau_patience": "2", "plateau_cooldown": "1"},
        **{"early_stopping_patience": "4", "early_stopping_min_delta": "0.02"},
        monitor=monitor,
    )
    history = rows(NAN, 0.2, 0.2, 0.21, 0.2, 0.2, 0.4, NAN, 0.4, 0.40001, 0.4, monitor=monitor)

    def live(cut: int) -> list[tuple[float, ...]]:
        callbacks = callbacks_after(model, counting, history[:cut])
        _, plateau, stopping = callbacks
        seen = []
        for row in history[cut:]:
            logs = dict(row)
            for callback in callbacks:
                callback.on_epoch_begin(row["epoch"])
            for callback in callbacks:
                callback.on_epoch_end(row["epoch"], logs)
            plateaus = (plateau.wait, plateau.best, plateau.cooldown_counter)
            seen.append(
                (logs["learning_rate"], *plateaus, stopping.wait, stopping.best)
                + (stopping.stopped_epoch,)
            )
        return seen

    whole = live(0)
    assert len({each[0] for each in whole}) > 3 and whole[-1][-1] > 0
    for cut in range(1, len(history)):
        assert live(cut) == whole[cut:], cut


@pytest.mark.parametrize(
    ("values", "falls"),
    [
        ((), 0),
        ((0.1, 0.2, 0.3), 0),
        ((0.1, 0.1), 0),
        ((0.1, 0.1, 0.1), 1),
        ((0.1, 0.1, 0.1, 0.1), 1),
        ((0.1, 0.1, 0.1, 0.1, 0.1), 2),
        ((0.1, 0.1, 0.1, 0.2, 0.1, 0.1), 2),
        ((0.1, 0.10005, 0.1001), 1),
        ((NAN, 0.1, 0.2, 0.3), 0),
    ],
)
def test_a_plateau_of_two_epochs_halves_the_rate_and_counts_again(model, values, falls):
    plateau = config(plateau_patience="2", plateau_factor="0.5")

    assert next_rate(model, plateau, rows(*values)) == pytest.approx(0.8 * 0.5**falls)


def test_the_rate_warms_up_and_falls_as_a_cosine_or_at_plateaus(model):
    cosine = config(schedule="cosine", warmup_epochs="2", epochs="10", learning_rate="0.3")
    rates = [next_rate(model, cosine, rows(*[0.1] * epochs)) for epochs in range(10)]
    assert rates[:3] == pytest.approx([0.1, 0.2, 0.3])
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[6] == pytest.approx(0.3 * (0.01 + 0.99 / 2))

    plateau = config(warmup_epochs="3", plateau_patience="4", plateau_min_lr="0.3")
    rates = [next_rate(model, plateau, rows(*[0.1] * epochs)) for epochs in range(14)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 0.8] + [0.4] * 4 + [0.3] * 5)


def test_the_head_has_its_own_rate_and_its_epochs_count_for_no_plateau(model):
    fields = {"architecture": "vgg16", "head_epochs": "3", "head_learning_rate": "0.1"}
    phases = config(**fields, plateau_patience="1")

    head = [next_rate(model, phases, rows(*[0.1] * n), head_only=True) for n in range(3)]
    history = rows(*[0.1] * 6)
    main = [next_rate(model, phases, history[3 : 3 + n]) for n in range(3)]

    assert head + main == pytest.approx([0.1, 0.1, 0.1, 0.8, 0.8, 0.4])


def test_early_stopping_waits_for_its_own_metric_and_counts_from_an_extension_on(model):
    two, worse = config(early_stopping_patience="2"), rows(0.3, 0.2, 0.2)

    assert not stops(model, two, worse[:2]) and stops(model, two, worse)
    assert not stops(model, two, worse, extended_from_epoch=1)
    assert not stops(model, config(early_stopping_patience="0"), worse)
    assert not stops(model, two, rows(NAN, 0.1, 0.2, 0.3))
    by_loss = config(early_stopping_patience="2", early_stopping_monitor="val_loss")
    assert stops(model, by_loss, rows(1.0, 1.1, 1.2, monitor="val_loss"))
    slow = config(early_stopping_patience="2", early_stopping_min_delta="0.1")
    assert stops(model, slow, rows(0.1, 0.15, 0.19)) and not stops(model, slow, rows(0.1, 0.3))
    backbone = config(architecture="vgg16", head_epochs="2", early_stopping_patience="1")
    assert not stops(model, backbone, worse)


@pytest.mark.skipif(sys.platform != "linux", reason="settings of glibc")
def test_a_step_takes_the_memory_that_the_last_one_freed():
    import keras

    from pipeline.training.callbacks import KeepHeaps

    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 12

        def __getitem__(self, index):
            return np.zeros((32, 48, 48, 1), np.float32), np.zeros((32, 1), np.float32)

    wide = keras.layers.Conv2D(32, 3, padding="same")
    model = keras.Sequential([keras.Input((48, 48, 1)), wide, keras.layers.GlobalMaxPooling2D()])
    model.compile("sgd", "mse")
    pages = []
    count = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: pages.append(getrusage(RUSAGE_SELF).ru_minflt)
    )

    model.fit(Batches(), verbose=0, callbacks=[KeepHeaps(), count])

    output_bytes = 32 * 48 * 48 * 32 * 4
    assert np.median(np.diff(pages)) * PAGESIZE < output_bytes / 2
