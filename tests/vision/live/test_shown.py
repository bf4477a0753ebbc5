import itertools
from dataclasses import replace

import av
import numpy as np
import pytest

from pipeline.vision import live
from pipeline.vision.faces import Box
from pipeline.vision.live import LiveProcessor
from pipeline.vision.snapshot import Snapshot
from tests.vision.conftest import FAST, feed_until, plain, shares, textured, until, workers
from tests.vision.live.conftest import HIDDEN, shows_a_face


def test_a_face_is_drawn_and_told_of(recognizer, detector):
    processor = LiveProcessor(recognizer, FAST, detectors={"haar": detector})
    try:
        assert feed_until(processor, shows_a_face)
        snapshot = processor.snapshot()
        (face,) = snapshot.faces
        expected = recognizer.predict(face.picture[np.newaxis])[0]
        np.testing.assert_allclose(face.probabilities, expected, atol=1e-5)
        assert (face.number, face.box) == (1, Box(100, 100, 60, 100))
        assert face.confidence == pytest.approx(recognizer.calibrated(expected).max(), abs=1e-4)
        assert snapshot.running
        assert snapshot.problem is None
        assert (processor.process(plain()) != 90).any()
        assert set(recognizer.batches) == {1}
    finally:
        processor.stop()
        assert until(lambda: not workers())


def test_before_a_frame_there_is_nothing_to_show(processor):
    assert processor.snapshot() == Snapshot()
    assert processor.picture() is None
    assert workers() == set()


def test_an_uncertain_face_is_told_and_drawn_so(processor, saying):
    saying.says = shares(happy=0.4, sad=0.33)
    assert feed_until(processor, shows_a_face)
    (face,) = processor.snapshot().faces
    assert (face.emotion, face.label) == (None, "uncertain")
    uncertain = processor.process(plain())
    saying.says = shares(happy=0.9)
    assert feed_until(processor, lambda snapshot: snapshot.faces[0].label == "happy")
    assert (processor.process(plain()) != uncertain).any()


def test_a_label_does_not_flicker_in_the_video(processor, saying, detector):
    assert feed_until(processor, shows_a_face)
    labels = set()
    for lead in (0.06, 0.09) * 5:
        saying.says = shares(happy=0.4, sad=0.4 - lead)
        looks = len(detector.ended)
        assert feed_until(processor, lambda _, looks=looks: len(detector.ended) > looks + 1)
        labels |= {face.label for face in processor.snapshot().faces}
    assert labels == {"happy"}


def test_stages_and_drops_are_counted(processor, detector):
    gate = detector.hang()
    processor.process(plain())
    assert until(detector.hanging)
    for _ in range(10):
        processor.recv(av.VideoFrame.from_ndarray(plain(), format="bgr24"))
    assert processor.snapshot().dropped == 9, "the first of the ten waits for none"
    assert set(processor.snapshot().stages) == {"decode", "draw"}
    detector.go_on()
    gate.set()
    assert until(lambda: "detect" in processor.snapshot().stages)
    stages = processor.snapshot().stages
    assert set(stages) == {"decode", "draw", "detect", "recognise", "frame to faces"}
    assert all(0 <= spread.p50_ms <= spread.p95_ms for spread in stages.values())
    assert stages["frame to faces"].p95_ms >= stages["detect"].p95_ms


def test_rates_in_and_out_differ_where_frames_fail(processor, detector, monkeypatch):
    clock = itertools.count(1000.0, 0.02)  # it is asked twice a frame, so 25 frames a second
    monkeypatch.setattr(live, "monotonic", lambda: next(clock))
    monkeypatch.setattr(live, "_HUNG_S", float("inf"))
    gate = detector.hang()
    for _ in range(30):
        processor.process(plain())
    rates = processor.snapshot()
    assert rates.frames_in_per_s == pytest.approx(25, rel=0.01)
    assert rates.frames_out_per_s == pytest.approx(25, rel=0.01)
    monkeypatch.setattr(live, "draw_look", lambda *_: 1 / 0)
    clock = itertools.count(2000.0, 0.1)  # once a frame that fails
    for _ in range(30):
        processor.process(plain())
    rates = processor.snapshot()
    assert rates.frames_in_per_s == pytest.approx(10, rel=0.1)
    assert rates.frames_out_per_s == 0
    monkeypatch.undo()
    gate.set()


def test_recognitions_are_counted_without_those_that_failed(processor, detector):
    detector.fails = True
    assert feed_until(processor, lambda snapshot: snapshot.problem and len(detector.ended) > 2)
    assert processor.snapshot().recognitions_per_s == 0
    detector.fails = False
    assert feed_until(processor, lambda snapshot: snapshot.recognitions_per_s > 0)


def test_the_picture_is_a_copy_of_the_newest_frame_as_it_was_drawn(processor):
    assert feed_until(processor, shows_a_face)
    processor.configure(replace(FAST, mirror=True, bars=True))
    for gray in (80, 90):
        shown = processor.process(np.full((480, 640, 3), gray, np.uint8)).copy()
    picture = processor.picture()
    np.testing.assert_array_equal(picture, shown)
    assert (picture != 90).any()
    picture[:] = 0
    np.testing.assert_array_equal(processor.picture(), shown)


def test_a_picture_of_hidden_faces_hides_them(processor, detector):
    gate = detector.hang()
    processor.configure(HIDDEN)
    processor.process(textured())
    assert (processor.picture() != textured()).mean() > 0.9
    gate.set()


def test_a_snapshot_stays_as_it_was(processor, detector):
    assert feed_until(processor, shows_a_face)
    before = processor.snapshot()
    detector.boxes = []
    assert feed_until(processor, lambda snapshot: not snapshot.faces)
    assert len(before.faces) == 1
