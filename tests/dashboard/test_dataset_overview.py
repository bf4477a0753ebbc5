import base64

import cv2
import numpy as np
import pytest

from dashboard.views.dataset.overview import gray_range, stretched
from pipeline.data.dataset import FaceDataset
from pipeline.labels import EMOTIONS
from pipeline.report.charts.style import FADED
from pipeline.training.targets import CLASS_WEIGHT_POWERS, class_weights
from tests.dashboard.pages import (
    active_filters,
    click,
    click_mark,
    heading,
    open_dataset,
    tiles,
    traces,
)
from tests.data.dataset_makers import store_faces

RNG = np.random.default_rng(8)
N = 120
LABELS = RNG.choice(7, N, p=[0.3, 0.05, 0.1, 0.25, 0.1, 0.1, 0.1])
SPLITS = np.where(np.arange(N) < 90, "train", "public_test")
IMAGES = RNG.integers(0, 256, (N, 48, 48), dtype=np.uint8) // RNG.integers(1, 9, (N, 1, 1))


@pytest.fixture
def faces() -> FaceDataset:
    return store_faces(IMAGES, LABELS, SPLITS)


def count(emotion: str, split: str | None = None) -> int:
    mask = LABELS == EMOTIONS.index(emotion)
    return int(np.sum(mask if split is None else mask & (SPLITS == split)))


def image(tile) -> np.ndarray:
    png = base64.b64decode(tile["source"].partition(",")[2])
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)


def test_a_bar_opens_its_faces_and_is_highlighted_in_its_split_alone(faces):
    app = open_dataset()
    click_mark(app, "overview.classes public_test", ["happy"])
    assert active_filters(app) == {"split": "public_test", "emotion": "happy"}
    assert heading(app) == f"{count('happy', 'public_test'):,} faces"

    click_mark(app, "overview.classes train", ["sad"])
    click(app, "overview.classes train", points=[])  # a second click changes nothing
    assert active_filters(app) == {"split": "train", "emotion": "sad"}
    (bars,), (others,) = (
        traces(app, f"overview.classes {split}") for split in ("train", "public_test")
    )
    full = [mark for mark, o in zip(bars["y"], bars["marker"]["opacity"], strict=True) if o == 1]
    assert full == ["sad"] and set(others["marker"]["opacity"]) == {1}

    app.segmented_control(key="overview.unit").set_value("shares").run()
    (bars,) = traces(app, "overview.classes train")
    assert sum(bars["x"]) == pytest.approx(100) and not app.exception


def test_a_box_opens_its_emotion_from_the_low_end_within_the_chosen_split(faces):
    app = open_dataset()
    for what, order, measure in (
        ("brightness", "darkest", np.mean),
        ("contrast", "lowest contrast", np.std),
    ):
        click_mark(app, f"overview.{what}", ["angry"])
        assert active_filters(app) == {"order": order, "emotion": "angry"}
        assert heading(app) == f"{count('angry')} faces"
        values = [measure(image(tile)) for tile in tiles(app)]
        assert len(values) == count("angry") and (np.diff(values) >= 0).all()
        box = next(trace for trace in traces(app, f"overview.{what}") if trace["y"] == ["sad"])
        assert box["opacity"] == FADED

    app.selectbox(key="overview.light faces").set_value("train").run()
    click_mark(app, "overview.brightness", ["angry"])
    assert active_filters(app) == {"split": "train", "order": "darkest", "emotion": "angry"}
    assert heading(app) == f"{count('angry', 'train')} faces"


def test_mean_images_are_those_of_all_splits_or_of_the_chosen_one(faces):
    app = open_dataset()
    app.session_state["dataset.filters"] = {"emotion": "fear"}
    app.run()
    for row in (0, 1):
        assert [tile["caption"] for tile in tiles(app, row) if tile["picked"]] == ["fear"]
    for split in (None, "train"):
        if split:
            app.selectbox(key="overview.light faces").set_value(split).run()
        for label, tile in enumerate(tiles(app, 0)):
            selected = IMAGES[(LABELS == label) & ((SPLITS == split) | (split is None))]
            assert tile["caption"] == EMOTIONS[label]
            assert np.abs(image(tile) - selected.mean(axis=0)).max() <= 0.51


def test_standard_deviations_are_stretched_between_multiples_of_ten():
    low, high = gray_range([np.full((2, 2), 31, np.float32), np.full((2, 2), 59, np.float32)])
    assert (low, high) == (30, 60)
    assert stretched(np.array([low, 45, high], np.float32), low, high).tolist() == [0, 128, 255]
    low, high = gray_range([np.zeros((2, 2), np.float32)])
    assert low < high


@pytest.mark.parametrize("other", ["public_test", "test"])
def test_the_table_has_the_faces_and_weights_of_a_training_and_opens_them(other):
    faces = store_faces(IMAGES, LABELS, np.where(SPLITS == "train", "train", other))
    app = open_dataset()
    table = app.dataframe[0].value.set_index("emotion")
    counts = np.bincount(faces.labels[faces.training_indices()], minlength=7)
    held_out = other == "test"  # then a tenth of train is held out to choose on
    assert (counts.sum() < 90) == held_out == ("held out" in app.caption[-1].value)
    assert table["faces"].tolist() == counts.tolist()
    assert table["share"].sum() == pytest.approx(100)
    for scheme in CLASS_WEIGHT_POWERS:
        assert table[scheme].to_numpy() == pytest.approx(class_weights(counts, scheme))

    click(app, "overview.weights None", rows=[], cells=[[3, "balanced"]])
    assert active_filters(app) == {"split": "train", "emotion": "happy"}
    assert heading(app) == f"{count('happy', 'train')} faces"
    click(app, "overview.weights happy", rows=[], cells=[])
    assert active_filters(app) == {"split": "train", "emotion": "happy"}


def test_data_sets_without_training_faces_or_with_one_face_are_shown(empty_workspace):
    store_faces(IMAGES, LABELS, "test")
    app = open_dataset()
    assert not app.dataframe
    assert any("no training split" in caption.value for caption in app.caption)

    (empty_workspace / "datasets" / "faces").rename(empty_workspace / "gone")
    store_faces(IMAGES[:1], LABELS[:1])
    app = open_dataset()
    assert any("6 of 7 emotions missing" in text.value for text in app.markdown)
    assert len(tiles(app, 0)) == 1
    assert any("too small to hold out" in caption.value for caption in app.caption)
