from dataclasses import replace

import av
import numpy as np
import pytest

from pipeline.vision.faces import Box
from tests.vision.conftest import FAST, feed_until, plain, until
from tests.vision.live.conftest import HIDDEN, shows_a_face, stall

ALL_SHOWN = replace(FAST, mirror=True, bars=True, activation_map=True)
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
