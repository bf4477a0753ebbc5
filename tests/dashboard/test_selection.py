import numpy as np
import pytest
import streamlit as st

from dashboard import resources
from dashboard.components.dataset import selection
from dashboard.components.dataset.filters import FILTERS, ORDERS, WRONG, positions
from dashboard.components.dataset.known import KnownFaces
from dashboard.components.dataset.marks import marks
from pipeline.data.audit import audit
from pipeline.data.dataset import VOTES, FaceDataset
from pipeline.data.exclusions import exclude
from pipeline.data.statistics import measure, statistics
from pipeline.data.store import dataset_info, load_dataset
from pipeline.labels import EMOTIONS
from pipeline.runs import list_models

N = 40


@pytest.fixture(scope="module")
def known() -> KnownFaces:
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (N, 48, 48), dtype=np.uint8)
    images[10] = images[30]  # a twin in another split, with another label
    images[11] = 90  # flat
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
    return KnownFaces(dataset, measure(dataset), None)


@pytest.fixture(scope="module")
def audited(known) -> KnownFaces:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.data.audit.statistics", measure)
        return KnownFaces(known.dataset, known.statistics, audit(known.dataset))


def test_no_filter_leaves_every_face_as_stored(known):
    assert positions(known, {}).tolist() == list(range(N))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        pytest.param({"split": "test"}, range(20, 40), id="split"),
        pytest.param({"emotion": "happy"}, range(3, 40, 7), id="label"),
        pytest.param({"split": "train", "emotion": "happy"}, (3, 10, 17), id="both"),
        pytest.param({"id": "FACE01"}, range(10, 20), id="part of an id"),
        pytest.param({"points": (5, 2)}, (2, 5), id="picked on the map"),
        pytest.param({"majority": "sad"}, range(40), id="votes"),
        pytest.param({"majority": "fear"}, (), id="no majority of that"),
        pytest.param({"agreement": (0.5, 0.7)}, range(40), id="agreement"),
        pytest.param({"finding": "flat"}, (), id="a defect before any audit"),
    ],
)
def test_filters_leave_just_these_faces(known, filters, expected):
    assert positions(known, filters).tolist() == list(expected)


def test_twins_stand_side_by_side(audited):
    assert positions(audited, {"finding": "identical"}).tolist() == [10, 30]
    assert positions(audited, {"finding": "flat"}).tolist() == [11]


@pytest.mark.parametrize("order", ORDERS)
def test_orders_sort_all_faces(known, order):
    found = positions(known, {"order": order})
    assert sorted(found.tolist()) == list(range(N))
    light = known.statistics.brightness[found]
    if order == "darkest":
        assert (np.diff(light) >= 0).all()
    if order == "brightest":
        assert (np.diff(light) <= 0).all()


def test_marks_name_the_defects_of_a_face(audited):
    assert marks(audited, 10) == ["twin", "leak", "conflict", "FER+ sad"]
    assert marks(audited, 30, "identical")[-1] == "group 1"
    assert "flat" in marks(audited, 11)
    assert marks(audited, 4) == []  # labelled sad, as the votes say


def test_every_filter_says_what_it_does():
    values = {
        "said": ("cnn", "happy"), "points": (1, 2), "agreement": (0.5, 0.6), "entropy": (0.0, 0.25),
    }  # fmt: skip
    for kind, made in FILTERS.items():
        words = made.words(values.get(kind, "near_identical" if kind == "finding" else "happy"))
        assert words and "_" not in words


def test_another_data_set_begins_without_filters_and_picks():
    st.session_state.clear()
    selection.begin("faces", "one")
    selection.choose(split="train", emotion="happy")
    selection.pick(3)
    selection.begin("faces", "one")
    assert selection.chosen() == {"split": "train", "emotion": "happy"}
    assert selection.picked() == {3}
    selection.begin("faces", "two")
    assert selection.chosen() == {} and selection.picked() == set()


def test_other_faces_begin_on_the_first_page_and_are_revealed_once():
    st.session_state.clear()
    selection.begin("faces", "one")
    for change in (
        lambda: selection.choose(emotion="happy"),
        lambda: selection.add("finding", "flat"),
        lambda: selection.drop("emotion"),
    ):
        st.session_state[selection.GALLERY] = 7
        change()
        assert selection.GALLERY not in st.session_state
    assert selection.chosen() == {"finding": "flat"}
    assert selection.just_chosen() and not selection.just_chosen()


def test_the_order_goes_with_the_last_filter():
    st.session_state.clear()
    selection.choose(emotion="happy", split="train", order="darkest")
    selection.drop("split")
    assert selection.chosen() == {"emotion": "happy", "order": "darkest"}
    selection.drop("emotion")
    assert selection.chosen() == {}
    selection.choose(emotion="happy", order="darkest")
    selection.drop("order")
    assert selection.chosen() == {"emotion": "happy"}


def test_a_face_is_picked_and_let_go_of():
    st.session_state.clear()
    for face in (1, 2, 3, 2):
        selection.pick(face)
    assert selection.picked() == {1, 3}
    selection.unpick([3, 9])
    assert selection.picked() == {1}


def test_an_exclusion_list_is_a_filter(known, empty_workspace):
    (empty_workspace / "datasets" / "faces").mkdir(parents=True)
    exclude(known.dataset, "few", dict.fromkeys(["face003", "face021"], "because"))
    assert positions(known, {"excluded": "few"}).tolist() == [3, 21]


def test_what_a_model_said_is_a_filter_and_the_surest_comes_first(filled_workspace):
    info = dataset_info("sample")
    dataset = load_dataset("sample")
    (run,) = [model for model in list_models() if not model.shipped]
    probabilities = resources.probabilities(run, dataset)
    judged = dataset.indices("validation")
    assert np.isnan(probabilities).any(axis=1).sum() == info.faces - len(judged)
    known = KnownFaces(dataset, statistics(dataset), None)
    happy = positions(known, {"said": (run.name, "happy")})
    assert set(happy) <= set(judged.tolist())
    assert (probabilities[happy].argmax(axis=1) == EMOTIONS.index("happy")).all()
    assert (np.diff(probabilities[happy].max(axis=1)) <= 0).all()
    wrong = positions(known, {"said": (run.name, WRONG)})
    assert (probabilities[wrong].argmax(axis=1) != dataset.labels[wrong]).all()
