import numpy as np
import pytest

from dashboard.charts.timeline import timeline
from pipeline.labels import COLOURS, EMOTIONS
from pipeline.vision.timeline import Sighting


def sightings(number: int, times) -> list[Sighting]:
    """Sightings of a face, each with probabilities of its own."""
    shares = np.random.default_rng(number).dirichlet(np.ones(7), len(times)).astype(np.float32)
    return [
        Sighting(time, number, "happy", 0.5, each) for time, each in zip(times, shares, strict=True)
    ]


def rows(figure) -> list[list]:
    """Return the lines of each row, from the top."""
    axes = dict.fromkeys(line.yaxis for line in figure.data)
    return [[line for line in figure.data if line.yaxis == axis] for axis in axes]


def test_a_face_shows_each_emotion_in_its_colour():
    seen = sightings(3, [10.0, 10.5, 12.0])
    figure = timeline(seen, 8.0, 68.0)
    assert [line.name for line in figure.data] == list(EMOTIONS)
    for i, (line, emotion) in enumerate(zip(figure.data, EMOTIONS, strict=True)):
        assert (line.line.color, line.mode) == (COLOURS[emotion], "lines")
        assert list(line.x) == [2.0, 2.5, 4.0]
        assert list(line.y) == pytest.approx([each.probabilities[i] for each in seen])


def test_the_axes_begin_with_0_and_end_with_the_span_and_with_1():
    figure = timeline(sightings(3, [70.0]), 60.0, 120.0)
    assert (figure.layout.xaxis.range, figure.layout.yaxis.range) == ((0, 60), (0, 1))
    assert figure.layout.xaxis.title.text == "seconds"
    assert figure.layout.yaxis.title.text == "face 3"


def test_each_face_has_a_row_and_the_legend_names_each_emotion_once():
    mixed = sightings(9, [1.0, 3.0]) + sightings(2, [2.0]) + sightings(11, [2.5])
    figure = timeline(sorted(mixed), 0.0, 10.0)
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
    one = timeline(sightings(1, [1.0]), 0.0, 10.0)
    two = timeline(sightings(1, [1.0]) + sightings(2, [1.0]), 0.0, 10.0)
    assert two.layout.height > one.layout.height


@pytest.mark.parametrize("count", [1, 239, 240, 241, 1200, 100_000])
def test_of_many_points_about_240_are_drawn_from_the_first_to_near_the_last(count):
    times = np.linspace(0.0, 60.0, count).tolist()
    figure = timeline(sightings(1, times), 0.0, 60.0)
    (drawn,) = {tuple(line.x) for line in figure.data}
    assert len(drawn) <= 240 and len(drawn) >= min(count, 120)
    assert drawn[0] == 0.0
    assert count == 1 or drawn[-1] > 59.0


def test_the_points_of_one_face_do_not_thin_another_s():
    figure = timeline(sightings(1, np.linspace(0, 60, 1000).tolist()) + sightings(2, [1, 2]), 0, 60)
    assert [len(row[0].x) for row in rows(figure)] == [200, 2]


def test_nothing_seen_draws_an_empty_chart():
    figure = timeline([], 5.0, 65.0)
    assert not figure.data
    assert (figure.layout.xaxis.range, figure.layout.yaxis.range) == ((0, 60), (0, 1))


def test_a_single_moment_has_an_axis_of_a_second():
    figure = timeline(sightings(1, [5.0]), 5.0, 5.0)
    assert figure.layout.xaxis.range == (0, 1)
    assert list(figure.data[0].x) == [0.0]
