import pytest

from pipeline.training.throughput import ThroughputMeter

STEPS = 10


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def meter(clock):
    return ThroughputMeter(STEPS, clock)


def epoch(meter: ThroughputMeter, clock: Clock, *, first=0.1, validation=1.0) -> None:
    meter.begin_epoch()
    for seconds in [first] + [0.1] * (STEPS - 1):
        clock.now += seconds
        meter.step()
    clock.now += validation
    meter.end_epoch()


def test_before_the_second_step_nothing_is_known(meter, clock):
    assert (meter.steps_per_s, meter.seconds_for(3)) == (None, None)
    meter.begin_epoch()
    clock.now += 30
    meter.step()
    assert (meter.steps_per_s, meter.seconds_for(3)) == (None, None)


def test_the_one_off_cost_of_the_first_step_is_not_counted(meter, clock):
    epoch(meter, clock, first=30.0)

    assert meter.steps_per_s == pytest.approx(10)
    assert meter.seconds_for(4) == pytest.approx(4 * 2.0)


def test_the_time_left_follows_from_steps_in_the_first_epoch_and_from_epochs_later(meter, clock):
    meter.begin_epoch()
    for seconds in (20.0, 0.2, 0.2):
        clock.now += seconds
        meter.step()
    assert meter.seconds_for(2) == pytest.approx(2 * STEPS * 0.2)

    meter = ThroughputMeter(STEPS, clock)
    for validation in (1.0, 1.0, 1.0, 6.0):
        epoch(meter, clock, validation=validation)
    assert meter.seconds_for(1) == pytest.approx(2 + 5 / 4)
    assert meter.steps_per_s == pytest.approx(10)


def test_an_epoch_of_one_step_tells_its_length(clock):
    meter = ThroughputMeter(1, clock)
    meter.begin_epoch()
    clock.now += 5
    meter.step()
    meter.end_epoch()

    assert meter.steps_per_s is None and meter.seconds_for(2) == 10
