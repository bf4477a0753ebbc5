import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from pipeline.labels import EMOTIONS
from pipeline.vision.confidence import UNCERTAIN
from pipeline.vision.live import timeline
from pipeline.vision.live.timeline import WINDOW_S, Timeline, to_csv
from tests.vision.conftest import face_prediction, probabilities, run_threads

ONE, TWO = face_prediction(1), face_prediction(2)


def add(predictions: Timeline, now: float, *faces) -> None:
    predictions.add([replace(face, time_s=now) for face in faces], now)


def times(faces) -> list[float]:
    return [face.time_s for face in faces]


def test_a_prediction_is_stored_without_the_image_of_the_face():
    predictions = Timeline()
    face = face_prediction(4, label=UNCERTAIN, activation_map=np.ones((6, 6), np.float32))
    predictions.start_recording()
    add(predictions, 7.0, face)
    for (stored,) in (predictions.recent(), predictions.recorded()):
        assert (stored.time_s, stored.track_id, stored.label) == (7.0, 4, UNCERTAIN)
        assert stored.probabilities is face.probabilities
        assert stored.face_gray is None and stored.activation_map is None


def test_recent_holds_the_last_minute_also_when_there_are_no_more_faces():
    predictions = Timeline()
    for now in (100.0, 100.0 + WINDOW_S, 130.0 + WINDOW_S):
        add(predictions, now, ONE, TWO)
    assert times(predictions.recent()) == [100.0 + WINDOW_S] * 2 + [130.0 + WINDOW_S] * 2
    add(predictions, 131.0 + 2 * WINDOW_S)
    assert predictions.recent() == []


def test_a_recording_holds_what_came_from_start_to_stop_however_long():
    predictions = Timeline()
    add(predictions, 1.0, ONE)
    predictions.start_recording()
    assert predictions.recording
    add(predictions, 2.0, ONE, TWO)
    add(predictions, 3.0 + 2 * WINDOW_S, ONE)
    predictions.stop_recording()
    assert not predictions.recording
    add(predictions, 4.0 + 2 * WINDOW_S, ONE)
    assert times(predictions.recorded()) == [2.0, 2.0, 3.0 + 2 * WINDOW_S]
    assert predictions.rows == 3
    assert times(predictions.recent()) == [3.0 + 2 * WINDOW_S, 4.0 + 2 * WINDOW_S]


def test_faces_without_a_number_are_left_out():
    predictions = Timeline()
    predictions.start_recording()
    add(predictions, 1.0, ONE, replace(TWO, number=0))
    assert [face.number for face in predictions.recent()] == [ONE.number]
    assert predictions.rows == 1


def test_a_new_recording_starts_empty_and_a_discarded_one_does_not_go_on():
    predictions = Timeline()
    for now in (1.0, 2.0):
        predictions.start_recording()
        add(predictions, now, ONE)
    assert times(predictions.recorded()) == [2.0]
    predictions.discard_recording()
    add(predictions, 3.0, ONE)
    assert (predictions.rows, predictions.recorded(), predictions.recording) == (0, [], False)
    assert len(predictions.recent()) == 3


def test_a_recording_stays_when_recent_is_cleared():
    predictions = Timeline()
    predictions.start_recording()
    add(predictions, 1.0, ONE)
    predictions.clear_recent()
    assert predictions.recent() == []
    add(predictions, 2.0, ONE)
    assert times(predictions.recorded()) == [1.0, 2.0]


def test_a_recording_ends_by_itself_at_the_limit(monkeypatch):
    monkeypatch.setattr(timeline, "MAX_ROWS", 5)
    predictions = Timeline()
    predictions.start_recording()
    for now in range(10):
        add(predictions, float(now), ONE, TWO)
        assert predictions.recording == (now < 2)
    assert times(predictions.recorded()) == [0.0, 0.0, 1.0, 1.0, 2.0, 2.0]
    predictions.start_recording()
    assert predictions.recording


def test_returned_lists_are_copies():
    predictions = Timeline()
    predictions.start_recording()
    add(predictions, 1.0, ONE)
    recent, recorded = predictions.recent(), predictions.recorded()
    add(predictions, 2.0, ONE)
    assert times(recent) == times(recorded) == [1.0]
    recent.clear()
    recorded.clear()
    assert (len(predictions.recent()), predictions.rows) == (2, 2)


def test_the_csv_has_a_row_for_each_prediction_and_its_times_start_at_0():
    assert to_csv([]) == "time_s,track,emotion,confidence," + ",".join(EMOTIONS) + "\r\n"
    sad = probabilities(sad=0.31)
    uncertain = face_prediction(12, label=UNCERTAIN, probabilities=sad, confidence=0.3)
    faces = [replace(ONE, time_s=5000.25), replace(uncertain, time_s=5001.5)]
    header, first, second = csv.reader(io.StringIO(to_csv(faces)))
    assert header == ["time_s", "track", "emotion", "confidence", *EMOTIONS]
    assert first[:4] == ["0.000", "1", "happy", "0.76000"]
    assert first[4 + EMOTIONS.index("happy")] == "0.76000"
    assert second[:4] == ["1.250", "12", "uncertain", "0.30000"]
    assert np.array(second[4:], float) == pytest.approx(sad, abs=1e-5)


@pytest.mark.slow
def test_many_threads_lose_nothing():
    predictions = Timeline()
    predictions.start_recording()

    def write(track_id: int) -> None:
        for i in range(200):
            add(predictions, 10.0 + i / 1000, face_prediction(track_id))

    def read() -> None:
        for _ in range(200):
            assert len(to_csv(predictions.recorded()).splitlines()) <= 801
            predictions.recent()

    run_threads(*(lambda i=i: write(i) for i in (1, 2, 3, 4)), read, read)
    recorded = sorted(face.track_id for face in predictions.recorded())
    assert recorded == sorted([1, 2, 3, 4] * 200)
    assert len(predictions.recent()) == 800
