import cv2
import numpy as np

from pipeline.data import duplicates
from pipeline.data.duplicates import near_duplicate_groups
from tests.data.dataset_makers import noise, smooth


def change_one_pixel(image):
    changed = image.copy()
    changed[20, 20] ^= 255
    return changed


CHANGES = {
    "one pixel": change_one_pixel,
    "noise of 3": lambda image: (
        image + np.random.default_rng(0).integers(-3, 4, image.shape).astype(np.int8)
    ),
    "brighter": lambda image: image + 30,
    "half the contrast": lambda image: image // 2 + 60,
    "JPEG": lambda image: cv2.imdecode(cv2.imencode(".jpg", image)[1], cv2.IMREAD_GRAYSCALE),
}


def groups(*images) -> list[int]:
    stacked = np.stack(images).astype(np.uint8)
    return near_duplicate_groups(stacked, np.arange(len(stacked))).tolist()


def test_a_slightly_changed_image_is_a_near_duplicate():
    for seed in range(3):
        image = smooth(seed)
        for name, change in CHANGES.items():
            changed = change(image)
            assert (changed != image).any()
            assert groups(smooth(8), image, smooth(9), changed) == [0, 1, 2, 1], (name, seed)
    assert groups(smooth(0), smooth(0, moved=1), smooth(1)) == [0, 0, 1]


def test_different_images_are_not_near_duplicates():
    for draw in (smooth, noise):
        assert groups(*map(draw, range(60))) == list(range(60))


def test_a_similar_hash_alone_is_not_enough():
    soft, stripes = smooth(0) // 4 + 96, 50 * (-1) ** np.indices((48, 48))
    assert groups(soft, soft + 5) == [0, 0]
    assert groups(*(soft + stripes)) == [0, 1]


def test_pairs_link_images_to_one_group():
    moving = [smooth(1, moved) for moved in range(9)]
    assert groups(moving[0], moving[-1]) == [0, 1]
    assert groups(*moving) == [0] * len(moving)


def test_only_candidates_are_compared():
    images = np.stack([smooth(0), smooth(1), smooth(0) + 9, smooth(1) + 9])
    assert near_duplicate_groups(images, np.array([0, 1, 3])).tolist() == [0, 1, 1]
    assert near_duplicate_groups(images, np.array([], np.intp)).tolist() == []


def test_the_size_of_the_steps_changes_nothing_and_progress_rises_to_1(monkeypatch):
    images = np.stack([smooth(seed % 7) + seed for seed in range(40)]).astype(np.uint8)
    for compared, confirmed in ((1, 1), (50, 3), (10**6, 10**6)):
        monkeypatch.setattr(duplicates, "_HASHES_PER_STEP", compared)
        monkeypatch.setattr(duplicates, "_PAIRS_PER_STEP", confirmed)
        fractions: list[float] = []
        found = near_duplicate_groups(images, np.arange(40), fractions.append)
        assert found.tolist() == [seed % 7 for seed in range(40)]
        assert fractions[0] == 0 and fractions[-1] == 1 and fractions == sorted(fractions)
