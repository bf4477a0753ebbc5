import os
import signal
import subprocess
import sys

import pytest

from dashboard.components.train.learned import log_tail
from pipeline.runs import create_run, list_runs
from pipeline.runs.damage import damages
from pipeline.training import queue
from tests.dashboard.clicks import drawn
from tests.dashboard.opened_run import CONFIG, labels, make_run, open_run, press, words

CLAIM = """
import sys, time
from pipeline.runs import find_run
find_run(sys.argv[1]).claim("queued")
print("claimed", flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def no_worker(monkeypatch):
    monkeypatch.setattr(queue, "start_pipeline", lambda arguments, log: None)


def test_a_finished_run_shows_its_figures_curves_log_and_what_it_was_made_from():
    at = open_run(make_run("finished", name="a *b*", note="why", tags=("t1",), experiment="e"))

    assert {metric.label: metric.value for metric in at.metric} == {
        "Epochs": "3 of 5",
        "Best epoch": "3",
        "Accuracy there": "40.0 %",
        "Macro F1 there": "30.0 %",
        "Training time": "3 min 30 s",
        "Parameters": "1,234",
    }
    name = list_runs()[0].name
    assert r"### a \*b\*" in at.markdown[0].value and "gray-badge[t1]" in at.markdown[0].value
    assert at.text[0].value == "why"
    assert f"`{name}`" in words(at) and "experiment **e**" in words(at) and "on disk" in words(at)
    assert len(drawn(at, f"train.opened.curves.{name}")) == 6
    log, command = (code.value for code in at.code)
    assert log.endswith("- epoch 2: loss 1.5 (70 s)")
    assert "--epochs 5 --learning-rate 0.01" in command
    fields = at.dataframe[0].value.set_index("field")
    assert list(fields.index[:2]) == ["epochs", "learning_rate"]
    assert tuple(fields.loc["epochs"]) == ("5", "40")
    assert tuple(fields.loc["batch_size"]) == ("64", "")


def test_a_run_whose_process_was_killed_is_interrupted_and_can_be_resumed():
    run = make_run("queued")
    child = subprocess.Popen(
        [sys.executable, "-c", CLAIM, run.name], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout and child.stdout.readline() == "claimed\n"
    at = open_run(run)
    assert "running" in at.markdown[0].value

    child.send_signal(signal.SIGKILL)
    child.communicate()
    at.run()

    assert "interrupted" in at.markdown[0].value
    assert "process is gone. 3 epochs finished; Resume goes on" in at.warning[0].value
    press(at, "Resume")
    assert run.state() == "queued" and len(run.history()) == 3


def test_a_reused_process_id_is_not_taken_for_the_training():
    run = make_run("running")
    run.update_status(pid=os.getpid(), process_started=1.0)

    at = open_run(run)

    assert "interrupted" in at.markdown[0].value and "Stop now" not in labels(at)


def test_a_failed_run_says_why_and_opens_its_log():
    at = open_run(make_run("failed", "The disk is full: free some space, then resume the run."))

    assert "disk is full" in at.error[0].value
    assert at.get("tab_container")[0].proto.tab_container.default_tab_index == 1
    assert "epoch 2: loss" in at.code[0].value


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("config_path", "no readable config.json"),
        ("status_path", "status.json is missing or damaged"),
        ("notes_path", "notes.json is damaged"),
        ("history_path", "history.csv is damaged"),
        ("state_path", "state/training.npz is damaged"),
        ("weights_path", "model.keras is damaged"),
    ],
    ids=lambda word: word.removesuffix("_path"),
)
def test_a_file_that_was_cut_short_is_named_and_the_rest_is_shown(file, sentence):
    run = make_run("stopped", name="n")
    path = getattr(run, file)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    at = open_run(run)

    assert sentence in words(at).replace("\\", "")
    assert "epoch 2: loss" in at.code[0].value
    assert {"Edit…", "Delete…"} <= set(labels(at))


def test_a_whole_run_and_one_that_has_not_begun_have_no_damage():
    run = make_run("running")
    assert list(damages(run)) == []
    assert list(damages(create_run(CONFIG, "f" * 64))) == []


def test_a_run_that_was_deleted_under_the_open_page_is_said_to_be_gone():
    run = make_run("finished")
    at = open_run(run)
    run.remove()

    at.run()

    assert not at.exception and "deleted meanwhile" in at.info[0].value


def test_the_tail_of_a_long_log_is_its_last_lines():
    run = make_run("running")
    run.log_path.write_text("".join(f"line {i} {'x' * 99}\n" for i in range(9_999)))

    tail = log_tail(run).splitlines()

    assert len(tail) == 40 and tail[-1].startswith("line 9998")
