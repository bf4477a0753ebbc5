"""A workspace of version 0.1.0 from before fields, files and folders were renamed."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.data.audit import load_audit
from pipeline.data.exclusions import load_exclusions
from pipeline.data.store import load_dataset
from pipeline.evaluation.predictions import load_predictions
from pipeline.queue.settings import max_parallel_runs, set_max_parallel_runs
from pipeline.runs import Notes, Run, RunTable, list_runs
from pipeline.runs.damage import damages
from pipeline.runs.history import training_seconds
from pipeline.training.checkpoint import TrainingCheckpoint
from pipeline.training.resume import check_resumable
from pipeline.workspace import dataset_folder
from tests.cli.commands import document
from tests.conftest import run_pipeline

OLD_WORKSPACE = Path(__file__).parents[1] / "fixtures" / "workspace_v1"


@pytest.fixture
def runs(empty_workspace) -> list[Run]:
    shutil.copytree(OLD_WORKSPACE, empty_workspace)
    return list_runs()


def test_the_data_set_and_its_list_are_read_and_its_audit_of_an_older_measure_is_not(runs):
    dataset = load_dataset("tiny")

    assert len(dataset) == 35 and dataset.votes is not None
    assert (dataset_folder("tiny") / "audit.npz").is_file() and load_audit(dataset) is None
    assert load_exclusions("tiny", "twins").reasons == {"fer0000022": "identical"}


def test_runs_are_read_with_their_states_notes_and_histories(runs):
    queued, stopped, finished = RunTable().rows()

    assert [row.state for row in (queued, stopped, finished)] == ["queued", "stopped", "finished"]
    assert finished.notes == Notes(
        name="small one", note="look at fear", tags=("a", "b"), experiment="rates"
    )
    assert (stopped.status.epoch, stopped.status.epochs) == (12, 5000)
    assert finished.accuracy == pytest.approx(1 / 3, abs=1e-3)
    for run in runs:
        assert len(run.history()) == run.status().epoch
    seconds = [training_seconds(run.history(), run.log_path) for run in runs]
    assert seconds == [None, 16, 16], "an old run has them in its log alone"


def test_renamed_fields_of_a_configuration_are_read_and_written_under_their_new_names(runs):
    run = runs[2]
    before = json.loads(run.config_path.read_text())
    assert before["train"]["teacher_share"] == 0.3 and before["extended_at"] == 2

    config = run.config()
    assert (config.train.distillation_weight, config.extended_from_epoch) == (0.3, 2)
    assert config.exclusion.name == "twins"

    run.write_config(config)
    after = json.loads(run.config_path.read_text())
    assert after["train"]["distillation_weight"] == 0.3 and after["extended_from_epoch"] == 2
    assert "teacher_share" not in after["train"] and "extended_at" not in after
    assert run.config() == config


def test_the_queue_setting_is_read_and_written_under_its_new_name(runs, empty_workspace):
    assert max_parallel_runs() == 2

    set_max_parallel_runs(3)
    settings = json.loads((empty_workspace / "queue.json").read_text())
    assert settings == {"max_parallel_runs": 3} and max_parallel_runs() == 3


def test_evaluations_are_read_and_a_new_one_gives_the_same_metrics(runs):
    run, dataset = runs[2], load_dataset("tiny")
    (all_faces, without_list) = sorted(run.evaluation_paths(), key=lambda path: -len(path.name))[
        ::-1
    ]

    assert len(load_predictions(run, all_faces)) == 7
    assert load_predictions(run, without_list).exclusion == "twins"
    stored = json.loads((all_faces / "metrics.json").read_text())
    again = document("evaluate", run.name, "--dataset", dataset.name, "--split", "public_test")
    assert again["accuracy"] == stored["accuracy"]
    assert again["log_loss"] == pytest.approx(stored["log_loss"], abs=1e-4)


def test_a_checkpoint_is_found_in_its_old_folder(runs):
    stopped, finished = runs[1:]

    assert stopped.checkpoint_path == stopped.path / "state" / "training.npz"
    assert [row["epoch"] for row in TrainingCheckpoint.load_history(stopped)] == list(range(12))
    assert check_resumable(stopped).train.epochs == 5000
    assert check_resumable(finished, 5).extended_from_epoch == 3
    assert list(damages(stopped)) == []


@pytest.mark.slow
def test_a_stopped_run_is_resumed(runs, empty_workspace):
    stopped, before = runs[1], runs[1].history()
    run_pipeline(f"train --resume {stopped.name} --epochs 13 --no-finish", empty_workspace)

    after = stopped.history()
    assert len(after) == 13 and stopped.state() == "finished"
    assert after.loc[:11, "val_loss"].tolist() == before["val_loss"].tolist()
