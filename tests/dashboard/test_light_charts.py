import numpy as np
import pytest

from dashboard.charts.light import PERCENTILES, light_by_emotion, percentiles_by_emotion
from dashboard.charts.style import FADED
from pipeline.labels import COLOURS, EMOTIONS

RNG = np.random.default_rng(5)
LABELS = RNG.integers(0, 7, 500, dtype=np.uint8)
VALUES = RNG.uniform(0, 255, 500).astype(np.float32)


def boxes(figure) -> list:
    return [trace for trace in figure.data if trace.type == "box"]


def test_percentiles_are_those_of_each_emotion():
    found = percentiles_by_emotion(VALUES, LABELS)
    assert found.shape == (len(EMOTIONS), len(PERCENTILES))
    for label in range(len(EMOTIONS)):
        assert found[label] == pytest.approx(np.percentile(VALUES[LABELS == label], PERCENTILES))


def test_an_emotion_without_faces_has_no_percentiles_and_no_box():
    found = percentiles_by_emotion(VALUES[LABELS != 1], LABELS[LABELS != 1])
    assert np.isnan(found[1]).all()
    assert [box.y[0] for box in boxes(light_by_emotion(found, "x"))] == [
        emotion for emotion in EMOTIONS if emotion != "disgust"
    ]


def test_boxes_show_the_percentiles_in_the_colour_of_the_emotion():
    found = percentiles_by_emotion(VALUES, LABELS)
    figure = light_by_emotion(found, "brightness, grey levels")
    assert figure.layout.xaxis.title.text == "brightness, grey levels"
    assert figure.layout.yaxis.categoryarray == EMOTIONS[::-1]
    for box, emotion, drawn in zip(boxes(figure), EMOTIONS, found, strict=True):
        assert (box.y, box.line.color) == ((emotion,), COLOURS[emotion])
        assert [*box.lowerfence, *box.q1, *box.median, *box.q3, *box.upperfence] == list(drawn)


def test_each_box_has_a_mark_on_its_median_that_tells_the_emotion():
    found = percentiles_by_emotion(VALUES, LABELS)
    marks = [trace for trace in light_by_emotion(found, "x").data if trace.type == "scatter"]
    assert [mark.customdata[0][0] for mark in marks] == list(EMOTIONS)
    assert [mark.x[0] for mark in marks] == list(found[:, PERCENTILES.index(50)])


def test_the_chosen_box_stands_out():
    found = percentiles_by_emotion(VALUES, LABELS)
    figure = light_by_emotion(found, "x", chosen="fear")
    assert {box.y[0] for box in boxes(figure) if box.opacity != FADED} == {"fear"}


def test_no_point_of_a_face_is_sent():
    figure = light_by_emotion(percentiles_by_emotion(VALUES, LABELS), "x")
    assert all(box.x is None for box in boxes(figure))
