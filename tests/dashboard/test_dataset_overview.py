import base64

import cv2
import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.charts.style import FADED
from dashboard.components.dataset.clickable import chosen_with
from dashboard.components.dataset.light import grey_range, stretched
from dashboard.components.dataset.weights import SCHEMES, weights_table
from pipeline.data.dataset import FaceDataset
from pipeline.labels import EMOTIONS
from pipeline.training.class_weights import class_weights
from pipeline.workspace import PROJECT
from tests.dashboard.clicks import click, click_mark, drawn
from tests.dashboard.tiles import tiles
from tests.data.dataset_makers import make_faces, store_faces

HOME = str(PROJECT / "dashboard" / "Home.py")
RNG = np.random.default_rng(8)
N = 120
LABELS = RNG.choice(7, N, p=[0.3, 0.05, 0.1, 0.25, 0.1, 0.1, 0.1])
SPLITS = np.where(np.arange(N) < 90, "train", "public_test")
IMAGES = RNG.integers(0, 256, (N, 48, 48), dtype=np.uint8) // RNG.integers(1, 9, (N, 1, 1))


@pytest.fixture
def faces() -> FaceDataset:
    return store_faces(IMAGES, LABELS, SPLITS)


def overview() -> AppTest:
    app = AppTest.from_file(HOME, default_timeout=60).run()
    app.switch_page("app_pages/dataset.py").run()
    assert not app.exception and not app.error
    return app


def filters(app: AppTest) -> dict[str, object]:
    return dict(app.session_state["dataset.filters"])


def number_of(emotion: str, split: str | None = None) -> int:
    mine = LABELS == EMOTIONS.index(emotion)
    return int(np.sum(mine if split is None else mine & (SPLITS == split)))


def test_a_click_on_a_bar_opens_that_emotion_of_that_split(faces):
    app = overview()
    click_mark(app, "overview.classes public_test", ["happy"])
    assert filters(app) == {"split": "public_test", "emotion": "happy"}
    assert app.subheader[-1].value == f"{number_of('happy', 'public_test'):,} faces"


def test_the_chosen_bar_stands_out_in_its_split_alone(faces):
    app = overview()
    click_mark(app, "overview.classes train", ["sad"])
    (bars,), (others,) = (
        drawn(app, f"overview.classes {split}") for split in ("train", "public_test")
    )
    full = [mark for mark, o in zip(bars["y"], bars["marker"]["opacity"], strict=True) if o == 1]
    assert full == ["sad"] and set(others["marker"]["opacity"]) == {1}


def test_an_empty_click_changes_nothing(faces):
    app = overview()
    click_mark(app, "overview.classes train", ["sad"])
    click(app, "overview.classes train", points=[])
    assert filters(app) == {"split": "train", "emotion": "sad"}


def test_bars_show_shares_on_demand(faces):
    app = overview()
    app.segmented_control(key="overview.unit").set_value("shares").run()
    (bars,) = drawn(app, "overview.classes train")
    assert sum(bars["x"]) == pytest.approx(100) and not app.exception


@pytest.mark.parametrize(("what", "order"), [("brightness", "darkest"), ("contrast", "flattest")])
def test_a_click_on_a_box_opens_the_emotion_from_its_low_end(faces, what, order):
    app = overview()
    click_mark(app, f"overview.{what}", ["angry"])
    assert filters(app) == {"order": order, "emotion": "angry"}
    assert app.subheader[-1].value == f"{number_of('angry')} faces"
    measure = np.mean if what == "brightness" else np.std
    values = [measure(picture(tile)) for tile in tiles(app)]
    assert len(values) == number_of("angry") and (np.diff(values) >= 0).all()
    box = next(trace for trace in drawn(app, f"overview.{what}") if trace["y"] == ["sad"])
    assert box["opacity"] == FADED


def picture(tile) -> np.ndarray:
    png = base64.b64decode(tile["source"].partition(",")[2])
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)


def test_mean_faces_are_the_means_of_all_splits_or_of_the_picked_one(faces):
    app = overview()
    for split in (None, "train"):
        if split:
            app.selectbox(key="overview.light faces").set_value(split).run()
        for label, tile in enumerate(tiles(app, 0)):
            mine = IMAGES[(LABELS == label) & ((SPLITS == split) | (split is None))]
            assert tile["caption"] == EMOTIONS[label]
            assert np.abs(picture(tile) - mine.mean(axis=0)).max() <= 0.51


def test_the_picked_split_is_part_of_what_a_click_chooses(faces):
    app = overview()
    app.selectbox(key="overview.light faces").set_value("train").run()
    click_mark(app, "overview.brightness", ["angry"])
    assert filters(app) == {"split": "train", "order": "darkest", "emotion": "angry"}
    assert app.subheader[-1].value == f"{number_of('angry', 'train')} faces"


def test_the_mean_face_of_the_chosen_emotion_is_framed(faces):
    app = overview()
    app.session_state["dataset.filters"] = {"emotion": "fear"}
    app.run()
    for row in (0, 1):
        assert [tile["caption"] for tile in tiles(app, row) if tile["picked"]] == ["fear"]


def test_spread_is_stretched_between_tens_of_grey_levels():
    spreads = [np.full((2, 2), 31.0, np.float32), np.full((2, 2), 59.0, np.float32)]
    low, high = grey_range(spreads)
    assert (low, high) == (30, 60)
    ends = stretched(np.array([low, 45.0, high], np.float32), low, high)
    assert ends.tolist() == [0, 128, 255]
    low, high = grey_range([np.zeros((2, 2), np.float32)])
    assert low < high


def test_the_table_shows_the_training_faces_and_the_weights_a_training_would_use(faces):
    table = overview().dataframe[0].value.set_index("emotion")
    labels = faces.labels[faces.training_indices()]
    assert table["faces"].tolist() == np.bincount(labels, minlength=7).tolist()
    assert table["share"].sum() == pytest.approx(100)
    for scheme in SCHEMES:
        assert table[scheme].to_numpy() == pytest.approx(class_weights(labels, scheme))


def test_weights_hardly_move_where_a_tenth_is_held_out():
    n = 3000
    images = np.random.default_rng(2).integers(0, 256, (n, 48, 48), dtype=np.uint8)
    dataset = make_faces(images, np.resize(LABELS, n))
    table = weights_table(dataset.counts()["train"])
    fitted = dataset.labels[dataset.training_indices()]
    assert len(fitted) < n
    for scheme in SCHEMES:
        assert table[scheme].to_numpy() == pytest.approx(class_weights(fitted, scheme), rel=0.02)


def test_a_click_on_a_row_opens_the_training_faces_of_its_emotion(faces):
    app = overview()
    click(app, "overview.weights None", cells=[[3, "balanced"]])
    assert filters(app) == {"split": "train", "emotion": "happy"}
    assert app.subheader[-1].value == f"{number_of('happy', 'train')} faces"
    click(app, "overview.weights happy", cells=[])
    assert filters(app) == {"split": "train", "emotion": "happy"}


def test_without_a_training_split_there_is_nothing_to_weigh():
    store_faces(IMAGES, LABELS, "test")
    app = overview()
    assert not app.dataframe
    assert any("no training split" in caption.value for caption in app.caption)


def test_a_data_set_of_one_face_is_shown():
    store_faces(IMAGES[:1], LABELS[:1])
    app = overview()
    assert any("an emotion is missing" in text.value for text in app.markdown)
    assert len(tiles(app, 0)) == 1
    assert (app.dataframe[0].value["balanced"] > 0).sum() == 1


@pytest.mark.parametrize(
    ("chosen", "value"),
    [
        ({"split": "train", "emotion": "sad"}, "sad"),
        ({"split": "test", "emotion": "sad"}, None),
        ({"split": "train", "emotion": "sad", "finding": "flat"}, None),
        ({"emotion": "sad"}, None),
        ({"split": "train"}, None),
        ({}, None),
    ],
    ids=["just it", "other value", "one filter more", "one less", "not it", "nothing"],
)
def test_a_mark_is_the_chosen_one_only_with_just_its_filters(chosen, value):
    assert chosen_with(chosen, "emotion", {"split": "train"}) == value
