import subprocess
import sys

import pytest

from pipeline.cli.output import progress
from pipeline.config.train_config import TrainConfig
from pipeline.errors import UserError
from pipeline.runs import Notes, Run, create_run
from tests.cli.commands import document, output
from tests.evaluation.makers import make_ensemble


def make_run(queued_at: float = 0.0) -> Run:
    run = create_run(TrainConfig(dataset="d", epochs=5), "f" * 64)
    run.update_status(queued_at=queued_at)
    return run


@pytest.fixture
def three() -> list[Run]:
    return [make_run(queued_at) for queued_at in (1.0, 2.0, 3.0)]


def places(*words: str) -> list[tuple[int | None, str]]:
    return [(row["place"], row["name"]) for row in document("queue", *words)["runs"]]


def test_runs_are_listed_with_names_notes_and_the_best_accuracy():
    run = make_run()
    run.write_notes(Notes(name="wide", tags=("a", "b"), experiment="rates"))
    run.history_path.write_text("epoch,val_accuracy\n0,0.25\n1,0.5\n2,0.4\n")

    assert document("runs") == [
        {
            "name": run.name,
            "title": "wide",
            "state": "queued",
            "dataset": "d",
            "exclude": None,
            "architecture": "custom_cnn",
            "epoch": 0,
            "epochs": 5,
            "best_val_accuracy": 0.5,
            "experiment": "rates",
            "tags": ["a", "b"],
            "message": "",
        }
    ]
    assert "a, b" in output("runs")


def test_a_model_that_was_not_trained_here_is_no_training_run():
    make_ensemble("mean")
    assert document("runs") == [] and "train one" in output("runs")

    run = make_run()
    assert [row["name"] for row in document("runs")] == [run.name]


def test_a_damaged_run_is_listed_with_the_reason():
    make_run().config_path.write_text("{")
    (row,) = document("runs")

    assert row["state"] == "damaged" and "no readable config.json" in row["message"]


def test_the_queue_lists_running_runs_then_queued_ones_and_moves_them(three):
    first, second, third = (run.name for run in three)
    three[1].claim("queued")

    assert places() == [(None, second), (1, first), (2, third)]
    assert third in output("queue")
    assert places(third, "--to", "1") == [(None, second), (1, third), (2, first)]


def test_the_number_of_parallel_runs_is_stored_under_its_new_and_its_old_option():
    assert "No run is running or queued." in output("queue")
    assert document("queue")["at_once"] == 1
    assert document("queue", "--max-parallel-runs", "3")["at_once"] == 3
    assert document("queue", "--at-once", "2")["at_once"] == 2
    assert document("queue")["at_once"] == 2


def test_a_mistake_is_one_sentence(three):
    for words, sentence in (
        (("--max-parallel-runs", "0"), "take 1 to 64"),
        (("nothing", "--to", "1"), "Unknown run 'nothing'"),
        ((three[0].name, "--to", "0"), "no place 0 in the queue"),
    ):
        with pytest.raises(UserError, match=sentence):
            output("queue", *words)


def test_markup_and_control_characters_of_names_and_notes_are_shown_as_typed(three):
    three[0].change_notes(name="[red]a[/done]", note="\x1b]0;title\x07", tags=["\x1b[31m"])

    assert "[red]a[/done]" in output("runs")
    shown = output("note", three[0].name)
    assert "\\x1b]0;title\\x07" in shown and "\\x1b[31m" in shown and "\x1b" not in shown
    with progress("Recognizing [/done] \x1b[2J"):
        pass


@pytest.mark.slow
def test_a_disk_that_takes_no_file_is_one_sentence_for_every_command(three):
    commands = [
        ("note", three[0].name, "--name", "x"),
        ("stop", three[1].name),
        ("queue", "--max-parallel-runs", "2"),
        ("import", "sample", "--name", "faces"),
        ("speed", "custom_cnn"),
    ]
    program = (
        "import resource, sys; from pipeline.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))\n"
        f"for command in {commands!r}:\n"
        "    sys.argv = ['emotion', *command]\n"
        "    try: main()\n"
        "    except SystemExit as end: print('exit', end.code, flush=True)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)

    assert "Traceback" not in ended.stderr, ended.stderr
    sentences = ended.stderr.splitlines()[-len(commands) :]
    assert all("File too large" in sentence for sentence in sentences), ended.stderr
    assert ended.stdout.count("exit 1") == len(commands), ended.stdout
    assert "notes.json cannot be" in sentences[0] and three[1].state() == "queued"


def test_notes_are_edited_one_by_one_shown_and_removed():
    run = make_run()
    output("note", run.name, "--name", "wide", "--tag", "a", "--tag", "b")
    output("note", run.name, "--note", "look at fear", "--experiment", "rates")
    assert document("note", run.name) == {
        "run": run.name,
        "name": "wide",
        "note": "look at fear",
        "tags": ["a", "b"],
        "experiment": "rates",
    }

    output("note", run.name, "--name", "", "--tag", "")
    assert run.notes() == Notes(note="look at fear", experiment="rates")
