import json

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.errors import UserError
from pipeline.runs import Notes, Run, create_run
from pipeline.training.config import TrainConfig


def answer(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, UserError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def make_run(queued_at: float = 0.0) -> Run:
    run = create_run(TrainConfig(dataset="d", epochs=5), "f" * 64)
    run.update_status(queued_at=queued_at)
    return run


@pytest.fixture
def three() -> list[Run]:
    return [make_run(queued_at) for queued_at in (1.0, 2.0, 3.0)]


def places(output: str) -> list[tuple[int | None, str]]:
    return [(row["place"], row["name"]) for row in json.loads(output)["runs"]]


def test_runs_tell_names_notes_and_the_best_accuracy():
    run = make_run()
    run.write_notes(Notes(name="wide", tags=("a", "b"), experiment="rates"))
    run.history_path.write_text("epoch,val_accuracy\n0,0.25\n1,0.5\n2,0.4\n")

    assert json.loads(answer("runs", "--json")) == [
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
    assert "a, b" in answer("runs")


def test_a_damaged_run_is_listed_with_the_reason():
    make_run().config_path.write_text("{")

    (row,) = json.loads(answer("runs", "--json"))

    assert row["state"] == "damaged" and "no readable config.json" in row["message"]


def test_the_queue_lists_what_trains_then_what_waits_in_its_order(three):
    three[1].claim("queued")

    output = answer("queue", "--json")

    assert places(output) == [(None, three[1].name), (1, three[0].name), (2, three[2].name)]
    assert json.loads(output)["at_once"] == 1
    assert three[2].name in answer("queue")


def test_an_empty_queue_says_so():
    assert "Nothing trains or waits." in answer("queue")


def test_a_run_is_moved_to_a_place(three):
    output = answer("queue", three[2].name, "--to", "1", "--json")

    assert places(output) == [(1, three[2].name), (2, three[0].name), (3, three[1].name)]


def test_how_many_train_at_once_is_kept(three):
    assert json.loads(answer("queue", "--at-once", "3", "--json"))["at_once"] == 3
    assert json.loads(answer("queue", "--json"))["at_once"] == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--at-once", "0"), "0 runs at once is wrong: take 1 to 16"),
        (("nothing", "--to", "1"), "Unknown run 'nothing'"),
        (("RUN", "--to", "0"), "no place 0 in the queue"),
    ],
    ids=["at-once", "unknown", "place"],
)
def test_what_cannot_be_is_one_sentence(three, arguments, sentence):
    with pytest.raises(UserError, match=sentence):
        answer("queue", *(three[0].name if word == "RUN" else word for word in arguments))


@pytest.mark.parametrize("arguments", [("RUN",), ("--to", "1")], ids=["no-place", "no-run"])
def test_a_run_and_its_place_go_together(arguments):
    assert CliRunner().invoke(app, ["queue", *arguments]).exit_code == 2


def test_notes_are_set_one_by_one_shown_and_taken_away():
    run = make_run()

    answer("note", run.name, "--name", "wide", "--tag", "a", "--tag", "b")
    answer("note", run.name, "--note", "look at fear", "--experiment", "rates")
    noted = {
        "run": run.name,
        "name": "wide",
        "note": "look at fear",
        "tags": ["a", "b"],
        "experiment": "rates",
    }
    assert json.loads(answer("note", run.name, "--json")) == noted

    answer("note", run.name, "--name", "", "--tag", "")
    assert run.notes() == Notes(note="look at fear", experiment="rates")
