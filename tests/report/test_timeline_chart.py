import numpy as np
import pytest

from pipeline.labels import COLORS, EMOTIONS
from pipeline.report.charts.timeline import timeline
from pipeline.vision.boxes import Box
from pipeline.vision.face_prediction import FacePrediction


def track(track_id: int, times) -> list[FacePrediction]:
    """Predictions for a face, each with probabilities of its own."""
    rng = np.random.default_rng(track_id)
    probabilities = rng.dirichlet(np.ones(7), len(times)).astype(np.float32)
    return [
        FacePrediction(track_id, Box(0, 0, 90, 90), "happy", each, each, track_id, time)
        for time, each in zip(times, probabilities, strict=True)
    ]


def rows(figure) -> list[list]:
    """Return the lines of each row, from the top."""
    axes = dict.fromkeys(line.yaxis for line in figure.data)
    return [[line for line in figure.data if line.yaxis == axis] for axis in axes]


def test_a_face_shows_each_emotion_in_its_color():
    seen = track(3, [10.0, 10.5, 12.0])
    figure = timeline(seen, 8.0, 68.0)
    assert [line.name for line in figure.data] == list(EMOTIONS)
    for i, (line, emotion) in enumerate(zip(figure.data, EMOTIONS, strict=True)):
        assert (line.line.color, line.mode) == (COLORS[emotion], "lines")
        assert list(line.x) == [2.0, 2.5, 4.0]
        assert list(line.y) == pytest.approx([each.confidences[i] for each in seen])


def test_the_axes_start_at_0_and_end_with_the_span_and_with_1():
    for faces, begin_s, end_s, x_range in (
        (track(3, [70.0]), 60.0, 120.0, (0, 60)),
        (track(1, [5.0]), 5.0, 5.0, (0, 1)),
        ([], 5.0, 65.0, (0, 60)),
    ):
        figure = timeline(faces, begin_s, end_s)
        assert (figure.layout.xaxis.range, figure.layout.yaxis.range) == (x_range, (0, 1))
        assert figure.layout.xaxis.title.text == "seconds"
        assert len(figure.data) == (7 if faces else 0)


def test_each_face_has_a_row_and_the_legend_names_each_emotion_once():
    mixed = track(9, [1.0, 3.0]) + track(2, [2.0]) + track(11, [2.5])
    figure = timeline(sorted(mixed, key=lambda face: face.time_s), 0.0, 10.0)
    assert [[len(line.x) for line in row] for row in rows(figure)] == [[1] * 7, [2] * 7, [1] * 7]
    axes = [figure.layout[name] for name in ("yaxis", "yaxis2", "yaxis3")]
    assert [axis.title.text for axis in axes] == ["face 2", "face 9", "face 11"]
    assert {tuple(axis.range) for axis in axes} == {(0, 1)}
    domains = [axis.domain for axis in axes]
    assert domains == sorted(domains, reverse=True)
    assert [line.name for line in figure.data if line.showlegend] == list(EMOTIONS)
    assert len({line.legendgroup for line in figure.data}) == 7
    bottom = [figure.layout[name].title.text for name in ("xaxis", "xaxis2", "xaxis3")]
    assert bottom == ["", "", "seconds"]


def test_more_faces_make_a_higher_chart():
    one = timeline(track(1, [1.0]), 0.0, 10.0)
    two = timeline(track(1, [1.0]) + track(2, [1.0]), 0.0, 10.0)
    assert two.layout.height > one.layout.height


def test_of_many_points_of_a_face_about_240_are_drawn_from_first_to_last():
    for count in (1, 239, 240, 241, 1200, 100_000):
        figure = timeline(track(1, np.linspace(0.0, 60.0, count).tolist()), 0.0, 60.0)
        (times,) = {tuple(line.x) for line in figure.data}
        assert min(count, 120) <= len(times) <= 240, count
        assert times[0] == 0.0
        assert count == 1 or times[-1] > 59.0, count
    figure = timeline(track(1, np.linspace(0, 60, 1000).tolist()) + track(2, [1, 2]), 0, 60)
    assert [len(row[0].x) for row in rows(figure)] == [200, 2]
