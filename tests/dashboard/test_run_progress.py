"""The time left of a running run, or what it does, in words."""

from dashboard.widgets.run_progress import time_left
from pipeline.config.train_config import TrainConfig
from pipeline.runs import create_run, read_row


def test_the_time_left_is_at_most_that_if_early_stopping_can_end_the_training():
    for patience, epochs, words in (
        (10, 40, "at most 3 min 20 s left"),
        (0, 40, "3 min 20 s left"),
        (10, 10, "3 min 20 s left"),
    ):
        config = TrainConfig(dataset="faces", epochs=epochs, early_stopping_patience=patience)
        run = create_run(config, "f" * 64)
        run.update_status(step=4, steps=10, eta_s=200.0)
        assert time_left(read_row(run)) == words
        assert config.may_stop_early == words.startswith("at most")


def test_a_run_that_is_asked_to_stop_has_the_time_of_its_epoch_left():
    run = create_run(TrainConfig(dataset="faces", epochs=5), "f" * 64)
    run.ask_to_stop(now=False)
    for epoch, step, words in ((1, 4, "stops in 30 s"), (4, 4, "stops in 3 min 0 s")):
        run.update_status(epoch=epoch, step=step, steps=10, eta_s=180.0)
        assert time_left(read_row(run)) == words


def test_a_run_that_is_finished_without_a_step_says_what_it_does():
    run = create_run(TrainConfig(dataset="faces"), "f" * 64)
    run.update_status(message="Evaluating")
    assert time_left(read_row(run)) == "Evaluating"
