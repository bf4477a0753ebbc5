"""The recording of a live video: frames, times and limits."""

import numpy as np
import pytest

from pipeline.vision.live import processor as processor_module
from pipeline.vision.live import recording
from pipeline.vision.live import timeline as timeline_module
from pipeline.vision.live.recording import VideoRecording
from tests.vision.clips import read_clip
from tests.vision.conftest import feed_until, plain, until


def record(frames, times) -> VideoRecording:
    video = VideoRecording()
    for frame, time in zip(frames, times, strict=True):
        video.add(frame, time)
    return video


def shade(value: int, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def read(video: VideoRecording, tmp_path) -> tuple[list[np.ndarray], list[float]]:
    path = tmp_path / "recorded.mp4"
    path.write_bytes(video.content())
    return read_clip(path)


def test_frames_come_back_in_order_and_at_their_times(tmp_path):
    times = [100.0, 100.03, 100.1, 100.5, 101.2]
    video = record([shade(40 * i) for i in range(1, 6)], times)
    frames, read_times = read(video, tmp_path)
    assert read_times == pytest.approx([time - 100 for time in times], abs=0.002)
    assert [round(float(frame.mean()), -1) for frame in frames] == [40, 80, 120, 160, 200]
    assert video.seconds == pytest.approx(1.233, abs=0.002)
    assert not video.running and video.problem is None


def test_frames_of_another_size_or_shape_are_fitted_into_the_first(tmp_path):
    frames = [shade(200), shade(200, 24, 32), shade(200, 64, 48)]
    images, _ = read(record(frames, [0.0, 0.1, 0.2]), tmp_path)
    assert {image.shape for image in images} == {(48, 64, 3)}
    assert images[1].min() > 180, "scaled"
    assert images[2][:, 20:44].min() > 180 and images[2][:, :10].max() < 20, "with borders"


def test_a_recording_ends_at_its_time_or_size_and_takes_no_more_frames(monkeypatch, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 240, 320, 3), np.uint8)
    for limit, value in (("MAX_VIDEO_S", 1), ("MAX_VIDEO_BYTES", 100_000)):
        monkeypatch.setattr(recording, limit, value)
        video = VideoRecording()
        for i, frame in enumerate(noise):
            video.add(frame, i / 10)
            until(lambda video=video: not video._frames.qsize() or not video.running)
        assert until(lambda video=video: not video.running), limit
        seconds = video.seconds
        video.add(noise[0], 99.0)
        assert video.seconds == seconds < 3.9, limit
        assert len(video.content()) < 1_000_000
        monkeypatch.undo()


def test_without_a_frame_there_is_no_file():
    assert VideoRecording().content() == b""


def test_a_broken_encoder_is_a_problem_and_adding_goes_on(monkeypatch):
    def fail(*_):
        raise OSError("no encoder")

    monkeypatch.setattr("pipeline.vision.video.encode.VideoWriter.write", fail)
    video = record([shade(1)] * 3, [0.0, 0.1, 0.2])
    assert until(lambda: not video.running)
    assert "no encoder" in video.problem
    video.add(shade(1), 0.3)


def test_the_processor_records_what_it_draws_until_the_video_stops(processor, tmp_path):
    processor.record(with_video=True)
    assert feed_until(processor, lambda snapshot: snapshot.faces and processor.video.seconds > 0.2)
    processor.process(plain())
    processor.stop()
    video = processor.video
    assert until(lambda: not video.running)
    frames, _ = read(video, tmp_path)
    assert frames[0].shape == (480, 640, 3) and frames[-1].std() > 1, "a face is drawn"
    processor.discard_recording()
    assert processor.video is None


@pytest.mark.slow
def test_predictions_and_video_end_together_when_frames_pause_and_at_the_limit_of_rows(
    processor, monkeypatch
):
    monkeypatch.setattr(processor_module, "_IDLE_S", 1.0)
    processor.record(with_video=True)
    assert feed_until(processor, lambda _: processor.video.seconds)
    assert until(lambda: not processor.video.running), "no frame comes any more"
    assert processor.recording_cut and not processor.timeline.recording

    monkeypatch.setattr(processor_module, "_IDLE_S", 60.0)
    monkeypatch.setattr(timeline_module, "MAX_ROWS", 3)
    processor.record(with_video=True)
    assert feed_until(processor, lambda _: not processor.timeline.recording)
    assert until(lambda: not processor.video.running)
    assert processor.timeline.rows == 3 and not processor.recording_cut
