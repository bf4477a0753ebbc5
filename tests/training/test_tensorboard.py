from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.registry.export_model import export_model
from pipeline.runs import find_model
from pipeline.training.run_setup import validate
from pipeline.training.run_status import TrainingStopped
from tests.training.tiny import continue_training, new_run, tiny_config, tiny_faces

pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")


def curves(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return tag → (step, value) of all event files of a folder, in their order."""
    from tensorboardX.proto.event_pb2 import Event

    found = defaultdict(list)
    for file in sorted(folder.glob("*tfevents*")):
        data = file.read_bytes()
        while data:
            size = int.from_bytes(data[:8], "little")
            event, data = Event.FromString(data[12 : 12 + size]), data[16 + size :]
            for value in event.summary.value:
                found[value.tag].append((event.step, value.simple_value))
    return found


@pytest.mark.slow
def test_curves_are_written_while_it_trains_and_a_resume_has_each_epoch_once():
    run = new_run(tiny_config(epochs="3", tensorboard="True"))
    for epochs in (1, 2):
        with suppress(TrainingStopped):
            continue_training(run, stop=True)
        assert len(curves(run.tensorboard_path / "train")["epoch_loss"]) == epochs
    continue_training(run)

    history = run.history()
    for part, tag, column in (
        ("train", "epoch_loss", "loss"),
        ("train", "epoch_learning_rate", "learning_rate"),
        ("validation", "epoch_accuracy", "val_accuracy"),
    ):
        for folder in (run.tensorboard_path, export_model(run, "tensorboard")):
            steps, values = zip(*curves(folder / part)[tag], strict=True)
            assert steps == (0, 1, 2)
            np.testing.assert_allclose(values, history[column], rtol=1e-5)


def test_a_bundled_model_has_curves_to_export(empty_workspace):
    folder = export_model(find_model("custom_cnn"), "tensorboard")
    assert folder == empty_workspace / "exports" / "custom_cnn" / "tensorboard"
    epochs = len(find_model("custom_cnn").history())
    assert len(curves(folder / "validation")["epoch_accuracy"]) == epochs


def test_a_missing_extra_is_named_before_the_run_is_created(monkeypatch):
    monkeypatch.setattr("pipeline.training.tensorboard.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"install it with pip install '\.\[tensorboard\]'\."):
        validate(tiny_config(tensorboard="True"), tiny_faces())
