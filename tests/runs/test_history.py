import math

import pandas as pd
import pytest

from pipeline.runs.history import (
    COLUMNS,
    best_row,
    read_history,
    training_seconds,
    write_history,
)

HISTORY = pd.DataFrame({"epoch": [0, 1, 2], "val_accuracy": [0.2, 0.5, 0.5], "val_loss": [3, 2, 1]})


def test_the_best_epoch_is_the_first_of_the_best_and_never_one_without_a_number():
    for values, monitor, best in [
        ((0.2, 0.5, 0.5, 0.4), "val_accuracy", 1),
        ((2.0, 1.5, 1.5, 1.9), "val_loss", 1),
        ((math.nan, 0.3, 0.2), "val_accuracy", 1),
        ((math.nan, 2.0, math.inf), "val_loss", 1),
        ((math.nan,), "val_accuracy", None),
        ((), "val_accuracy", None),
    ]:
        history = pd.DataFrame({"epoch": range(len(values)), monitor: list(values)})
        row = best_row(history, monitor)
        assert (None if row is None else row["epoch"]) == best, (values, monitor)
    assert best_row(HISTORY, "val_macro_f1") is None


def test_the_training_time_is_the_sum_of_the_epochs_seconds(tmp_path):
    log = tmp_path / "train.log"
    log.write_text("- epoch 0: loss 1.9 (99 s)\n")

    assert training_seconds(HISTORY.assign(seconds=[10.5, 20, 30]), log) == 60.5
    assert training_seconds(HISTORY[:0], log) is None


def test_epochs_of_an_older_version_have_their_seconds_in_the_log_the_last_entry_of_each(tmp_path):
    log = tmp_path / "train.log"
    assert training_seconds(HISTORY, log) is None
    log.write_text(
        "2026-01-01 10:00:00,000 epoch 0: loss 1.9 (80 s)\nkilled\n"
        "2026-01-01 10:00:00,000 epoch 1: loss 1.8 (81 s)\n"
        "2026-01-01 11:00:00,000 epoch 1: loss 1.8 (79 s)\nfailed (3 s)\n"
        "2026-01-02 11:00:00,000 epoch 1/3: loss 1.8 (70 s)\n"
    )

    assert training_seconds(HISTORY, log) == 159
    assert training_seconds(HISTORY.assign(seconds=[math.nan, math.nan, 7]), log) == 166


def test_a_table_whose_rows_lack_a_column_is_written_with_all_columns(tmp_path):
    path = tmp_path / "history.csv"
    write_history(path, [{"epoch": 0, "loss": 1.5, "val_accuracy": 0.25}])

    history = read_history(path)

    assert history.columns.tolist() == list(COLUMNS)
    assert history["loss"].tolist() == [1.5] and history["seconds"].isna().all()
    write_history(path, [])
    assert not path.exists() and read_history(path).empty


@pytest.mark.parametrize("text", ["", "epoch,loss\n0,1\nx,2\n1,", "a,b\n1,2\n", "\x00"])
def test_a_damaged_table_gives_the_epochs_that_can_be_read(tmp_path, text):
    path = tmp_path / "history.csv"
    path.write_text(text)

    assert read_history(path)["epoch"].tolist() == ([0, 1] if "x" in text else [])
