import resource
import shutil

import pytest

from pipeline.errors import UserError
from pipeline.runs import Run
from pipeline.training.outcome import TrainingStopped
from pipeline.training.state import TrainingState
from tests.training.tiny import go_on, new_run, tiny_config


@pytest.fixture(scope="module")
def stopped_once(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(tmp_path_factory.mktemp("stopped")))
        run = new_run(tiny_config())
        with pytest.raises(TrainingStopped):
            go_on(run, stop=True)
    return run


@pytest.fixture
def stopped(stopped_once, empty_workspace):
    """A copy of a run that was stopped after the first of its two epochs."""
    path = empty_workspace / "runs" / stopped_once.name
    shutil.copytree(stopped_once.path, path)
    return Run(path)


def test_a_state_keeps_the_best_weights_while_it_must_and_not_when_the_model_holds_them(stopped):
    assert TrainingState.of(stopped).best is not None
    assert stopped.status().state == "stopped" and len(stopped.history()) == 1

    go_on(stopped)
    assert TrainingState.of(stopped).best is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:999] + b"x" * 99 + whole[1098:],
        lambda whole: b"no state",
        lambda whole: b"",
    ],
    ids=["cut", "overwritten", "text", "empty"],
)
def test_a_damaged_state_fails_the_run_in_one_sentence(stopped, damage):
    stopped.state_path.write_bytes(damage(stopped.state_path.read_bytes()))

    with pytest.raises(UserError, match="is damaged, so that it cannot go on"):
        go_on(stopped)

    assert stopped.status().state == "failed" and len(stopped.history()) == 1


def test_a_state_of_another_model_fails_the_run_in_one_sentence(stopped):
    other = new_run(tiny_config(widths="8"))
    other.state_path.parent.mkdir()
    other.state_path.write_bytes(stopped.state_path.read_bytes())

    with pytest.raises(UserError, match="does not fit its configuration"):
        go_on(other)


def test_a_full_disk_fails_the_run_and_leaves_the_earlier_state(stopped):
    before, limits = stopped.state_path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(UserError, match="free some space"):
            go_on(stopped)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert stopped.status().state == "failed"
    assert "cannot be written" in stopped.status().message
    assert stopped.state_path.read_bytes() == before
    assert [p.name for p in stopped.state_path.parent.iterdir()] == ["training.npz"]
    go_on(stopped)
    assert len(stopped.history()) == 2
