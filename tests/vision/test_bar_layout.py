"""Places of the probability bars: in the image, never over each other, seldom over faces."""

import numpy as np
import pytest

from pipeline.vision.bar_layout import place_panels
from pipeline.vision.boxes import Box, intersection

PANEL, SMALLER, IMAGE = (130, 112), (98, 84), (640, 480)


def label_of(face: Box) -> Box:
    return Box(max(0, min(face.x, 500)), max(0, face.y - 28), 140, 28)


def random_faces(rng: np.random.Generator, count: int) -> list[Box]:
    """Return boxes that may overlap and lie partly outside."""
    sides = rng.integers(40, 240, count)
    return [
        Box(int(rng.integers(-side // 2, 640 - side // 2)), int(rng.integers(-20, 460)), side, side)
        for side in map(int, sides)
    ]


def place(faces: list[Box]) -> list[Box | None]:
    return place_panels(faces, [label_of(face) for face in faces], [PANEL, SMALLER], IMAGE)


@pytest.mark.slow
def test_panels_never_overlap_and_lie_in_the_image():
    rng = np.random.default_rng(1)
    without = 0
    for _ in range(3000):
        faces = random_faces(rng, int(rng.integers(1, 7)))
        places = place(faces)
        assert len(places) == len(faces)
        panels = [box for box in places if box is not None]
        without += len(faces) - len(panels)
        for i, box in enumerate(panels):
            assert box.x >= 0 and box.y >= 0 and (box.width, box.height) in (PANEL, SMALLER)
            assert box.x + box.width <= IMAGE[0] and box.y + box.height <= IMAGE[1]
            assert not any(intersection(box, each) for each in panels[:i]), faces
    assert without < 0.03 * 3000 * 3.5


def test_one_face_always_has_a_panel_and_two_have_two():
    rng = np.random.default_rng(2)
    for count in (1, 2):
        for _ in range(1000):
            assert None not in place(random_faces(rng, count))


def test_a_large_face_has_a_smaller_panel_beside_it():
    assert place([Box(120, 60, 400, 400)]) == [Box(524, 60, *SMALLER)]


def test_a_panel_covers_no_face_and_no_label_where_there_is_room():
    for step in range(100, 420, 10):
        faces = [Box(60, 150, 100, 100), Box(60 + step, 160, 100, 100)]
        for box in place(faces):
            obstacles = [*faces, *map(label_of, faces)]
            assert box is not None and not any(intersection(box, each) for each in obstacles), step


def test_alone_a_panel_is_right_of_its_face_else_left():
    assert place([Box(200, 150, 120, 120)]) == [Box(324, 150, *PANEL)]
    assert place([Box(500, 150, 120, 120)]) == [Box(366, 150, *PANEL)]
