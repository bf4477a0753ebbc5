import csv
import io
import threading

import numpy as np
import pytest

from pipeline.labels import EMOTIONS
from pipeline.vision import timeline
from pipeline.vision.timeline import SPAN_S, Timeline, to_csv
from tests.vision.conftest import shares, shown_face

ONE, TWO = shown_face(1), shown_face(2)


def times(sightings) -> list[float]:
    return [seen.time_s for seen in sightings]


def test_what_a_face_showed_is_kept_as_it_was():
    kept = Timeline()
    kept.add([shown_face(4, emotion=None, probabilities=shares(sad=0.3), confidence=0.28)], 7.0)
    (seen,) = kept.recent()
    assert seen[:4] == (7.0, 4, "uncertain", 0.28)
    np.testing.assert_array_equal(seen.probabilities, shares(sad=0.3))


def test_only_the_last_minute_is_kept():
    kept = Timeline()
    for now in (100.0, 100.0 + SPAN_S, 130.0 + SPAN_S):
        kept.add([ONE, TWO], now)
    assert times(kept.recent()) == [100.0 + SPAN_S] * 2 + [130.0 + SPAN_S] * 2


def test_the_last_minute_goes_on_without_faces():
    kept = Timeline()
    kept.add([ONE], 100.0)
    kept.add([], 101.0 + SPAN_S)
    assert kept.recent() == []


def test_a_recording_holds_what_was_seen_from_start_to_stop():
    kept = Timeline()
    kept.add([ONE], 1.0)
    kept.start_recording()
    assert kept.recording
    kept.add([ONE, TWO], 2.0)
    kept.add([ONE], 3.0)
    kept.stop_recording()
    assert not kept.recording
    kept.add([ONE], 4.0)
    assert times(kept.recorded()) == [2.0, 2.0, 3.0]
    assert kept.rows == 3
    assert times(kept.recent()) == [1.0, 2.0, 2.0, 3.0, 4.0]


def test_a_recording_is_not_cut_to_the_last_minute():
    kept = Timeline()
    kept.start_recording()
    for now in np.arange(0.0, 3 * SPAN_S, 10.0):
        kept.add([ONE], now)
    assert kept.rows == 18
    assert times(kept.recorded())[0] == 0.0


def test_a_new_recording_starts_empty():
    kept = Timeline()
    for now in (1.0, 2.0):
        kept.start_recording()
        kept.add([ONE], now)
    assert times(kept.recorded()) == [2.0]


def test_a_discarded_recording_is_gone_and_does_not_go_on():
    kept = Timeline()
    kept.start_recording()
    kept.add([ONE], 1.0)
    kept.discard_recording()
    kept.add([ONE], 2.0)
    assert (kept.rows, kept.recorded(), kept.recording) == (0, [], False)
    assert len(kept.recent()) == 2


def test_a_recording_survives_when_the_last_minute_is_forgotten():
    kept = Timeline()
    kept.start_recording()
    kept.add([ONE], 1.0)
    kept.forget()
    assert kept.recent() == []
    kept.add([ONE], 2.0)
    assert times(kept.recorded()) == [1.0, 2.0]


def test_a_recording_ends_by_itself_when_it_is_full(monkeypatch):
    monkeypatch.setattr(timeline, "MOST_ROWS", 5)
    kept = Timeline()
    kept.start_recording()
    for now in range(10):
        kept.add([ONE, TWO], float(now))
        assert kept.recording == (now < 2)
    assert times(kept.recorded()) == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]
    kept.start_recording()
    assert kept.recording


def test_what_is_handed_out_does_not_change_and_cannot_change_what_is_kept():
    kept = Timeline()
    kept.start_recording()
    kept.add([ONE], 1.0)
    recent, recorded = kept.recent(), kept.recorded()
    kept.add([ONE], 2.0)
    assert times(recent) == times(recorded) == [1.0]
    recent.clear()
    recorded.clear()
    assert (len(kept.recent()), kept.rows) == (2, 2)


def test_the_csv_has_a_row_for_each_sighting_and_its_times_start_at_0():
    kept = Timeline()
    kept.start_recording()
    kept.add([ONE], 5000.25)
    sad = shares(sad=0.31)
    kept.add([shown_face(12, emotion=None, probabilities=sad, confidence=0.3)], 5001.5)
    rows = list(csv.reader(io.StringIO(to_csv(kept.recorded()))))
    assert rows[0] == ["time_s", "track", "emotion", "confidence", *EMOTIONS]
    assert rows[1][:4] == ["0.000", "1", "happy", "0.76000"]
    assert rows[2][:4] == ["1.250", "12", "uncertain", "0.30000"]
    assert np.array(rows[2][4:], float) == pytest.approx(sad, abs=1e-5)
    assert rows[1][4 + EMOTIONS.index("happy")] == "0.76000"
    assert len(rows) == 3


def test_the_csv_of_nothing_is_its_header():
    assert to_csv([]) == "time_s,track,emotion,confidence," + ",".join(EMOTIONS) + "\n"


def test_many_threads_lose_nothing():
    kept, start = Timeline(), threading.Barrier(6)
    kept.start_recording()

    def add(number: int) -> None:
        start.wait()
        for i in range(200):
            kept.add([shown_face(number)], 10.0 + i / 1000)

    def look() -> None:
        start.wait()
        for _ in range(200):
            assert len(to_csv(kept.recorded()).splitlines()) <= 801
            kept.recent()

    failures = []
    threads = [threading.Thread(target=add, args=(number,)) for number in range(1, 5)]
    threads += [threading.Thread(target=kept_going, args=(look, failures)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(seen.number for seen in kept.recorded()) == sorted([1, 2, 3, 4] * 200)
    assert len(kept.recent()) == 800


def kept_going(work, failures: list[Exception]) -> None:
    try:
        work()
    except Exception as error:
        failures.append(error)
