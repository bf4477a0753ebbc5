from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from pipeline.vision.detectors import DETECTORS
from pipeline.vision.live.settings import LiveSettings, scale_smallest_face
from pipeline.vision.live.snapshot import Percentiles, RateMeter, Snapshot, StageTimer


def ticked(*times: float) -> RateMeter:
    rate = RateMeter()
    for time in times:
        rate.tick(time)
    return rate


def test_a_steady_rate_is_measured_exactly_from_the_second_event_on():
    for per_s in (0.9, 5.0, 30.0, 240.0):
        rate = ticked(*(100 + i / per_s for i in range(1, 1000)))
        assert rate.per_s(100 + 999 / per_s) == pytest.approx(per_s, rel=1e-6)
    assert ticked().per_s(1.0) == ticked(1.0).per_s(1.0) == 0.0
    assert ticked(1.0, 1.1).per_s(1.1) == pytest.approx(10.0)
    halves = RateMeter()
    for time in np.arange(0, 2, 0.1):
        halves.tick(time, 0.5)
    assert halves.per_s(1.9) == pytest.approx(5.0), "two faces that take turns"
    assert np.isfinite(ticked(5.0, 5.0, 5.0).per_s(5.0)), "events at one moment"


def test_only_the_last_two_seconds_count():
    slow, fast = np.arange(0, 10, 1.0), np.arange(10, 13, 0.1)
    assert ticked(*slow, *fast).per_s(12.9) == pytest.approx(10.0)


def test_a_rate_falls_to_0_when_no_more_events_come():
    rate = ticked(*np.arange(0, 3, 0.1))
    rates = [rate.per_s(2.9 + wait) for wait in (0.0, 0.5, 1.2, 1.6, 1.9, 2.2)]
    assert rates[0] == pytest.approx(10.0)
    assert rates == sorted(rates, reverse=True)
    assert rates[3] < 5
    assert rates[-1] == 0.0


def test_percentiles_are_in_milliseconds_of_the_last_150_durations_of_each_stage():
    timer = StageTimer()
    assert timer.percentiles() == {}
    for seconds in [9.0] * 500 + [0.01] * 150:
        timer.add("recognize", seconds)
    for i in range(1, 102):
        timer.add("detect", i / 1000)
        timer.add("draw", 0.002)
    expected = {"recognize": (10.0, 10.0), "detect": (51.0, 96.0), "draw": (2.0, 2.0)}
    percentiles = timer.percentiles()
    assert set(percentiles) == set(expected)
    for stage, (p50, p95) in expected.items():
        assert percentiles[stage] == pytest.approx(Percentiles(p50, p95)), stage


def test_the_smallest_face_scales_with_the_shorter_side_of_the_video():
    for height, width, side in (
        (480, 640, 60),
        (960, 1280, 120),
        (960, 540, 67),
        (240, 320, 30),
        (60, 80, 24),  # never below what the cascade finds
        (1, 1, 24),
        (40, 4000, 24),
    ):
        assert scale_smallest_face(60, height, width) == side, (height, width)


def test_the_default_settings_have_a_detector_and_show_the_video_as_filmed():
    settings = LiveSettings()
    assert settings.detector in DETECTORS
    assert not (settings.mirror or settings.hide_faces or settings.activation_map or settings.bars)
    for shared in (settings, Snapshot()):
        with pytest.raises(FrozenInstanceError):
            shared.problem = "none"
