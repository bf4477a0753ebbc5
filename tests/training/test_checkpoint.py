import resource
import shutil

import pytest

from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.training.checkpoint import TrainingCheckpoint
from pipeline.training.run_status import TrainingStopped
from tests.training.tiny import continue_training, new_run, tiny_config


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(tmp_path_factory.mktemp("stopped")))
        run = new_run(tiny_config())
        with pytest.raises(TrainingStopped):
            continue_training(run, stop=True)
    return run


@pytest.fixture
def stopped(stopped_once, empty_workspace):
    """A copy of a run that was stopped after the first of its two epochs."""
    path = empty_workspace / "runs" / stopped_once.name
    shutil.copytree(stopped_once.path, path)
    return Run(path)


@pytest.mark.slow
def test_a_damaged_checkpoint_fails_the_run_in_one_sentence(stopped):
    whole = stopped.checkpoint_path.read_bytes()
    for damaged in (
        whole[: len(whole) // 2],
        whole[:999] + b"x" * 99 + whole[1098:],
        b"no archive",
        b"",
    ):
        stopped.checkpoint_path.write_bytes(damaged)

        with pytest.raises(UserError, match="is damaged, so that it cannot be resumed"):
            continue_training(stopped)

        assert stopped.status().state == "failed" and len(stopped.history()) == 1


@pytest.mark.slow
def test_a_checkpoint_of_another_model_fails_the_run_in_one_sentence(stopped):
    other = new_run(tiny_config(widths="8"))
    other.checkpoint_path.parent.mkdir()
    other.checkpoint_path.write_bytes(stopped.checkpoint_path.read_bytes())

    with pytest.raises(UserError, match="does not fit its configuration"):
        continue_training(other)


@pytest.mark.slow
def test_a_full_disk_fails_the_run_and_leaves_the_earlier_checkpoint(stopped):
    before, limits = stopped.checkpoint_path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(UserError, match="checkpoint after epoch 2 cannot .* free some space"):
            continue_training(stopped)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert stopped.status().state == "failed"
    assert "cannot be written" in stopped.status().message
    assert stopped.checkpoint_path.read_bytes() == before
    assert [p.name for p in stopped.checkpoint_path.parent.iterdir()] == ["training.npz"]
    assert TrainingCheckpoint.load(stopped).best is not None
    continue_training(stopped)
    assert len(stopped.history()) == 2
    assert TrainingCheckpoint.load(stopped).best is None  # model.keras holds it
