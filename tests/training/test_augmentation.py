import numpy as np

from pipeline.config.augmentation import Augmentation
from pipeline.data.sample import draw_face
from pipeline.training.augmentation import augment

NONE = Augmentation(rotation=0, zoom=0, shift=0, flip=False, erasing=0)
FACE = draw_face("happy", np.random.default_rng(0))
SEEDS = [(0, epoch, 5) for epoch in range(60)]


def only(**fields) -> Augmentation:
    return NONE.model_copy(update=fields)


def test_the_augmentation_follows_from_the_seed_and_leaves_the_stored_face_alone():
    before = FACE.copy()

    once, again = (augment(FACE, Augmentation(erasing=0.2), (1, 2, 3)) for _ in range(2))
    others = [augment(FACE, Augmentation(), seed) for seed in np.ndindex(2, 2, 2)]

    np.testing.assert_array_equal(once, again)
    assert len({face.tobytes() for face in others}) == 8
    np.testing.assert_array_equal(FACE, before)


def test_with_everything_off_a_face_stays_as_it_is():
    for seed in SEEDS:
        np.testing.assert_array_equal(augment(FACE, NONE, seed), FACE)


def test_flip_mirrors_about_every_second_face_exactly():
    changed = [augment(FACE, only(flip=True), seed) for seed in SEEDS]
    mirrored = [np.array_equal(face, FACE[:, ::-1]) for face in changed]

    assert all(np.array_equal(f, FACE) or m for f, m in zip(changed, mirrored, strict=True))
    assert 0.25 < np.mean(mirrored) < 0.75


def test_rotation_and_zoom_change_the_face_and_shift_moves_no_further_than_its_share():
    for settings in (only(rotation=20), only(zoom=0.3)):
        assert not np.array_equal(augment(FACE, settings, (0, 0, 1)), FACE)

    dot = np.zeros((48, 48), np.uint8)
    dot[24, 24] = 255
    moved = []
    for seed in SEEDS:
        y, x = np.unravel_index(augment(dot, only(shift=0.1), seed).argmax(), dot.shape)
        moved.append(max(abs(int(y) - 24), abs(int(x) - 24)))
    assert 3 <= max(moved) <= 5


def test_erasing_covers_at_most_its_share_of_about_every_second_face():
    erased = [np.mean(augment(FACE, only(erasing=0.2), seed) != FACE) for seed in SEEDS]

    assert 0.1 < max(erased) <= 0.22
    assert 0.25 < np.mean(np.array(erased) > 0) < 0.75


def test_brightness_and_contrast_change_gray_levels_by_at_most_their_share():
    face = np.full((48, 48), 128, np.uint8)
    grays = [np.unique(augment(face, only(brightness=0.2), seed)) for seed in SEEDS]
    assert all(len(gray) == 1 for gray in grays)
    assert 40 < max(abs(int(gray[0]) - 128) for gray in grays) <= 51

    face = np.array([[78, 178]] * 2, np.uint8)
    changed = [augment(face, only(contrast=0.5), seed) for seed in SEEDS]
    spreads = [int(np.ptp(each)) for each in changed]
    assert all(each.mean() == 128 for each in changed)
    assert 50 <= min(spreads) < 60 and 140 < max(spreads) <= 150


def test_gray_levels_are_clipped_and_do_not_wrap():
    for gray in (0, 255):
        face = np.full((48, 48), gray, np.uint8)
        settings = only(brightness=1.0, contrast=1.0)
        changes = [abs(int(augment(face, settings, seed)[0, 0]) - gray) for seed in SEEDS]
        assert 0 in changes and max(changes) > 200, gray


def test_brightness_does_not_change_what_else_is_drawn():
    for seed in SEEDS:
        brighter = augment(FACE, Augmentation(brightness=0.001), seed).astype(int)
        assert abs(brighter - augment(FACE, Augmentation(), seed)).max() <= 1
