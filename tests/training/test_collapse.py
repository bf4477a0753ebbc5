import pandas as pd
import pytest

from pipeline.training.collapse import SHARE, collapse_warning
from tests.training.tiny import fit, tiny_config, tiny_faces


def warning(shares, accuracies, ended=False) -> str:
    history = pd.DataFrame({"val_accuracy": accuracies, SHARE: shares})
    return collapse_warning(history, tiny_faces(), 0, ended=ended)  # 2 validation faces a class


def test_a_training_has_collapsed_or_learned_nothing_after_three_epochs_or_at_its_end():
    for shares, accuracies, ended, start in (
        ((0.96, 1.0, 0.97), (0.4, 0.4, 0.4), False, "The training has collapsed"),
        ((0.3, 0.96, 1.0, 0.97), (0.4,) * 4, False, "The training has collapsed"),
        ((0.96, 1.0), (0.4, 0.4), True, ""),
        ((0.96, 1.0, 0.95), (0.4, 0.4, 0.4), True, ""),
        ((1.0, 1.0, 1.0, 0.4), (0.4,) * 4, True, ""),  # it has recovered
        ((0.5, 0.5, 0.5), (0.1, 0.14285715, 0.1), False, "The training has not learned"),
        ((0.5, 0.5), (1 / 7, 0.1), False, ""),
        ((0.5,), (1 / 7,), True, "The training has not learned"),
        ((0.5, 0.5, 0.5), (1 / 7, 3 / 14, 0.1), True, ""),
        ((), (), True, ""),
    ):
        sentence = warning(shares, accuracies, ended)
        assert sentence.startswith(start) and bool(sentence) == bool(start), (shares, accuracies)
        assert not start or ("lower learning rate" in sentence and "class weights" in sentence)


def test_a_history_of_an_older_version_has_no_shares():
    history = pd.DataFrame({"val_accuracy": [0.2, 0.4, 0.4]})
    assert collapse_warning(history, tiny_faces(), 0, ended=True) == ""
    assert collapse_warning(pd.DataFrame({"epoch": []}), tiny_faces(), 0, ended=True) == ""


@pytest.mark.slow
def test_a_training_at_a_huge_rate_says_so_in_status_and_log():
    collapsed = fit(tiny_config(learning_rate="1", optimizer="sgd", epochs="3"))
    message = collapsed.status().message
    assert collapsed.history()[SHARE].tolist() == [1, 1, 1]
    assert "has collapsed" in message and message in collapsed.log_path.read_text()
