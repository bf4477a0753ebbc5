import cv2
import numpy as np
import pytest

from pipeline.labels import COLORS, EMOTIONS
from pipeline.vision.boxes import Box
from pipeline.vision.confidence import UNCERTAIN
from pipeline.vision.drawing import (
    blur,
    blur_faces,
    draw_activation_map,
    draw_faces,
    draw_problem,
)
from tests.vision.conftest import face_prediction, plain, probabilities, textured

CENTER = Box(200, 150, 120, 120)
AT_EDGES = (
    Box(200, 0, 100, 100),
    Box(540, 200, 100, 100),
    Box(0, 200, 100, 100),
    Box(300, 380, 100, 100),
    Box(600, 200, 100, 100),
    Box(-50, -50, 100, 100),
    Box(620, 460, 100, 100),
    Box(0, 0, 640, 480),
    Box(-200, -200, 2000, 2000),
)


def bgr(emotion: str) -> list[int]:
    return list(bytes.fromhex(COLORS[emotion][1:]))[::-1]


def of_color(image: np.ndarray, emotion: str) -> np.ndarray:
    return (image == bgr(emotion)).all(axis=2)


def drawn(frame: np.ndarray | None = None, *, bars=False, maps=False, **face) -> np.ndarray:
    """Return a frame, gray if none is given, with one face drawn."""
    frame = plain() if frame is None else frame
    draw_faces(frame, [face_prediction(**{"box": CENTER, **face})], bars=bars, maps=maps)
    return frame


def test_a_face_gets_a_box_and_a_label_in_the_color_of_its_emotion():
    for emotion in EMOTIONS:
        image = drawn(label=emotion)
        assert image[200, 200].tolist() == image[200, 320].tolist() == bgr(emotion)
        label = image[128:148, 202:300]
        assert of_color(label, emotion).mean() > 0.4, emotion
        contrast = np.abs(label.astype(int) - bgr(emotion)).max(axis=2) > 80
        assert contrast.mean() > 0.05, emotion


def test_an_uncertain_face_is_labeled_so_in_no_emotions_color_and_without_confidence():
    image = drawn(label=UNCERTAIN, confidence=0.31)
    assert all(of_color(image, emotion).sum() < 20 for emotion in EMOTIONS)
    box, label = image[200, 200], image[128:148, 202:300]
    assert (box != 90).all()
    assert (label == box).all(axis=2).mean() > 0.4
    assert (label.max(axis=2) < 60).mean() > 0.05, "letters"
    dark = (image[128:148].min(axis=2) < 60).nonzero()[1]
    assert dark.max() > 270, "a whole word"
    np.testing.assert_array_equal(image, drawn(label=UNCERTAIN, confidence=0.9))


def test_the_middle_of_a_face_is_not_drawn_on():
    assert (drawn(bars=True, maps=True)[160:260, 210:310] == 90).all()


def test_label_bars_and_map_stay_in_the_image_wherever_the_box_lies():
    given = np.float32([0.2, 0.1, 0.1, 0.2, 0.1, 0.1, 0.2])
    expected = bar_lengths(with_bars(CENTER, given))
    for box in AT_EDGES:
        assert of_color(drawn(box=box, label="surprise"), "surprise").sum() > 1500, box
        assert bar_lengths(with_bars(box, given)) == pytest.approx(expected, abs=1), box
        mapped = drawn(box=box, activation_map=np.ones((3, 3), np.float32), maps=True)
        x, y = np.clip([box.x + box.width // 2, box.y + box.height // 2], 5, [630, 470])
        assert mapped[y, x, 2] > mapped[y, x, 0] + 50, box


def test_an_image_of_any_size_can_be_drawn_on():
    boxes = Box(0, 0, 24, 24), Box(-9, -9, 5000, 5000), Box(5000, 5000, 9, 9)
    faces = [face_prediction(box=b, activation_map=np.ones((6, 6), np.float32)) for b in boxes]
    faces += [face_prediction(2, box=box, label=UNCERTAIN) for box in boxes]
    for size in ((1, 1), (31, 17), (20, 20), (48, 48), (40, 4000), (4000, 40), (2160, 3840)):
        image = plain(*size)
        draw_faces(image, faces, bars=True, maps=True)
        draw_problem(image, "Recognition fails")
        assert image.shape == (*size, 3)


def bars_of(image: np.ndarray, emotion: str) -> np.ndarray:
    """Bool (h, w): the emotion's bar; the face must be uncertain."""
    mask = of_color(image, emotion)
    return mask & (mask.sum(axis=0) >= 4)  # edges of letters are thinner


def bar_lengths(image: np.ndarray) -> dict[str, int]:
    masks = {emotion: bars_of(image, emotion) for emotion in EMOTIONS}
    return {emotion: int(mask.sum(axis=1).max()) for emotion, mask in masks.items()}


def with_bars(box: Box, given: np.ndarray) -> np.ndarray:
    return drawn(box=box, label=UNCERTAIN, confidences=given, bars=True)


def test_bars_are_as_long_as_the_confidences_and_in_the_order_of_the_labels():
    given = np.float32([0.02, 0.08, 0.12, 0.4, 0.06, 0.22, 0.1])
    image = with_bars(CENTER, given)
    lengths = bar_lengths(image)
    full = sum(lengths.values()) - len(EMOTIONS)  # each has a pixel more
    assert full > 40
    for emotion, probability in zip(EMOTIONS, given, strict=True):
        assert lengths[emotion] == pytest.approx(1 + full * probability, abs=1.5)
    rows = [np.median(bars_of(image, emotion).nonzero()[0]) for emotion in EMOTIONS]
    assert (np.diff(rows) > 8).all()
    (start,) = {int(bars_of(image, emotion).nonzero()[1].min()) for emotion in EMOTIONS}
    for row in map(int, rows):
        name = (image[row - 6 : row + 7, start - 54 : start] > 180).all(axis=2)
        assert name.sum() > 20, "white letters"


def test_a_confidence_of_1_fills_the_row_and_one_of_0_is_a_line():
    lengths = bar_lengths(with_bars(CENTER, probabilities(sad=1.0)))
    assert lengths.pop("sad") > 40
    assert set(lengths.values()) == {1}


@pytest.mark.slow
def test_bars_of_neighbors_are_whole_beside_each_other():
    one, other = (np.float32([p, 0.1, 0.1, 0.3, 0.1, 0.1, 0.3 - p]) for p in (0.05, 0.25))
    for step in range(100, 320, 20):
        boxes = Box(100, 150, 100, 100), Box(100 + step, 160, 100, 100)
        image = plain()
        faces = [
            face_prediction(i, box=box, label=UNCERTAIN, confidences=given)
            for i, (box, given) in enumerate(zip(boxes, (one, other), strict=True), start=1)
        ]
        draw_faces(image, faces, bars=True)
        alone = [bar_lengths(with_bars(CENTER, given))["angry"] for given in (one, other)]
        rows = bars_of(image, "angry").sum(axis=1)
        if step < 230:  # else the bars may lie in one row
            assert sorted(set(rows[rows > 0])) == sorted(alone) or rows.max() == sum(alone), step
        assert bars_of(image, "angry").sum() == pytest.approx(11 * sum(alone), rel=0.15), step


def test_without_a_number_the_label_has_none_and_large_ones_are_larger():
    numbered, plainer, large = plain(), plain(), plain()
    draw_faces(numbered, [face_prediction(3, box=CENTER)])
    draw_faces(plainer, [face_prediction(3, box=CENTER, number=0)])
    draw_faces(large, [face_prediction(3, box=CENTER)], scale=1.8)
    inked = [int((image != 90).any(axis=2).sum()) for image in (plainer, numbered, large)]
    assert inked[0] < inked[1] < inked[2] / 1.8


def test_bars_are_drawn_on_request_on_the_side_of_the_face_that_has_room():
    assert set(bar_lengths(drawn(label=UNCERTAIN)).values()) == {0}
    for box, columns in ((CENTER, slice(322, 640)), (Box(530, 150, 100, 100), slice(0, 528))):
        image = with_bars(box, probabilities(happy=0.7))
        bars = np.logical_or.reduce([bars_of(image, emotion) for emotion in EMOTIONS])
        assert bars[:, columns].sum() == bars.sum() > 0


def test_bars_cover_no_face_that_leaves_them_room_however_large_they_are():
    for side in range(40, 420, 20):
        image, box = plain(), Box((640 - side) // 2, (480 - side) // 2, side, side)
        draw_faces(image, [face_prediction(box=box, label=UNCERTAIN)], bars=True, scale=1.8)
        inner = image[box.y + 40 : box.y + side - 5, box.x + 5 : box.x + side - 5]
        assert (inner == 90).all(), side
        assert any(bars_of(image, emotion).sum() > 50 for emotion in EMOTIONS), side


def test_a_map_is_blended_over_its_face_only_and_on_request():
    activation_map = np.ones((6, 6), np.float32)
    without, blended = drawn(activation_map=activation_map), plain()
    assert (without[160:260, 210:310] == 90).all()
    drawn(blended, activation_map=activation_map, maps=True)
    inner = blended[160:260, 210:310].astype(int)
    assert (inner[..., 2] > inner[..., 0] + 50).all(), "orange"
    changed = (blended != without).any(axis=2)
    changed[150:270, 200:320] = False
    assert not changed.any()


def test_a_map_colors_where_it_is_positive_and_leaves_the_rest_gray():
    activation_map = np.full((6, 6), -3.0, np.float32)
    activation_map[:, 3:] = 2.0
    image = draw_activation_map(np.full((48, 48), 100, np.uint8), activation_map).astype(int)
    assert image.shape == (144, 144, 3)
    assert (image[:, :60] == 100).all()
    blue, green, red = image[70, 130]
    assert red > green > 100 > blue
    face = np.arange(48 * 48, dtype=np.uint32).reshape(48, 48).astype(np.uint8)
    nowhere = draw_activation_map(face, np.zeros((6, 6), np.float32))
    assert (np.ptp(nowhere, axis=2) == 0).all()


def test_a_long_problem_is_written_in_lines_along_the_lower_edge():
    image = plain()
    draw_problem(image, "Recognition fails: ValueError: “the detector” is broken. " * 8)
    rows = np.flatnonzero((image != 90).any(axis=(1, 2)))
    assert rows.max() == 479
    assert 350 < rows.min() < 440


BLURRED = (
    Box(260, 180, 120, 120),
    Box(0, 0, 90, 90),
    Box(-40, -40, 120, 120),
    Box(570, 410, 120, 120),
    Box(300, 200, 24, 24),
    Box(40, 20, 440, 440),
    Box(-100, -100, 900, 900),
    Box(100, 50, 60, 300),
)


def inside(box: Box, margin: float = 0.25) -> np.ndarray:
    """Bool (480, 640): the box and a margin, in fractions of its sides."""
    x, y = np.arange(640), np.arange(480)
    wide, high = margin * box.width, margin * box.height
    columns = (x >= box.x - wide) & (x < box.x + box.width + wide)
    rows = (y >= box.y - high) & (y < box.y + box.height + high)
    return rows[:, np.newaxis] & columns


def detail(image: np.ndarray, sigma: float) -> np.ndarray:
    """Return the image without structures coarser than `sigma` pixels, float32 (h, w)."""
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    return gray - cv2.GaussianBlur(gray, (0, 0), sigma)


def test_a_blurred_face_has_no_texture_and_the_rest_of_the_image_stays():
    frame = textured()
    for box in BLURRED:
        blurred, region, outside = frame.copy(), inside(box), ~inside(box, margin=0.35)
        blur_faces(blurred, [box])
        assert (blurred[region] != frame[region]).mean() > 0.9, box
        sigma = max(1.0, min(box.width, box.height) / 24)
        before, after = (detail(image, sigma)[region] for image in (frame, blurred))
        assert after.std() < 0.1 * before.std(), box
        np.testing.assert_array_equal(blurred[outside], frame[outside], str(box))


def test_no_more_than_six_by_six_colors_are_left_of_a_blurred_face():
    """Two faces that differ only in fine detail are the same once blurred."""
    noise = [np.random.default_rng(seed).normal(0, 40, (480, 640, 3)) for seed in (1, 2)]
    for box in BLURRED:
        images = [(128 + each).clip(0, 255).astype(np.uint8) for each in noise]
        for image in images:
            blur_faces(image, [box])
        one, other = (image[inside(box)].astype(float) for image in images)
        cell = 1.6 * min(box.width, box.height) / 6
        assert np.abs(one - other).mean() < 3 * 40 / cell, box


def test_all_faces_are_blurred_also_where_they_overlap_and_without_faces_nothing_changes():
    frame = textured()
    blurred = frame.copy()
    blur_faces(blurred, [])
    np.testing.assert_array_equal(blurred, frame)
    boxes = [Box(100, 100, 100, 100), Box(160, 140, 100, 100), Box(450, 300, 80, 80)]
    blur_faces(blurred, boxes)
    for box in boxes:
        region = inside(box)
        assert detail(blurred, 4.0)[region].std() < 0.2 * detail(frame, 4.0)[region].std()


def test_a_whole_image_of_any_size_is_blurred():
    for size in ((480, 640), (1080, 1920), (40, 4000), (4000, 40)):
        frame = textured(*size)
        blurred = frame.copy()
        blur(blurred)
        assert detail(blurred, 3.0).std() < 0.1 * detail(frame, 3.0).std(), size
    for size in ((1, 1), (1, 7), (5, 3), (6, 6), (17, 31)):
        frame = textured(*size)
        blur_faces(frame, [Box(0, 0, 1, 1), Box(-9, -9, 40, 40), Box(90, 90, 5, 5)])
        blur(frame)
        assert frame.shape == (*size, 3)
