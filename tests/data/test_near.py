import cv2
import numpy as np
import pytest

from pipeline.data import near
from pipeline.data.near import near_groups
from tests.data.dataset_makers import noise, smooth


def change_one_pixel(picture):
    changed = picture.copy()
    changed[20, 20] ^= 255
    return changed


def add_noise(picture):
    return picture + np.random.default_rng(0).integers(-3, 4, picture.shape).astype(np.int8)


def compress(picture):
    return cv2.imdecode(cv2.imencode(".jpg", picture)[1], cv2.IMREAD_GRAYSCALE)


CHANGES = {
    "one pixel": change_one_pixel,
    "noise of 3": add_noise,
    "brighter": lambda picture: picture + 30,
    "half the contrast": lambda picture: picture // 2 + 60,
    "JPEG": compress,
}


def groups(*pictures) -> list[int]:
    images = np.stack(pictures).astype(np.uint8)
    return near_groups(images, np.arange(len(images))).tolist()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("seed", range(3))
def test_a_slightly_changed_picture_is_nearly_identical(change, seed):
    picture = smooth(seed)
    changed = change(picture)

    assert (changed != picture).any()
    assert groups(smooth(8), picture, smooth(9), changed) == [0, 1, 2, 1]


def test_a_picture_moved_by_a_pixel_is_nearly_identical():
    assert groups(smooth(0), smooth(0, moved=1), smooth(1)) == [0, 0, 1]


@pytest.mark.parametrize("draw", [smooth, noise])
def test_pictures_of_different_things_are_not(draw):
    assert groups(*map(draw, range(60))) == list(range(60))


def test_a_similar_hash_alone_is_not_enough():
    soft, stripes = smooth(0) // 4 + 96, 50 * (-1) ** np.indices((48, 48))

    assert groups(soft, soft + 5) == [0, 0]
    assert groups(*(soft + stripes)) == [0, 1]


def test_pictures_are_linked_over_others():
    fade = [smooth(0) + share * (smooth(1) - 1.0 * smooth(0)) for share in np.linspace(0, 1, 20)]

    assert groups(fade[0], fade[-1]) == [0, 1]
    assert groups(*fade) == [0] * len(fade)


def test_only_the_chosen_pictures_are_looked_at():
    images = np.stack([smooth(0), smooth(1), smooth(0) + 9, smooth(1) + 9])

    assert near_groups(images, np.array([0, 1, 3])).tolist() == [0, 1, 1]
    assert near_groups(images, np.array([], np.intp)).tolist() == []


@pytest.mark.parametrize(("compared", "confirmed"), [(1, 1), (50, 3), (10**6, 10**6)])
def test_the_size_of_the_steps_changes_nothing(compared, confirmed, monkeypatch):
    monkeypatch.setattr(near, "_COMPARED", compared)
    monkeypatch.setattr(near, "_CONFIRMED", confirmed)
    pictures = [smooth(seed % 7) + seed for seed in range(40)]

    assert groups(*pictures) == [seed % 7 for seed in range(40)]


def test_progress_goes_from_nothing_to_all():
    told = []
    near_groups(np.stack([smooth(seed) for seed in range(30)]), np.arange(30), told.append)

    assert told[0] == 0 and told[-1] == 1 and told == sorted(told)
