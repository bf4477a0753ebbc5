from datetime import UTC, datetime

import pytest

from pipeline.errors import UserError
from pipeline.evaluation.model_cost import (
    THREADS,
    ModelCost,
    measure_speed,
    model_cost,
    total_cost,
)
from pipeline.runs import Speed, find_model
from pipeline.vision.recognizer import Recognizer
from tests.evaluation.makers import make_dataset, make_run


def test_the_speed_of_a_bundled_model_is_measured_and_stored_in_the_workspace(
    empty_workspace, monkeypatch
):
    load, loaded = Recognizer.load, []
    monkeypatch.setattr(Recognizer, "load", lambda *args: loaded.append(args[1:]) or load(*args))
    model = find_model("custom_cnn")
    before = sorted(model.path.rglob("*"))
    assert model_cost(model).ms is None

    speed = measure_speed(model)

    assert 0 < speed.ms <= speed.p95_ms
    assert (speed.threads, speed.precision) == (THREADS, "default") and speed.processor
    assert loaded == [(speed.precision, speed.threads)]
    assert (datetime.now(UTC) - datetime.fromisoformat(speed.measured)).total_seconds() < 60
    assert model.speed_path == empty_workspace / "evaluation" / "custom_cnn" / "speed.json"
    assert model.speed() == speed and model_cost(model).ms == speed.ms
    assert sorted(model.path.rglob("*")) == before


def test_a_damaged_model_has_no_speed():
    run = make_run(make_dataset(), evaluated=False)

    with pytest.raises(UserError, match="missing or damaged"):
        measure_speed(run)
    assert run.speed() is None


def test_the_cost_of_a_run_is_its_parameters_size_and_latency_as_far_as_known():
    run = make_run(make_dataset(), evaluated=False)
    assert model_cost(run) == ModelCost(1_200_000, 2.0, None)

    run.write_speed(
        Speed(
            ms=1.5, p95_ms=3.0, threads=2, precision="default", processor="p", measured="2026-01-01"
        )
    )
    assert model_cost(run) == ModelCost(1_200_000, 2.0, 1.5)
    assert str(model_cost(run)) == "1.5 ms a face, 2.0 MB, 1.20 M parameters"

    run.openvino_path.with_suffix(".bin").unlink()
    run.status_path.unlink()
    run.speed_path.unlink()
    assert model_cost(run) == ModelCost(None, None, None)


def test_the_cost_of_an_ensemble_is_a_sum_and_unknown_where_one_part_is():
    one, other = ModelCost(1, 2.0, 3.0), ModelCost(10, 20.0, 30.0)
    for costs, expected in (
        ([one], one),
        ([one, other], ModelCost(11, 22.0, 33.0)),
        ([one, ModelCost(10, 20.0, None)], ModelCost(11, 22.0, None)),
        ([ModelCost(None, 2.0, 3.0), ModelCost(10, None, 30.0)], ModelCost(None, None, 33.0)),
        ([ModelCost(0, 0.0, 3.0)] * 2, ModelCost(0, 0.0, 6.0)),
    ):
        assert total_cost(costs) == expected
