from fractions import Fraction

import av
import numpy as np
import pytest

from pipeline.vision.video import process_video
from tests.vision.clips import numbered, read_clip, write_clip
from tests.vision.video.conftest import MILLISECOND, UNEVEN, ignore, left_in, same


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        pytest.param("a.mp4", {}, id="even"),
        pytest.param("a.mp4", {"ticks": UNEVEN}, id="variable rate"),
        pytest.param(
            "a.webm",
            {"ticks": [0, 33, 67, 900, 901, 950, 1000, 3000], "time_base": MILLISECOND}
            | {"codec": "libvpx", "options": {"live": "1"}},
            id="a browser's recording, which says no length",
        ),
        pytest.param(
            "a.avi", {"ticks": range(8), "time_base": Fraction(1, 12), "codec": "mpeg4"}, id="avi"
        ),
        pytest.param("a.mp4", {"sound": True}, id="sound"),
    ],
)
def test_frames_keep_their_order_and_times(name, settings, tmp_path, out):
    source = write_clip(tmp_path / name, numbered(8), **settings)
    seen, shares = [], []

    def annotate(frame_bgr: np.ndarray, seconds: float) -> np.ndarray:
        seen.append(seconds)
        return frame_bgr

    done = process_video(source, out, annotate, shares.append)

    pictures, times = read_clip(out)
    assert times == read_clip(source)[1] == pytest.approx(seen)
    assert [round(float(p[-8:, -8:].mean()), -1) for p in pictures] == [*range(20, 100, 10)]
    assert (done.frames, done.damaged) == (8, False)
    assert done.seconds >= times[-1]
    assert shares[-1] == 1 and 0 < shares[0] < 1
    with av.open(str(out)) as container:
        (stream,) = container.streams
        assert (stream.codec.canonical_name, stream.pix_fmt) == ("h264", "yuv420p")
        if name != "a.avi":
            assert stream.duration * stream.time_base == pytest.approx(done.seconds, abs=0.05)
    assert out.read_bytes().index(b"moov") < out.read_bytes().index(b"mdat")
    assert left_in(tmp_path) == {name, "out.mp4"}


def test_times_count_from_the_start_of_the_file(tmp_path, out):
    source = write_clip(tmp_path / "in.ts", numbered(8), ticks=range(900000, 930000, 3000))
    process_video(source, out, same, ignore)

    times = read_clip(source)[1]
    assert times[0] > 9
    assert read_clip(out)[1] == pytest.approx([seconds - times[0] for seconds in times])


def test_time_goes_on_where_a_recording_begins_anew(tmp_path, out):
    source = write_clip(tmp_path / "in.ts", numbered(8))
    source.write_bytes(2 * source.read_bytes())
    process_video(source, out, same, ignore)

    assert read_clip(out)[1] == pytest.approx([i / 30 for i in range(16)], abs=1e-4)


def test_what_the_callback_draws_is_in_the_video(clip, out):
    def annotate(frame_bgr: np.ndarray, seconds: float) -> np.ndarray:
        assert frame_bgr.shape == (48, 64, 3) and frame_bgr.dtype == np.uint8
        frame_bgr[32:, 32:] = 250 if seconds > 0.15 else 0
        return frame_bgr

    process_video(clip, out, annotate, ignore)

    drawn = [float(picture[36:, 36:].mean()) for picture in read_clip(out)[0]]
    assert max(drawn[:5]) < 15 and min(drawn[5:]) > 235


@pytest.mark.parametrize(
    ("rotation", "shape", "corner"),
    [(90, (64, 48, 3), (-1, 0)), (-90, (64, 48, 3), (0, -1)), (180, (48, 64, 3), (-1, -1))],
)
def test_a_phones_video_is_turned_upright(rotation, shape, corner, tmp_path, out):
    source = write_clip(tmp_path / "in.mp4", numbered(3), rotation=rotation)
    shapes = set()

    def annotate(frame_bgr: np.ndarray, seconds: float) -> np.ndarray:
        shapes.add(frame_bgr.shape)
        return frame_bgr

    process_video(source, out, annotate, ignore)

    picture = read_clip(out)[0][0]
    assert shapes == {shape} == {picture.shape}
    blue, green, red = picture[corner]
    assert red > 150 and blue < 90 and green < 90
    with av.open(str(out)) as container:
        assert next(container.decode(video=0)).rotation == 0


def test_an_odd_size_is_made_even_and_nothing_is_lost(tmp_path, out):
    picture = np.full((47, 63, 3), 60, np.uint8)
    picture[-3:] = picture[:, -3:] = 240
    source = write_clip(
        tmp_path / "in.mkv", [picture], ticks=[0], time_base=MILLISECOND, codec="ffv1"
    )
    process_video(source, out, same, ignore)

    (drawn,), _ = read_clip(out)
    assert drawn.shape == (48, 64, 3)
    assert drawn[-4:].min() > 200 and drawn[:, -4:].min() > 200 and drawn[:40, :56].max() < 100


def test_pixels_that_are_not_square_are_made_so(tmp_path, out):
    source = write_clip(tmp_path / "in.mp4", numbered(3), pixel=Fraction(3, 2))
    process_video(source, out, same, ignore)

    assert read_clip(out)[0][0].shape == (48, 96, 3)


def test_colours_stay(tmp_path, out):
    picture = np.zeros((48, 96, 3), np.uint8)
    picture[:, :32], picture[:, 32:64], picture[:, 64:] = (40, 40, 220), (40, 200, 60), (210, 60, 9)
    source = write_clip(tmp_path / "in.mp4", [picture] * 3)
    process_video(source, out, same, ignore)

    assert np.abs(read_clip(out)[0][1][24, 16::32].astype(int) - picture[24, 16::32]).max() < 12
