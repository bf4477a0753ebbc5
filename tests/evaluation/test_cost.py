from datetime import UTC, datetime

import pytest

from pipeline.errors import UserError
from pipeline.evaluation.cost import THREADS, Cost, cost_of, measure_speed, together
from pipeline.runs import Run, Speed, find_model
from pipeline.vision.recognizer import Recognizer
from tests.evaluation.makers import make_dataset, make_run


def stored(run: Run, ms: float) -> None:
    speed = {"ms": ms, "p95_ms": 2 * ms, "threads": 2, "precision": "default"}
    run.write_speed(Speed(**speed, processor="p", measured="2026-01-01T00:00:00+00:00"))


def test_the_speed_of_the_shipped_model_is_measured_and_kept_in_the_workspace(empty_workspace):
    model = find_model("custom_cnn")
    before = sorted(model.path.rglob("*"))
    assert cost_of(model).ms is None

    speed = measure_speed(model)

    assert 0 < speed.ms <= speed.p95_ms
    assert (speed.threads, speed.precision) == (THREADS, "default") and speed.processor
    assert (datetime.now(UTC) - datetime.fromisoformat(speed.measured)).total_seconds() < 60
    assert model.speed_path == empty_workspace / "evaluation" / "custom_cnn" / "speed.json"
    assert model.speed() == speed and cost_of(model).ms == speed.ms
    assert sorted(model.path.rglob("*")) == before


def test_speed_is_measured_with_the_arithmetic_and_the_threads_that_it_tells(monkeypatch):
    load, asked = Recognizer.load, []
    monkeypatch.setattr(Recognizer, "load", lambda *words: asked.append(words[1:]) or load(*words))

    speed = measure_speed(find_model("custom_cnn"))

    assert asked == [(speed.precision, speed.threads)]


def test_a_damaged_model_has_no_speed():
    run = make_run(make_dataset(), evaluated=False)

    with pytest.raises(UserError, match="missing or damaged"):
        measure_speed(run)
    assert run.speed() is None


def test_the_cost_of_a_run_is_its_parameters_its_bytes_and_its_time():
    run = make_run(make_dataset(), evaluated=False)
    assert cost_of(run) == Cost(1_200_000, 2.0, None)

    stored(run, 1.5)
    assert cost_of(run) == Cost(1_200_000, 2.0, 1.5)


def test_what_is_missing_of_a_run_is_not_known():
    run = make_run(make_dataset(), evaluated=False)
    run.openvino_path.with_suffix(".bin").unlink()
    run.status_path.unlink()

    assert cost_of(run) == Cost(None, None, None)


@pytest.mark.parametrize(
    ("costs", "expected"),
    [
        ([Cost(1, 2.0, 3.0)], Cost(1, 2.0, 3.0)),
        ([Cost(1, 2.0, 3.0), Cost(10, 20.0, 30.0)], Cost(11, 22.0, 33.0)),
        ([Cost(1, 2.0, 3.0), Cost(10, 20.0, None)], Cost(11, 22.0, None)),
        ([Cost(None, 2.0, 3.0), Cost(10, None, 30.0)], Cost(None, None, 33.0)),
        ([Cost(0, 0.0, 3.0), Cost(0, 0.0, 3.0)], Cost(0, 0.0, 6.0)),
    ],
    ids=["one", "two", "time unknown", "each lacks one", "zeros"],
)
def test_costs_together_are_sums_and_unknown_where_one_is(costs, expected):
    assert together(costs) == expected
