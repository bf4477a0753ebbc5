import numpy as np
import pytest

from pipeline.data.sample import draw_face
from pipeline.training.augmentation import Augmentation, augment

NONE = Augmentation(rotation=0, zoom=0, shift=0, flip=False, erasing=0)
FACE = draw_face("happy", np.random.default_rng(0))
SEEDS = [(0, epoch, 5) for epoch in range(60)]


def test_the_same_seed_changes_a_face_the_same_way():
    once, again = (augment(FACE, Augmentation(erasing=0.2), (1, 2, 3)) for _ in range(2))

    np.testing.assert_array_equal(once, again)


def test_another_epoch_face_or_seed_changes_it_otherwise():
    seen = {
        augment(FACE, Augmentation(), seed).tobytes()
        for seed in [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0)]
    }

    assert len(seen) == 4


def test_with_everything_off_a_face_stays_as_it_is():
    for seed in SEEDS:
        np.testing.assert_array_equal(augment(FACE, NONE, seed), FACE)


def test_flip_mirrors_about_every_second_face_exactly():
    settings = NONE.model_copy(update={"flip": True})
    changed = [augment(FACE, settings, seed) for seed in SEEDS]
    mirrored = [np.array_equal(face, FACE[:, ::-1]) for face in changed]

    assert all(np.array_equal(f, FACE) or m for f, m in zip(changed, mirrored, strict=True))
    assert 0.25 < np.mean(mirrored) < 0.75


def test_shift_moves_no_further_than_its_share():
    dot = np.zeros((48, 48), np.uint8)
    dot[24, 24] = 255
    settings = NONE.model_copy(update={"shift": 0.1})
    moved = []
    for seed in SEEDS:
        y, x = np.unravel_index(augment(dot, settings, seed).argmax(), dot.shape)
        moved.append(max(abs(int(y) - 24), abs(int(x) - 24)))

    assert 3 <= max(moved) <= 5


def test_erasing_covers_at_most_its_share_of_about_every_second_face():
    settings = NONE.model_copy(update={"erasing": 0.2})
    erased = [np.mean(augment(FACE, settings, seed) != FACE) for seed in SEEDS]

    assert 0.1 < max(erased) <= 0.22
    assert 0.25 < np.mean(np.array(erased) > 0) < 0.75


@pytest.mark.parametrize("field", ["rotation", "zoom"])
def test_rotation_and_zoom_change_the_face(field):
    settings = NONE.model_copy(update={field: {"rotation": 20, "zoom": 0.3}[field]})

    assert not np.array_equal(augment(FACE, settings, (0, 0, 1)), FACE)


def test_brightness_moves_every_grey_level_by_at_most_its_share_of_255():
    face = np.full((48, 48), 128, np.uint8)
    settings = NONE.model_copy(update={"brightness": 0.2})
    greys = [np.unique(augment(face, settings, seed)) for seed in SEEDS]

    assert all(len(grey) == 1 for grey in greys)
    assert 40 < max(abs(int(grey[0]) - 128) for grey in greys) <= 51


def test_contrast_stretches_about_the_mean_by_at_most_its_share():
    face = np.array([[78, 178]] * 2, np.uint8)
    settings = NONE.model_copy(update={"contrast": 0.5})
    spreads = [int(np.ptp(augment(face, settings, seed))) for seed in SEEDS]

    assert all(augment(face, settings, seed).mean() == 128 for seed in SEEDS)
    assert 50 <= min(spreads) < 60 and 140 < max(spreads) <= 150


@pytest.mark.parametrize("grey", [0, 255])
def test_light_is_clipped_and_does_not_wrap(grey):
    face = np.full((48, 48), grey, np.uint8)
    settings = NONE.model_copy(update={"brightness": 1.0, "contrast": 1.0})
    changes = [abs(int(augment(face, settings, seed)[0, 0]) - grey) for seed in SEEDS]

    assert 0 in changes and max(changes) > 200


def test_light_leaves_the_place_of_everything_as_it_is():
    settings = Augmentation(brightness=0.001)

    for seed in SEEDS:
        lit = augment(FACE, settings, seed).astype(int)
        assert abs(lit - augment(FACE, Augmentation(), seed)).max() <= 1


def test_the_stored_face_is_left_alone():
    before = FACE.copy()
    augment(FACE, Augmentation(erasing=0.5), (0, 0, 2))

    np.testing.assert_array_equal(FACE, before)
