import pytest

from pipeline.vision.boxes import Box, clip, overlap, without_inner

LEFT = Box(0, 0, 100, 100)
RIGHT = Box(300, 0, 100, 100)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        pytest.param(LEFT, LEFT, 1.0, id="the same"),
        pytest.param(LEFT, RIGHT, 0.0, id="apart"),
        pytest.param(LEFT, Box(100, 0, 100, 100), 0.0, id="side by side"),
        pytest.param(LEFT, Box(50, 0, 100, 100), 1 / 3, id="half"),
        pytest.param(LEFT, Box(20, 20, 50, 50), 0.25, id="inside"),
        pytest.param(LEFT, Box(20, 20, 0, 0), 0.0, id="empty"),
    ],
)
def test_overlap_is_intersection_over_union(a, b, expected):
    assert overlap(a, b) == overlap(b, a) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("box", "edges"),
    [
        pytest.param(Box(10, 20, 30, 40), (10, 20, 40, 60), id="inside"),
        pytest.param(Box(-10, -20, 30, 40), (0, 0, 20, 20), id="over the left upper corner"),
        pytest.param(Box(90, 70, 30, 40), (90, 70, 100, 80), id="over the right lower corner"),
        pytest.param(Box(500, 500, 9, 9), (99, 79, 100, 80), id="outside"),
    ],
)
def test_clip_keeps_a_pixel_at_least(box, edges):
    assert clip(box, 80, 100) == edges


@pytest.mark.parametrize(
    ("boxes", "kept"),
    [
        pytest.param([Box(30, 40, 40, 40), LEFT], [LEFT], id="wholly inside"),
        pytest.param([Box(80, 0, 60, 60), LEFT], [LEFT, Box(80, 0, 60, 60)], id="a third inside"),
        pytest.param([Box(70, 0, 40, 40), LEFT], [LEFT], id="three quarters inside"),
        pytest.param([LEFT, LEFT], [LEFT], id="twice"),
        pytest.param([RIGHT, LEFT], [RIGHT, LEFT], id="apart"),
        pytest.param([], [], id="none"),
    ],
)
def test_a_box_mostly_inside_a_larger_one_is_dropped(boxes, kept):
    assert without_inner(boxes) == kept
