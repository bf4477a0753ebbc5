import threading
from dataclasses import replace

import numpy as np
import pytest

from pipeline.vision.live import LiveProcessor
from pipeline.vision.snapshot import Snapshot
from tests.vision.conftest import (
    FAST,
    Saying,
    feed_until,
    make_detector,
    plain,
    shares,
    until,
    workers,
)
from tests.vision.live.conftest import (
    LEFT,
    RIGHT,
    goes_on_as_second_face,
    second_face_alone,
    shows_a_face,
)


def test_another_smallest_face_is_looked_for_by_the_same_worker(processor, detector):
    second_face_alone(processor, detector)
    working = workers()
    detector.boxes = [RIGHT._replace(width=0)]
    assert goes_on_as_second_face(processor, lambda face: face.box.width == 60)
    processor.configure(replace(FAST, smallest_face=120))
    assert goes_on_as_second_face(processor, lambda face: face.box.width == 120)
    assert workers() == working


def test_another_detector_looks_in_the_same_worker(saying, detector):
    other = make_detector(RIGHT._replace(y=230))
    processor = LiveProcessor(saying, FAST, detectors={"haar": detector, "other": other})
    try:
        second_face_alone(processor, detector)
        working = workers()
        processor.configure(replace(FAST, detector="other"))
        assert goes_on_as_second_face(processor, lambda face: face.box.y == 230)
        looks = len(detector.began)
        processor.configure(replace(FAST, detector="other", bars=True))
        assert goes_on_as_second_face(processor, lambda _: len(other.began) > 5)
        assert len(detector.began) == looks
        assert len(other.made) == 1
        assert workers() == working
    finally:
        processor.stop()
        assert until(lambda: not workers())


def test_an_unknown_detector_is_told_of_and_the_video_goes_on(processor):
    processor.configure(replace(FAST, detector="none such"))
    assert feed_until(processor, lambda snapshot: "none such" in (snapshot.problem or ""))
    processor.configure(FAST)
    assert feed_until(processor, shows_a_face)


def test_smoothing_reaches_the_running_worker(processor, saying, detector):
    processor.configure(replace(FAST, smoothing_s=1e6))
    second_face_alone(processor, detector)
    saying.says = shares(sad=0.9)
    looks = len(detector.ended)
    assert goes_on_as_second_face(processor, lambda _: len(detector.ended) > looks + 3)
    assert processor.snapshot().faces[0].label == "happy"
    processor.configure(FAST)
    assert goes_on_as_second_face(processor, lambda face: face.label == "sad")
    np.testing.assert_array_equal(processor.snapshot().faces[0].probabilities, shares(sad=0.9))


def test_maps_come_and_go_as_chosen(processor, detector):
    second_face_alone(processor, detector)
    assert processor.snapshot().faces[0].activation is None
    without = processor.process(plain())
    processor.configure(replace(FAST, activation_map=True))
    assert goes_on_as_second_face(processor, lambda face: face.activation is not None)
    middle = (slice(230, 280), slice(420, 480))
    assert (processor.process(plain())[middle] != without[middle]).any()
    processor.configure(FAST)
    assert goes_on_as_second_face(processor, lambda face: face.activation is None)


def test_another_model_keeps_the_numbers_and_forgets_the_old_ones_probabilities(
    processor, detector
):
    processor.configure(replace(FAST, smoothing_s=1e6))
    second_face_alone(processor, detector)
    working, other = workers(), Saying(sad=0.7)
    processor.use(other)
    assert goes_on_as_second_face(processor, lambda face: face.label == "sad")
    np.testing.assert_array_equal(processor.snapshot().faces[0].probabilities, other.says)
    assert workers() == working


def test_the_same_model_again_forgets_nothing(processor, saying, detector):
    class Shared(Saying):
        def same_model(self, other):
            return True

    processor.configure(replace(FAST, smoothing_s=1e6))
    second_face_alone(processor, detector)
    processor.use(Shared(sad=0.7))
    looks = len(detector.ended)
    assert goes_on_as_second_face(processor, lambda _: len(detector.ended) > looks + 3)
    assert processor.snapshot().faces[0].label == "happy"


def test_choices_made_at_once_from_two_threads_are_both_kept(processor):
    models = [Saying(sad=0.5 + i / 1000) for i in range(300)]
    settings = [replace(FAST, smallest_face=60 + i) for i in range(300)]
    start = threading.Barrier(2)

    def choose(change, choices) -> None:
        start.wait()
        for choice in choices:
            change(choice)

    threads = [
        threading.Thread(target=choose, args=choices)
        for choices in ((processor.use, models), (processor.configure, settings))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert feed_until(processor, shows_a_face)
    (face,) = processor.snapshot().faces
    assert face.box.width == 359
    np.testing.assert_array_equal(face.probabilities, models[-1].says)


@pytest.mark.parametrize(("size", "smallest"), [((480, 640), 60), ((960, 540), 67), ((60, 80), 24)])
def test_the_smallest_face_goes_by_the_size_of_the_video(processor, size, smallest):
    def smallest_is_shown(snapshot: Snapshot) -> bool:
        return [face.box.width for face in snapshot.faces] == [smallest]

    assert feed_until(processor, smallest_is_shown, lambda: plain(*size))


def test_a_video_that_changes_its_size_goes_on(processor):
    assert feed_until(processor, shows_a_face)
    half = lambda snapshot: [face.box.width for face in snapshot.faces] == [30]  # noqa: E731
    assert feed_until(processor, half, lambda: plain(240, 320))


def test_a_mirrored_video_leaves_what_models_see_and_what_is_told_as_it_was_filmed(
    processor, detector
):
    detector.boxes = [LEFT]
    processor.configure(replace(FAST, mirror=True))
    frame = np.tile(np.arange(640, dtype=np.uint8)[:, np.newaxis], (480, 1, 3))
    assert feed_until(processor, shows_a_face, frame.copy)
    (face,) = processor.snapshot().faces
    assert face.box == LEFT
    np.testing.assert_array_equal(detector.began[-1], frame[..., 0])
    assert (np.diff(face.picture[0].astype(int)) > 0).all(), "brighter to the right, as filmed"
    shown = processor.process(frame.copy())
    np.testing.assert_array_equal(shown[300:], frame[300:, ::-1])
