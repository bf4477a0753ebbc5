"""The learning rate of each epoch, for `keras.callbacks.LearningRateScheduler`."""

from collections.abc import Callable

import keras

from pipeline.config.train_config import TrainConfig

_COSINE_END = 0.01  # of the peak rate


def learning_rate_schedule(
    config: TrainConfig, *, head_only: bool = False
) -> Callable[[int, float], float]:
    """Return a function of the epoch, counted from 0 over both phases, and the present rate.

    The head alone is trained at its own constant rate. Otherwise the rate rises linearly during the
    warm-up. A cosine then falls to a hundredth of the peak rate (Loshchilov & Hutter 2016,
    https://arxiv.org/abs/1608.03983). Without a cosine the present rate stays, so that
    reductions by `ReduceLROnPlateau` last.

    Args:
        config: the run's configuration.
        head_only: whether the head alone is trained.
    """
    if head_only:
        head_rate: float = config.model.head_learning_rate  # type: ignore[attr-defined]
        return lambda epoch, rate: head_rate
    warmup, peak = config.warmup_epochs, config.learning_rate
    first_rate = peak / (warmup + 1)
    if config.schedule == "cosine":
        decay = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=first_rate,
            decay_steps=max(1, config.epochs - warmup),
            alpha=_COSINE_END,
            warmup_target=peak if warmup else None,
            warmup_steps=warmup,
        )
        return lambda epoch, rate: float(decay(epoch - config.head_epochs))

    def warm_up(epoch: int, rate: float) -> float:
        done = epoch - config.head_epochs
        if done == 0:
            return first_rate
        return rate * (done + 1) / done if done <= warmup else rate

    return warm_up
