import resource

import pytest

from pipeline.errors import UserError
from pipeline.training.outcome import TrainingStopped
from pipeline.training.state import TrainingState
from tests.training.tiny import go_on, new_run, tiny_config


def test_a_state_keeps_the_best_weights_while_it_must_and_not_when_the_model_holds_them():
    run = new_run(tiny_config())
    with pytest.raises(TrainingStopped):
        go_on(run, stop=True)
    assert TrainingState.of(run).best is not None
    assert run.status().state == "stopped" and len(run.history()) == 1

    go_on(run)
    assert TrainingState.of(run).best is None


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
def test_a_damaged_state_fails_the_run_in_one_sentence(damage):
    run = new_run(tiny_config())
    with pytest.raises(TrainingStopped):
        go_on(run, stop=True)
    run.state_path.write_bytes(damage(run.state_path.read_bytes()))

    with pytest.raises(UserError, match="is damaged, so that it cannot go on"):
        go_on(run)

    assert run.status().state == "failed" and len(run.history()) == 1


def test_a_state_of_another_model_fails_the_run_in_one_sentence():
    run = new_run(tiny_config())
    with pytest.raises(TrainingStopped):
        go_on(run, stop=True)
    other = new_run(tiny_config(widths="8,8"))
    other.state_path.parent.mkdir()
    other.state_path.write_bytes(run.state_path.read_bytes())

    with pytest.raises(UserError, match="does not fit its configuration"):
        go_on(other)


def test_a_full_disk_fails_the_run_and_leaves_the_earlier_state():
    run = new_run(tiny_config(widths="16,32", epochs="3"))
    with pytest.raises(TrainingStopped):
        go_on(run, stop=True)
    before, limits = run.state_path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(UserError, match="free some space"):
            go_on(run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    assert run.status().state == "failed" and "cannot be written" in run.status().message
    assert run.state_path.read_bytes() == before
    assert [p.name for p in run.state_path.parent.iterdir()] == ["training.npz"]
    go_on(run)
    assert len(run.history()) == 3
