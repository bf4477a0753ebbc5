import numpy as np
import pytest
import streamlit as st

from dashboard import resources
from dashboard.resources import AnnotatedDataset
from dashboard.views.dataset.filters import FILTERS, ORDERS, WRONG, begin, filtered_faces
from dashboard.widgets.exclusion_form import picked, toggle_picked, unpick
from dashboard.widgets.face_detail import badges
from dashboard.widgets.face_filters import FaceFilters, Filter, highlighted
from pipeline.data.audit import audit
from pipeline.data.dataset import VOTES, FaceDataset
from pipeline.data.exclusions import exclude
from pipeline.data.statistics import measure
from pipeline.labels import EMOTIONS
from tests.evaluation.makers import make_dataset, make_run

N = 40


@pytest.fixture(autouse=True)
def new_session() -> None:
    st.session_state.clear()


@pytest.fixture(scope="module")
def faces() -> AnnotatedDataset:
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (N, 48, 48), dtype=np.uint8)
    images[10] = images[30]  # a duplicate in another split, with another label
    images[11] = 90  # low contrast
    votes = np.zeros((N, 10), np.uint8)
    votes[:, VOTES.index("sadness")] = 6
    votes[:, VOTES.index("fear")] = np.arange(N) % 5
    votes[:, VOTES.index("neutral")] = 4 - np.arange(N) % 5
    dataset = FaceDataset(
        "faces",
        images,
        (np.arange(N) % 7).astype(np.uint8),
        np.repeat(["train", "test"], N // 2),
        np.array([f"face{i:03}" for i in range(N)]),
        votes,
        "f" * 64,
    )
    return AnnotatedDataset(dataset, measure(dataset), None)


@pytest.fixture(scope="module")
def audited(faces) -> AnnotatedDataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.data.audit.statistics", measure)
        return AnnotatedDataset(faces.dataset, faces.statistics, audit(faces.dataset))


def test_filters_leave_just_these_faces(faces, audited, empty_workspace):
    (empty_workspace / "datasets" / "faces").mkdir(parents=True)
    exclude(faces.dataset, "few", dict.fromkeys(["face003", "face021"], "because"))
    for active, expected in (
        ({}, range(N)),
        ({"split": "test"}, range(20, 40)),
        ({"emotion": "happy"}, range(3, 40, 7)),
        ({"split": "train", "emotion": "happy"}, (3, 10, 17)),
        ({"id": "FACE01"}, range(10, 20)),
        ({"points": (5, 2)}, (2, 5)),
        ({"majority": "sad"}, range(40)),
        ({"majority": "fear"}, ()),
        ({"agreement": (0.5, 0.7)}, range(40)),
        ({"entropy": (0.5, 1.0)}, range(0, 40, 4)),
        ({"finding": "low_contrast"}, ()),  # before any audit
        ({"excluded": "few"}, (3, 21)),
    ):
        found = filtered_faces(faces, active).tolist()
        if "entropy" in active:  # 0.97 bits where four of ten votes are for one other emotion
            expected = np.flatnonzero((faces.entropy >= 0.5) & (faces.entropy < 1.0))
        assert found == list(expected), active
    assert filtered_faces(audited, {"finding": "duplicates"}).tolist() == [10, 30]
    assert filtered_faces(audited, {"finding": "low_contrast"}).tolist() == [11]


def test_orders_sort_all_faces(faces):
    for order in ORDERS:
        found = filtered_faces(faces, {"order": order})
        assert sorted(found.tolist()) == list(range(N)), order
        brightness = faces.statistics.brightness[found]
        if order == "darkest":
            assert (np.diff(brightness) >= 0).all()
        if order == "brightest":
            assert (np.diff(brightness) <= 0).all()


def test_a_prediction_is_a_filter_and_the_most_confident_comes_first():
    dataset = make_dataset()
    run = make_run(dataset)
    probabilities = resources.probabilities(run, dataset)
    evaluated = dataset.indices("test")
    assert np.isnan(probabilities).any(axis=1).sum() == len(dataset) - len(evaluated)
    faces = resources.annotated(dataset)
    happy = filtered_faces(faces, {"predicted": (run.name, "happy")})
    assert set(happy) <= set(evaluated.tolist())
    assert (probabilities[happy].argmax(axis=1) == EMOTIONS.index("happy")).all()
    assert (np.diff(probabilities[happy].max(axis=1)) <= 0).all()
    wrong = filtered_faces(faces, {"predicted": (run.name, WRONG)})
    assert (probabilities[wrong].argmax(axis=1) != dataset.labels[wrong]).all()


def test_badges_name_the_findings_of_a_face(audited):
    assert badges(audited, 10) == ["duplicate", "leak", "conflicting label", "FER+ sad"]
    assert badges(audited, 30, "duplicates")[-1] == "group 1"
    assert "low contrast" in badges(audited, 11)
    assert badges(audited, 4) == []  # labeled sad, as the votes say


def test_every_filter_has_a_label_in_plain_words():
    values = {"predicted": ("cnn", "happy"), "points": (1, 2), "finding": "near_duplicates"}
    values |= {"agreement": (0.5, 0.6), "entropy": (0.0, 0.25)}
    for name, each in FILTERS.filters.items():
        label = each.label(values.get(name, "happy"))
        assert label and "_" not in label, name


def test_filters_are_set_added_and_dropped_and_the_gallery_starts_at_its_first_page():
    for change, expected in (
        (lambda: FILTERS.set(emotion="happy", order="darkest"), {"emotion", "order"}),
        (lambda: FILTERS.add("finding", "leaks"), {"emotion", "order", "finding"}),
        (lambda: FILTERS.drop("emotion"), {"order", "finding"}),
        (lambda: FILTERS.drop("finding"), set()),  # the order goes with the last filter
        (lambda: FILTERS.set(emotion="happy", order="darkest"), {"emotion", "order"}),
        (lambda: FILTERS.drop("order"), {"emotion"}),
        (lambda: FILTERS.clear(), set()),
    ):
        st.session_state[FILTERS.gallery_key] = 7
        change()
        assert FILTERS.gallery_key not in st.session_state
        assert FILTERS.active().keys() == expected


def test_only_a_click_on_a_mark_reveals_the_gallery_and_only_once():
    FILTERS.set(emotion="happy")
    assert FILTERS.pop_reveal() and not FILTERS.pop_reveal()
    FILTERS.set(emotion="happy")
    FILTERS.drop("emotion")
    assert not FILTERS.pop_reveal()


def test_filters_in_the_address_skip_values_that_mean_nothing(monkeypatch):
    address = {"page_letter": "c", "page_digit": "7", "other": "x"}
    monkeypatch.setattr(st, "query_params", address)
    letters = Filter(str, lambda faces, value: np.array([each == value for each in faces]))
    digits = Filter(str, lambda faces, value: np.ones(3, bool), lambda faces, value: value < "5")
    filters = FaceFilters[str]("page", {"letter": letters, "digit": digits}, in_address=True)

    assert filters.active() == {"letter": "c", "digit": "7"}
    assert filters.active("abc") == {"letter": "c"}
    assert filters.mask("abc", 3, filters.active("abc")).tolist() == [False, False, True]
    filters.drop("letter", "abc")
    assert address == {"other": "x"}
    filters.set(letter="a")
    assert address == {"other": "x", "page_letter": "a"}


def test_each_view_has_its_own_filters_or_refines_those_of_another(monkeypatch):
    address = {"page_letter": "c"}
    monkeypatch.setattr(st, "query_params", address)
    letters = Filter(str, lambda faces, value: np.array([each == value for each in faces]))
    filters = FaceFilters[str]("page", {"letter": letters}, in_address=True)
    for view, expected in (("one", {"letter": "c"}), ("two", {})):
        filters.enter(view)
        assert filters.active() == expected, view
    filters.set(letter="d")
    for view, expected in (("two", "d"), ("one", "c"), ("two", "d")):
        filters.enter(view)
        assert address == {"page_letter": expected}, view
    filters.enter("three", refines=True)
    assert address == {"page_letter": "d"}
    filters.forget_views()
    filters.enter("one")
    assert address == {}


def test_a_mark_is_highlighted_only_with_just_its_filters():
    for active, value in (
        ({"split": "train", "emotion": "sad"}, "sad"),
        ({"split": "test", "emotion": "sad"}, None),
        ({"split": "train", "emotion": "sad", "finding": "leaks"}, None),
        ({"emotion": "sad"}, None),
        ({"split": "train"}, None),
        ({}, None),
    ):
        assert highlighted(active, "emotion", {"split": "train"}) == value, active


def test_another_data_set_starts_without_filters_and_picked_faces():
    begin("faces", "one")
    FILTERS.set(split="train", emotion="happy")
    for face in (1, 2, 3, 2):
        toggle_picked(face)
    begin("faces", "one")
    assert FILTERS.active() == {"split": "train", "emotion": "happy"} and picked() == {1, 3}
    unpick([3, 9])
    assert picked() == {1}
    begin("faces", "two")
    assert FILTERS.active() == {} and picked() == set()
