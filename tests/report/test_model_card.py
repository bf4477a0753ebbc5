import pandas as pd
import pytest

from pipeline.errors import UserError
from pipeline.report.model_card import model_card
from pipeline.runs import Speed, model_names
from tests.evaluation.makers import make_dataset, make_run

SPEED = Speed(ms=1.5, p95_ms=2.0, threads=2, precision="default", processor="p", measured="now")


def test_the_card_has_the_training_the_metrics_and_the_limits():
    dataset = make_dataset()
    run = make_run(dataset, split="held_out", skill=2.0)
    run.write_speed(SPEED)
    history = {
        "epoch": [0, 1, 2],
        "val_accuracy": [float("nan"), 0.4, 0.3],
        "seconds": [1800.0, 1800.0, 3600.0],
    }
    pd.DataFrame(history).to_csv(run.history_path, index=False)

    card = model_card(run)

    assert card.startswith(
        f"# {model_names()[run.name]}\n\ncustom_cnn, 1,200,000 parameters. Trained on "
    )
    assert "for 3 epochs (2.0 hours)" in card
    assert "epoch 2, the best by val_accuracy on held out" in card, "never a NaN row"
    for part in ("## Use", "## Metrics on faces · held out", "## Limits", "## License"):
        assert part in card
    assert "takes 1.5 ms (2.0 ms at the 95th percentile) on 2 threads of p" in card

    run.history_path.unlink()
    run.change_notes(name="[a](http://b.example) www.b.example $x$ @c")
    card = model_card(run)
    assert card.startswith("# \\[a\\](http\\://b.example) www\\.b.example \\$x\\$ \\@c")
    assert "for 0 epochs. `config.json`" in card and "the best by" not in card


def test_a_model_without_an_evaluation_on_its_choosing_split_has_no_card():
    run = make_run(make_dataset(), split="test")
    sentence = "has not been evaluated on held_out yet: evaluate it first"
    with pytest.raises(UserError, match=sentence):
        model_card(run)
