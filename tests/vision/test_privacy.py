import cv2
import numpy as np
import pytest

from pipeline.vision.faces import Box
from pipeline.vision.privacy import hide_all, hide_faces
from tests.vision.conftest import textured

BOXES = [
    pytest.param(Box(260, 180, 120, 120), id="in the middle"),
    pytest.param(Box(0, 0, 90, 90), id="in the left upper corner"),
    pytest.param(Box(-40, -40, 120, 120), id="over the left upper corner"),
    pytest.param(Box(570, 410, 120, 120), id="over the right lower corner"),
    pytest.param(Box(300, 200, 24, 24), id="as small as they come"),
    pytest.param(Box(40, 20, 440, 440), id="nearly the whole height"),
    pytest.param(Box(-100, -100, 900, 900), id="larger than the picture"),
    pytest.param(Box(100, 50, 60, 300), id="narrow"),
]


def inside(box: Box, margin: float = 0.25) -> np.ndarray:
    """Bool (480, 640): the box and a margin in parts of its sides."""
    x, y = np.arange(640), np.arange(480)
    wide, high = margin * box.width, margin * box.height
    across = (x >= box.x - wide) & (x < box.x + box.width + wide)
    down = (y >= box.y - high) & (y < box.y + box.height + high)
    return down[:, np.newaxis] & across


def detail(picture: np.ndarray, sigma: float) -> np.ndarray:
    """What is finer than `sigma` pixels, float32 (h, w)."""
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return gray - cv2.GaussianBlur(gray, (0, 0), sigma)


@pytest.mark.parametrize("box", BOXES)
def test_nothing_is_left_of_a_faces_texture_and_of_its_surroundings(box):
    frame = textured()
    hidden = frame.copy()
    hide_faces(hidden, [box])
    region = inside(box)
    assert (hidden[region] != frame[region]).mean() > 0.9
    sigma = max(1.0, min(box.width, box.height) / 24)
    before, after = (detail(picture, sigma)[region] for picture in (frame, hidden))
    assert after.std() < 0.1 * before.std()


@pytest.mark.parametrize("box", BOXES)
def test_the_rest_of_the_picture_stays(box):
    frame = textured()
    hidden = frame.copy()
    hide_faces(hidden, [box])
    outside = ~inside(box, margin=0.35)
    np.testing.assert_array_equal(hidden[outside], frame[outside])


@pytest.mark.parametrize("box", BOXES)
def test_of_a_hidden_face_no_more_is_left_than_six_by_six_colours(box):
    """Two faces that differ in all but the means of their parts look the same."""
    faces = []
    for seed in (1, 2):
        noise = np.random.default_rng(seed).normal(0, 40, (480, 640, 3))
        frame = np.full((480, 640, 3), 128.0)
        faces.append((frame + noise).clip(0, 255).astype(np.uint8))
        hide_faces(faces[-1], [box])
    one, other = (picture[inside(box)].astype(float) for picture in faces)
    cell = 1.6 * min(box.width, box.height) / 6
    assert np.abs(one - other).mean() < 3 * 40 / cell


def test_a_real_faces_features_cannot_be_made_out(face_frame):
    face = Box(264, 134, 100, 100)
    hidden = face_frame.copy()
    hide_faces(hidden, [face])
    features, left = (detail(picture, 6.0)[inside(face, 0.0)] for picture in (face_frame, hidden))
    assert left.std() < 0.15 * features.std()
    crops = (picture[134:234, 264:364] for picture in (face_frame, hidden))
    before, after = (cv2.Laplacian(crop, cv2.CV_32F).std() for crop in crops)
    assert after < 0.05 * before


def test_all_faces_are_hidden_also_where_they_overlap():
    frame = textured()
    hidden = frame.copy()
    boxes = [Box(100, 100, 100, 100), Box(160, 140, 100, 100), Box(450, 300, 80, 80)]
    hide_faces(hidden, boxes)
    for box in boxes:
        region = inside(box)
        assert detail(hidden, 4.0)[region].std() < 0.2 * detail(frame, 4.0)[region].std()


def test_no_faces_no_change():
    frame = textured()
    hidden = frame.copy()
    hide_faces(hidden, [])
    np.testing.assert_array_equal(hidden, frame)


@pytest.mark.parametrize("size", [(480, 640), (1080, 1920), (40, 4000), (4000, 40)])
def test_nothing_is_left_of_a_whole_hidden_picture(size):
    frame = textured(*size)
    hidden = frame.copy()
    hide_all(hidden)
    assert detail(hidden, 3.0).std() < 0.1 * detail(frame, 3.0).std()


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3), (6, 6), (17, 31)])
@pytest.mark.parametrize("box", [Box(0, 0, 1, 1), Box(-9, -9, 40, 40), Box(90, 90, 5, 5)])
def test_pictures_of_any_size_can_be_hidden(size, box):
    frame = textured(*size)
    hide_faces(frame, [box])
    hide_all(frame)
    assert frame.shape == (*size, 3)
