import numpy as np
import pytest

from pipeline.vision.meters import Durations, Rate, Spread


def ticking(*times: float) -> Rate:
    rate = Rate()
    for time in times:
        rate.tick(time)
    return rate


@pytest.mark.parametrize("per_s", [0.9, 5.0, 30.0, 240.0])
def test_a_steady_rate_is_told_as_it_is(per_s):
    rate = ticking(*(100 + i / per_s for i in range(1, 1000)))
    assert rate.per_s(100 + 999 / per_s) == pytest.approx(per_s, rel=1e-6)


def test_a_new_rate_is_known_from_the_second_event():
    assert ticking().per_s(1.0) == 0.0
    assert ticking(1.0).per_s(1.0) == 0.0
    assert ticking(1.0, 1.1).per_s(1.1) == pytest.approx(10.0)


def test_only_the_last_two_seconds_count():
    slow, fast = np.arange(0, 10, 1.0), np.arange(10, 13, 0.1)
    assert ticking(*slow, *fast).per_s(12.9) == pytest.approx(10.0)


def test_a_rate_falls_to_nothing_when_nothing_happens_any_more():
    rate = ticking(*np.arange(0, 3, 0.1))
    told = [rate.per_s(2.9 + wait) for wait in (0.0, 0.5, 1.2, 1.6, 1.9, 2.2)]
    assert told[0] == pytest.approx(10.0)
    assert told == sorted(told, reverse=True)
    assert told[3] < 5
    assert told[-1] == 0.0


def test_events_at_one_moment_are_no_endless_rate():
    assert np.isfinite(ticking(5.0, 5.0, 5.0).per_s(5.0))


def test_spreads_are_the_percentiles_of_each_stage_in_milliseconds():
    durations = Durations()
    for i in range(1, 102):
        durations.add("detect", i / 1000)
        durations.add("draw", 0.002)
    spreads = durations.spreads()
    assert spreads["detect"] == pytest.approx(Spread(51.0, 96.0))
    assert spreads["draw"] == pytest.approx(Spread(2.0, 2.0))
    assert set(spreads) == {"detect", "draw"}


def test_spreads_forget_what_is_long_ago():
    durations = Durations()
    for seconds in [9.0] * 500 + [0.01] * 150:
        durations.add("detect", seconds)
    assert durations.spreads()["detect"] == pytest.approx(Spread(10.0, 10.0))


def test_a_stage_that_never_ran_has_no_spread():
    assert Durations().spreads() == {}
