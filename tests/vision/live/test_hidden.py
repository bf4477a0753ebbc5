from dataclasses import replace

import av
import numpy as np
import pytest

from pipeline.vision import live
from tests.vision.conftest import FAST, feed_until, plain, textured, until
from tests.vision.live.conftest import HIDDEN, LEFT, RIGHT, shows_a_face, stall


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
