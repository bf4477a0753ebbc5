import itertools
import threading
from dataclasses import replace
from time import monotonic

import av
import numpy as np
import pytest

from pipeline.labels import EMOTIONS
from pipeline.vision import live
from pipeline.vision.faces import Box
from pipeline.vision.live import LiveProcessor
from pipeline.vision.places import Places
from pipeline.vision.snapshot import Snapshot
from pipeline.vision.timeline import to_csv
from tests.vision.conftest import (
    FAST,
    Saying,
    feed_until,
    make_detector,
    plain,
    shares,
    textured,
    until,
    workers,
)

LEFT, RIGHT = Box(100, 100, 100, 100), Box(400, 200, 100, 100)
ALL_SHOWN = replace(FAST, mirror=True, bars=True, activation_map=True)
PATIENCE_S = 60.0
HIDDEN = replace(FAST, hide_faces=True, bars=True, activation_map=True)


def shows_a_face(snapshot: Snapshot) -> bool:
    return bool(snapshot.faces)


def second_face_alone(processor: LiveProcessor, detector) -> None:
    """Make the processor show one face, of which the number, 2, tells if it was begun anew."""
    detector.boxes = [LEFT, RIGHT]
    assert feed_until(processor, lambda snapshot: len(snapshot.faces) == 2)
    detector.boxes = [RIGHT]
    assert feed_until(processor, lambda snapshot: [face.number for face in snapshot.faces] == [2])


def stall(processor: LiveProcessor, detector) -> threading.Event:
    """Let the worker hang in its next look, until the event is set."""
    gate, hanging = detector.hang(), detector.hanging()
    assert feed_until(processor, lambda _: detector.hanging() == hanging + 1)
    return gate


@pytest.fixture
def clock(monkeypatch):
    """The processor's clock, which may be put forward for a while."""

    class Clock:
        ahead_s = 0.0

        def __call__(self) -> float:
            return monotonic() + self.ahead_s

    clock = Clock()
    monkeypatch.setattr(live, "monotonic", clock)
    return clock


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Let nothing but a clock that is put forward make a slow machine's worker one that hangs."""
    monkeypatch.setattr(live, "_HUNG_S", PATIENCE_S)


def a_minute_later(processor: LiveProcessor, clock) -> np.ndarray:
    """Process a frame when the worker has hung for longer than it may."""
    clock.ahead_s = PATIENCE_S + 1
    picture = processor.process(plain())
    clock.ahead_s = 0.0
    return picture


def goes_on_as_second_face(processor: LiveProcessor, happens) -> bool:
    def step(snapshot: Snapshot) -> bool:
        assert [face.number for face in snapshot.faces] == [2]
        return happens(snapshot.faces[0])

    return feed_until(processor, step)


# What there is to show


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


# Choices reach the running worker


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


# Hidden faces


def test_a_hidden_video_is_wholly_blurred_until_faces_are_known(processor, detector):
    detector.boxes, gate = [LEFT], detector.hang()
    processor.configure(HIDDEN)
    for _ in range(5):
        assert (processor.process(textured()) != textured()).mean() > 0.9
    detector.go_on()
    gate.set()

    def rest_is_shown() -> bool:
        shown = processor.process(textured())
        assert (shown[100:200, 100:200] != textured()[100:200, 100:200]).mean() > 0.9
        return (shown[350:] == textured()[350:]).all() and shows_a_face(processor.snapshot())

    assert until(rest_is_shown)


def test_a_hidden_video_is_wholly_blurred_when_the_last_look_is_long_ago(
    processor, detector, clock
):
    processor.configure(HIDDEN)
    assert feed_until(processor, shows_a_face, textured)
    stall(processor, detector)
    clock.ahead_s = 1.1
    assert (processor.process(textured()) != textured()).mean() > 0.9


def test_a_hidden_face_is_hidden_before_it_shows(processor, detector):
    detector.boxes = [LEFT]
    processor.configure(HIDDEN)
    processor.process(textured())
    assert until(lambda: "detect" in processor.snapshot().stages)
    assert processor.snapshot().faces == ()
    shown = processor.process(textured())
    assert (shown[100:200, 100:200] != textured()[100:200, 100:200]).mean() > 0.9


@pytest.mark.parametrize("fault", ["breaks", "fails"])
def test_a_hidden_video_is_wholly_blurred_while_recognition_fails(processor, detector, fault):
    assert feed_until(processor, shows_a_face, textured)
    setattr(detector, fault, True)
    processor.configure(replace(HIDDEN, smallest_face=70))
    assert feed_until(processor, lambda snapshot: snapshot.problem, textured)
    assert (processor.process(textured()) != textured()).mean() > 0.9


def test_a_hidden_video_that_changes_its_size_shows_no_face_in_between(processor, detector):
    detector.boxes = [RIGHT]
    processor.configure(HIDDEN)
    assert feed_until(processor, shows_a_face, textured)
    gate = detector.hang()
    shown = processor.process(textured(600, 800))
    gate.set()
    assert (shown != textured(600, 800)).mean() > 0.9


def frames_of_memory(n: int) -> None:
    """Leave pictures of a bright face in the memory that is given out next."""
    for frame in [av.VideoFrame.from_ndarray(plain() + 100, format="bgr24") for _ in range(n)]:
        del frame


@pytest.mark.parametrize("hidden", [True, False])
def test_a_frame_that_cannot_be_drawn_comes_back_or_is_black_where_faces_are_hidden(
    processor, detector, monkeypatch, hidden
):
    processor.configure(replace(FAST, hide_faces=hidden))
    monkeypatch.setattr(live, "draw_look", lambda *_: 1 / 0)
    detector.hang()
    frame = av.VideoFrame.from_ndarray(textured(), format="bgr24")
    shown = processor.recv(frame).to_ndarray(format="bgr24")
    np.testing.assert_array_equal(shown, 0 * textured() if hidden else textured())
    assert "ZeroDivisionError" in processor.snapshot().problem


class Undecodable:
    width, height = 640, 480

    def to_ndarray(self, format):
        raise ValueError("no pixels")


def test_a_frame_that_cannot_be_decoded_comes_back_as_it_is(processor):
    broken = Undecodable()
    assert processor.recv(broken) is broken
    assert "no pixels" in processor.snapshot().problem
    assert feed_until(processor, lambda snapshot: snapshot.faces and not snapshot.problem)


def test_a_frame_that_cannot_be_decoded_is_black_where_faces_are_hidden(processor):
    processor.configure(HIDDEN)
    for _ in range(5):
        frames_of_memory(3)
        shown = processor.recv(Undecodable())
        assert (shown.width, shown.height) == (640, 480)
        assert not shown.to_ndarray(format="bgr24").any(), "not even what lay in its memory"


# Frames of any kind

FORMATS = ("bgr24", "rgb24", "gray", "yuv420p", "yuvj422p", "yuv444p", "nv12", "rgba")
FRAME_SIZES = ((1, 1), (17, 31), (641, 479), (4000, 40), (40, 4000))


def video_frame(width: int, height: int, kind: str) -> av.VideoFrame:
    frame = av.VideoFrame(width, height, kind)
    for plane in frame.planes:
        plane.update(np.random.default_rng(2).bytes(plane.buffer_size))
    return frame


@pytest.mark.parametrize("size", FRAME_SIZES, ids=str)
@pytest.mark.parametrize("settings", [ALL_SHOWN, HIDDEN], ids=["shown", "hidden"])
def test_frames_of_all_sizes_and_formats_come_back_as_large(processor, detector, size, settings):
    width, height = size
    detector.boxes = [Box(-3, -3, 25, 25), Box(width - 20, height - 20, 30, 30)]
    processor.configure(settings)
    for kind in FORMATS:
        for _ in range(2):
            shown = processor.recv(video_frame(*size, kind))
            assert (shown.width, shown.height) == size
            assert shown.to_ndarray(format="bgr24").shape == (height, width, 3)

    def receive(_=None) -> bool:
        processor.recv(video_frame(*size, "yuv420p"))
        return shows_a_face(processor.snapshot())

    assert until(receive)
    shown = processor.recv(video_frame(*size, "yuv420p"))
    assert (shown.width, shown.height) == size
    assert processor.snapshot().problem is None


def test_every_format_shows_its_faces(processor):
    assert feed_until(processor, shows_a_face)
    for kind in FORMATS:
        frame = av.VideoFrame.from_ndarray(plain(), format="bgr24").reformat(format=kind)
        before = frame.to_ndarray(format="bgr24").copy()
        shown = processor.recv(frame).to_ndarray(format="bgr24")
        assert (np.abs(shown.astype(int) - before) > 40).any(axis=2).sum() > 500
        assert shown[400, 500] == pytest.approx(before[400, 500], abs=3)


@pytest.mark.parametrize("hidden", [True, False])
@pytest.mark.parametrize(
    "odd",
    [
        pytest.param(np.zeros((10, 10), np.float64), id="float64, grey"),
        pytest.param(np.zeros((10, 10, 2), np.uint8), id="two channels"),
        pytest.param(np.zeros((0, 0, 3), np.uint8), id="empty"),
        pytest.param(np.broadcast_to(np.uint8(90), (480, 640, 3)), id="not to be written on"),
    ],
)
def test_an_array_that_is_no_frame_does_not_raise(processor, detector, odd, hidden):
    assert feed_until(processor, shows_a_face)
    gate = stall(processor, detector)
    processor.configure(replace(FAST, hide_faces=hidden))
    returned = processor.process(odd)
    assert returned.shape == odd.shape
    assert (returned is odd) == (not hidden)
    assert processor.snapshot().problem
    detector.go_on()
    gate.set()
    assert feed_until(processor, lambda snapshot: snapshot.faces and not snapshot.problem)


# Faults and hanging


def test_the_video_does_not_wait_for_recognition(processor, detector):
    gate = detector.hang()
    processor.process(plain())
    assert until(detector.hanging)
    for _ in range(30):
        processor.process(plain())
        processor.snapshot()
        processor.configure(FAST)
    assert detector.hanging() == 1
    gate.set()


@pytest.mark.parametrize("fault", ["breaks", "fails"])
def test_a_fault_is_told_and_drawn_while_the_video_goes_on_and_recovers(processor, detector, fault):
    setattr(detector, fault, True)
    assert feed_until(processor, lambda snapshot: snapshot.problem)
    snapshot = processor.snapshot()
    assert "the cascade is" in snapshot.problem
    assert snapshot.faces == ()
    picture = processor.process(plain())
    assert (picture[460:] != 90).any()
    assert (picture[:380] == 90).all()
    setattr(detector, fault, False)
    assert feed_until(processor, lambda snapshot: snapshot.faces and not snapshot.problem)
    assert len(workers()) == 1


def test_a_hung_worker_is_replaced_and_the_video_goes_on(processor, detector, clock):
    detector.boxes = [LEFT]
    assert feed_until(processor, shows_a_face)
    gate = stall(processor, detector)
    (old,) = workers()
    detector.boxes = [RIGHT]
    detector.go_on()
    assert (a_minute_later(processor, clock)[460:] != 90).any(), "it is said on the frame"

    def right_only(snapshot: Snapshot) -> bool:
        return [face.box for face in snapshot.faces] == [RIGHT] and not snapshot.problem

    assert feed_until(processor, right_only)
    assert old.is_alive()
    gate.set()
    assert until(lambda: not old.is_alive())
    assert right_only(processor.snapshot())
    assert len(workers()) == 1


def test_a_replaced_workers_late_result_is_not_shown(processor, detector, clock):
    detector.boxes = [LEFT]
    assert feed_until(processor, shows_a_face)
    gate = stall(processor, detector)
    (old,) = workers()
    newer = detector.hang()
    a_minute_later(processor, clock)
    assert until(lambda: detector.hanging() == 2)
    told, rows = processor.snapshot(), len(processor.timeline.recent())
    assert told.faces == ()
    assert "hung" in told.problem
    gate.set()
    assert until(lambda: not old.is_alive())
    processor.process(plain())
    assert processor.snapshot().faces == ()
    assert processor.snapshot().problem == told.problem
    assert len(processor.timeline.recent()) == rows
    newer.set()


def test_after_three_hung_workers_no_more_are_started_and_it_is_said(processor, detector, clock):
    detector.hang()
    processor.process(plain())
    for hanging in (1, 2, 3):
        assert until(lambda hanging=hanging: detector.hanging() == hanging)
        assert "again and again" not in (processor.snapshot().problem or "")
        a_minute_later(processor, clock)
    for _ in range(20):
        assert (processor.process(plain())[460:] != 90).any()
    assert "again and again" in processor.snapshot().problem
    assert not processor.snapshot().running
    assert len(workers()) == len(detector.began) == 3
    detector.go_on()
    detector.release()
    assert feed_until(processor, lambda snapshot: snapshot.faces and not snapshot.problem)
    assert len(detector.made) == 4


def test_starting_and_stopping_does_not_gather_hung_workers(processor, detector):
    detector.hang()
    for looks in range(1, 4):
        processor.process(plain())
        assert until(lambda looks=looks: len(detector.began) == looks)
        processor.stop()
    for _ in range(3):
        processor.process(plain())
        processor.stop()
    assert len(workers()) == 3


# Its end


def test_stop_ends_the_worker_and_forgets_and_a_frame_starts_it_again(processor):
    assert feed_until(processor, shows_a_face)
    assert processor.timeline.recent()
    processor.stop()
    assert until(lambda: not workers())
    assert processor.snapshot() == Snapshot()
    assert processor.picture() is None
    assert processor.timeline.recent() == []
    assert feed_until(processor, shows_a_face)


def test_stop_may_come_before_a_frame_and_twice(processor):
    processor.stop()
    processor.process(plain())
    processor.stop()
    processor.stop()
    assert processor.snapshot() == Snapshot()


def test_a_look_that_comes_after_stop_is_neither_shown_nor_kept(processor, detector):
    assert feed_until(processor, shows_a_face)
    processor.timeline.start_recording()
    gate = stall(processor, detector)
    rows = processor.timeline.rows
    processor.stop()
    gate.set()
    assert until(lambda: not workers())
    assert len(detector.ended) == len(detector.began)
    assert processor.snapshot() == Snapshot()
    assert processor.timeline.recent() == []
    assert processor.timeline.rows == rows


def test_a_worker_that_hangs_at_stop_does_not_disturb_the_next_one(processor, detector):
    detector.boxes, gate = [LEFT], detector.hang()
    processor.process(plain())
    assert until(detector.hanging)
    processor.stop()
    detector.boxes = [RIGHT]
    detector.go_on()
    assert feed_until(processor, shows_a_face)
    gate.set()
    assert until(lambda: len(workers()) == 1)
    assert [face.box for face in processor.snapshot().faces] == [RIGHT]
    assert len(set(detector.made_in)) == 2


def test_a_worker_ends_itself_without_frames_and_what_it_saw_is_forgotten(processor, monkeypatch):
    monkeypatch.setattr(live, "_IDLE_S", 0.2)
    assert feed_until(processor, shows_a_face)
    assert until(lambda: not workers())
    assert until(lambda: processor.snapshot() == Snapshot())
    assert processor.picture() is None
    assert processor.timeline.recent() == []
    assert feed_until(processor, shows_a_face)


def test_a_recording_goes_on_over_a_stop(processor):
    processor.timeline.start_recording()
    assert feed_until(processor, lambda _: processor.timeline.rows > 2)
    processor.stop()
    rows = processor.timeline.rows
    assert processor.timeline.recording
    assert feed_until(processor, lambda _: processor.timeline.rows > rows)
    processor.timeline.stop_recording()
    recorded = processor.timeline.recorded()
    times = [seen.time_s for seen in recorded]
    assert times == sorted(times)
    table = to_csv(recorded).splitlines()
    assert len(table) == 1 + len(recorded)
    assert table[1].startswith("0.000,1,happy,")


def test_the_timeline_holds_what_was_shown_and_when_its_frame_came(processor, saying):
    assert feed_until(processor, lambda _: len(processor.timeline.recent()) > 3)
    processor.stop()
    assert feed_until(processor, shows_a_face)
    seen = processor.timeline.recent()[0]
    assert (seen.number, seen.label) == (1, "happy")
    np.testing.assert_array_equal(seen.probabilities, saying.says)
    assert seen.probabilities.shape == (len(EMOTIONS),)


# Places


@pytest.fixture
def neighbours(saying, detector):
    """Two processors with one place, of which the first has it."""
    places = Places(1)
    pair = [LiveProcessor(saying, FAST, places, {"haar": detector}) for _ in range(2)]
    assert feed_until(pair[0], shows_a_face)
    yield places, *pair
    for processor in pair:
        processor.stop()
    assert until(lambda: not workers())
    assert not places.full


def test_a_processor_without_a_place_says_so_and_starts_when_there_is_one(neighbours):
    places, first, second = neighbours
    for _ in range(3):
        picture = second.process(plain())
    assert "All 1 places are taken" in second.snapshot().problem
    assert (picture[460:] != 90).any()
    assert not second.snapshot().running
    assert len(workers()) == 1
    assert feed_until(first, lambda snapshot: snapshot.faces and not snapshot.problem)
    first.stop()
    assert not places.full
    assert feed_until(second, lambda snapshot: snapshot.faces and not snapshot.problem)
    assert places.holds(second)


def test_a_processor_without_a_place_hides_the_whole_frame_if_faces_are_hidden(neighbours):
    *_, second = neighbours
    second.configure(HIDDEN)
    assert (second.process(textured()) != textured()).mean() > 0.9


def test_stopping_a_processor_without_a_place_frees_none(neighbours):
    places, _, second = neighbours
    second.process(plain())
    second.stop()
    assert places.full


def test_a_processor_takes_one_place_however_long_it_runs(saying, detector):
    places = Places(2)
    processor = LiveProcessor(saying, FAST, places, {"haar": detector})
    try:
        for _ in range(3):
            assert feed_until(processor, shows_a_face)
            assert places.holds(processor)
            assert not places.full
            processor.stop()
            assert not places.holds(processor)
    finally:
        processor.stop()
        assert until(lambda: not workers())


def test_the_place_is_free_when_the_worker_ends_itself(saying, detector, monkeypatch):
    monkeypatch.setattr(live, "_IDLE_S", 0.1)
    places = Places(1)
    processor = LiveProcessor(saying, FAST, places, {"haar": detector})
    processor.process(plain())
    assert places.full
    assert until(lambda: not workers())
    assert until(lambda: not places.full)


def test_a_worker_that_is_replaced_leaves_its_place_to_the_next(neighbours, detector, clock):
    places, first, second = neighbours
    gate = stall(first, detector)
    detector.go_on()
    a_minute_later(first, clock)
    second.process(plain())
    assert "places are taken" in second.snapshot().problem
    gate.set()
    assert until(lambda: len(workers()) == 1)
    assert places.holds(first)
    assert feed_until(first, lambda snapshot: snapshot.faces and not snapshot.problem)


# Many threads


def test_many_threads_may_call_it_at_once(processor):
    failures: list[Exception] = []

    def call(number: int) -> None:
        try:
            for i in range(30):
                processor.recv(av.VideoFrame.from_ndarray(plain(), format="bgr24"))
                processor.snapshot()
                processor.picture()
                processor.configure(replace(FAST, bars=bool(i % 2), smallest_face=60 + number))
                processor.timeline.recent()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert processor.snapshot().problem is None
    assert len(workers()) == 1


def test_no_thread_is_left_by_stops_among_frames(processor):
    def call() -> None:
        for _ in range(20):
            processor.process(plain())
            processor.stop()

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    processor.stop()
    assert until(lambda: not workers())
    assert processor.snapshot() == Snapshot()
