import pytest

from pipeline.training.pace import Pace

STEPS = 10


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def epoch(pace: Pace, clock: Clock, first: float = 0.1, each: float = 0.1, judged: float = 1.0):
    pace.begin_epoch()
    for seconds in [first] + [each] * (STEPS - 1):
        clock.now += seconds
        pace.step()
    clock.now += judged
    return pace.end_epoch()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    return Pace(STEPS, clock)


def test_before_the_second_step_nothing_is_known(pace, clock):
    assert (pace.steps_per_s, pace.seconds_for(3)) == (None, None)
    pace.begin_epoch()
    clock.now += 30
    pace.step()
    assert (pace.steps_per_s, pace.seconds_for(3)) == (None, None)


def test_what_the_first_step_takes_once_is_not_reckoned_with(pace, clock):
    seconds = epoch(pace, clock, first=30.0)

    assert seconds == pytest.approx(30 + 9 * 0.1 + 1)
    assert pace.steps_per_s == pytest.approx(10)
    assert pace.seconds_for(4) == pytest.approx(4 * 2.0)


def test_in_the_first_epoch_the_steps_tell_and_afterwards_the_epochs(pace, clock):
    pace.begin_epoch()
    for seconds in (20.0, 0.2, 0.2):
        clock.now += seconds
        pace.step()
    assert pace.seconds_for(2) == pytest.approx(2 * STEPS * 0.2)

    pace = Pace(STEPS, clock)
    for judged in (1.0, 2.0, 3.0):
        epoch(pace, clock, judged=judged)
    assert pace.seconds_for(1) == pytest.approx(3.0)


def test_one_slow_epoch_does_not_turn_everything_over(pace, clock):
    for judged in (1.0, 1.0, 1.0, 6.0):
        epoch(pace, clock, judged=judged)

    assert pace.seconds_for(1) == pytest.approx(2 + 5 / 4)
    assert pace.steps_per_s == pytest.approx(10)


def test_an_epoch_of_one_step_tells_its_length(clock):
    pace = Pace(1, clock)
    pace.begin_epoch()
    clock.now += 5
    pace.step()
    pace.end_epoch()

    assert pace.steps_per_s is None and pace.seconds_for(2) == 10
