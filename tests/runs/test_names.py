import time
from itertools import count

import pytest

from pipeline.config.train_config import TrainConfig
from pipeline.data.store import dataset_info, is_synthetic, remove_dataset, rename_dataset
from pipeline.runs import Notes, Run, RunTable, create_run, list_bundled

NUMBER = count()


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    """Names have the machine's time."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def made(stamp: str = "20261128-101500", name: str = "", experiment: str = "", **fields) -> Run:
    """Make a run whose folder has this time."""
    config = TrainConfig.model_validate({"dataset": "faces", **fields})
    run = create_run(config, "f" * 64, notes=Notes(name=name, experiment=experiment))
    path = run.path.with_name(f"{stamp}-{config.architecture}-{next(NUMBER):04x}")
    return Run(run.path.rename(path))


PLAIN = "custom_cnn · faces · 2026-11-28"


@pytest.mark.parametrize(
    ("runs", "names"),
    [
        ([{"name": "wide"}, {}], ["wide", PLAIN]),
        ([{"seed": 1}, {"seed": 2}], [f"{PLAIN} · seed 1", f"{PLAIN} · seed 2"]),
        (
            [{"epochs": e, "seed": s} for e in (5, 6) for s in (1, 2)],
            [f"{PLAIN} · epochs {e} · seed {s}" for e in (5, 6) for s in (1, 2)],
        ),
        (
            [{"name": "seed 1", "experiment": "a"}, {"name": "seed 1", "experiment": "b"}],
            ["seed 1 · a", "seed 1 · b"],
        ),
        ([{}, {"stamp": "20261128-161700"}], [f"{PLAIN} · 10:15", f"{PLAIN} · 16:17"]),
        (
            [{"name": "wide"}, {"name": "wide", "stamp": "20261127-101500"}],
            ["wide · 2026-11-28 10:15:00", "wide · 2026-11-27 10:15:00"],
        ),
        ([{"name": "custom_cnn"}, {}], ["custom_cnn · faces", PLAIN]),
    ],
    ids=["given", "field", "two fields", "experiment", "time", "day", "bundled"],
)
def test_a_name_is_given_or_made_and_equal_ones_are_told_apart(runs, names):
    made_runs = [made(**fields) for fields in runs]
    found = RunTable().names()
    assert [found[run.name] for run in made_runs] == names
    assert len(set(found.values())) == len(found)
    assert {run.name for run in list_bundled()} <= found.keys()


def test_runs_that_differ_in_nothing_have_the_end_of_their_folder_in_their_names():
    runs = [made(), made()]
    names = RunTable().names()
    assert [names[run.name] for run in runs] == [f"{PLAIN} · {run.name[-4:]}" for run in runs]


def test_a_run_of_the_sample_is_synthetic_whatever_its_name_and_once_it_is_removed(sample):
    rename_dataset("sample", "fer2013")
    fingerprint = dataset_info("fer2013").fingerprint
    assert dataset_info("fer2013").synthetic and is_synthetic(fingerprint[:12])
    run = create_run(TrainConfig(dataset="fer2013"), fingerprint)
    remove_dataset("fer2013")
    assert [row.synthetic for row in RunTable().rows()] == [True]
    older = run.config_path.read_text().replace('"synthetic": true,', "")
    run.config_path.write_text(older)
    assert [row.synthetic for row in RunTable().rows()] == [True], "of an older version"
    other = made()
    assert {row.run.name: row.synthetic for row in RunTable().rows()}[other.name] is False
