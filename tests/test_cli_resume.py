import shutil
from pathlib import Path

import pytest

from pipeline.data.importing import import_dataset
from pipeline.data.store import dataset_folder, load_dataset, remove_dataset
from pipeline.runs import Run, create_run
from pipeline.training import queue
from pipeline.training.config import TrainConfig
from tests.test_cli import invoke


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    workspace = tmp_path_factory.mktemp("drawn")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(workspace))
        import_dataset(Path("sample"), "sample")
    return workspace


@pytest.fixture
def stopped(drawn, empty_workspace, monkeypatch) -> Run:
    monkeypatch.setattr(queue, "start_pipeline", lambda arguments, log: None)
    shutil.copytree(drawn, empty_workspace)
    run = create_run(TrainConfig(dataset="sample"), load_dataset("sample").fingerprint)
    run.update_status(state="stopped")
    return run


def test_a_stopped_run_is_queued_again_with_more_epochs(stopped, capsys):
    arguments = ("train", "--resume", stopped.name, "--epochs", "60", "--queue")

    code, out, _ = invoke(*arguments, capsys=capsys)

    assert (code, out.strip(), stopped.state()) == (0, stopped.name, "queued")
    assert stopped.status().epochs == stopped.config().train.epochs == 60


@pytest.mark.parametrize(
    "more",
    [("--seed", "2"), ("--config", "c.json"), ("--dataset", "sample"), ("--finish", "x")],
    ids=lambda more: more[0],
)
def test_a_run_is_resumed_as_it_was_configured_but_for_its_epochs(more, stopped, capsys):
    code, _, err = invoke("train", "--resume", stopped.name, *more, capsys=capsys)

    assert code == 1 and "nothing else" in err
    assert stopped.state() == "stopped"


def test_a_data_set_that_is_gone_fails_the_resumed_run_in_one_sentence(stopped, capsys):
    remove_dataset("sample")

    code, _, err = invoke("train", "--resume", stopped.name, capsys=capsys)

    assert code == 1 and err.strip().endswith(stopped.status().message)
    assert stopped.state() == "failed" and "Unknown data set 'sample'" in err


def test_a_data_set_that_was_changed_fails_the_resumed_run_in_one_sentence(stopped, capsys):
    meta = dataset_folder("sample") / "meta.json"
    fingerprint = load_dataset("sample").fingerprint
    meta.write_text(meta.read_text().replace(fingerprint, "0" * 64))

    code, _, err = invoke("train", "--resume", stopped.name, capsys=capsys)

    assert code == 1 and "holds other faces than run" in err
    assert stopped.state() == "failed"


def test_a_running_run_is_asked_to_stop_after_its_epoch_and_the_next_claim_forgets_it(
    stopped, capsys
):
    stopped.claim("stopped")

    code, out, _ = invoke("stop", stopped.name, capsys=capsys)

    assert code == 0 and "after its present epoch" in out
    assert stopped.stop_path.is_file() and stopped.state() == "running"
    stopped.update_status(state="stopped")
    stopped.claim("stopped")
    assert not stopped.stop_path.exists()
