import itertools

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.resources import AnnotatedDataset
from dashboard.views.dataset.ferplus import highlighted_cell, label_majority_counts
from dashboard.views.dataset.filters import filtered_faces
from pipeline.data import votes
from pipeline.data.dataset import VOTES, FaceDataset
from pipeline.data.statistics import measure
from pipeline.data.votes import MAJORITIES
from pipeline.labels import EMOTIONS
from pipeline.report.charts.votes import AGREEMENT_EDGES, ENTROPY_EDGES, bin_counts
from tests.dashboard.pages import active_filters, click_mark, heading, labels, open_dataset, traces
from tests.data.dataset_makers import make_faces, noise, store_faces
from tests.data.dataset_makers import votes as votes_for

CASES = [
    ("sad", {"sadness": 10}, "train"),
    ("sad", {"sadness": 6, "fear": 4}, "train"),
    ("sad", {"neutral": 7, "sadness": 3}, "train"),
    ("happy", {"contempt": 9, "happiness": 1}, "train"),
    ("happy", {"happiness": 5, "surprise": 5}, "train"),
    ("happy", {"unknown": 8, "happiness": 2}, "train"),
    ("angry", {"NF": 6, "anger": 3}, "public_test"),
    ("angry", {"anger": 7, "sadness": 3}, "public_test"),
]
"""A label, the votes on it, its split."""


@pytest.fixture
def faces() -> FaceDataset:
    return store_faces(
        [noise(i) for i in range(len(CASES))],
        [EMOTIONS.index(label) for label, _, _ in CASES],
        [split for _, _, split in CASES],
        [votes_for(**given) for _, given, _ in CASES],
    )


def metrics(app: AppTest) -> dict[str, tuple[str, str]]:
    return {metric.label: (metric.value, metric.delta) for metric in app.metric}


def test_without_votes_the_view_says_what_they_are_and_how_to_get_them():
    store_faces([noise(0)])
    app = open_dataset("FER+")
    assert any("the votes of ten annotators" in text.value for text in app.markdown)
    assert "Import with votes…" in labels(app)
    assert not app.metric and not app.get("plotly_chart")


def test_shares_are_of_all_faces_or_of_the_chosen_split(faces):
    app = open_dataset("FER+")
    assert metrics(app) == {
        "Majority for the label": ("37.5%", "3 faces"),
        "Majority against it": ("25.0%", "2 faces"),
        "No majority": ("12.5%", "1 faces"),
        "Not a face": ("12.5%", "1 faces"),
        "Mean agreement": ("73.3%", "entropy 0.73 bits"),
    }
    app.selectbox(key="ferplus.votes faces").set_value("public_test").run()
    assert metrics(app)["Majority for the label"] == ("50.0%", "1 faces")
    assert metrics(app)["Not a face"] == ("50.0%", "1 faces")


def test_marks_open_as_many_faces_as_they_count_within_the_chosen_split(faces):
    app = open_dataset("FER+")
    click_mark(app, "ferplus.majority", [EMOTIONS.index("happy"), MAJORITIES.index("contempt")])
    assert active_filters(app) == {"emotion": "happy", "majority": "contempt"}
    assert heading(app) == "1 faces"

    for quantity, number, bounds, n in (
        ("agreement", 7, (0.7, 0.8), 2),
        ("agreement", 10, (1.0, 1.1), 1),
        ("entropy", 0, (0, 0.25), 1),
    ):
        click_mark(app, f"ferplus.{quantity}", [number])
        assert active_filters(app) == {quantity: bounds}
        assert heading(app) == f"{n} faces"
        (bars,) = traces(app, f"ferplus.{quantity}")
        marks = zip(bars["customdata"], bars["y"], bars["marker"]["opacity"], strict=True)
        assert [(mark, y) for (mark,), y, opacity in marks if opacity == 1] == [(number, n)]

    app.session_state["dataset.filters"] = {"agreement": (0.45, 0.72)}  # not of a bar
    app.run()
    assert set(traces(app, "ferplus.agreement")[0]["marker"]["opacity"]) == {1}

    app.selectbox(key="ferplus.votes faces").set_value("train").run()
    click_mark(app, "ferplus.agreement", [10])
    assert active_filters(app) == {"split": "train", "agreement": (1.0, 1.1)}
    click_mark(app, "ferplus.majority", [EMOTIONS.index("sad"), EMOTIONS.index("neutral")])
    assert active_filters(app) == {"split": "train", "emotion": "sad", "majority": "neutral"}
    assert not app.exception


def test_every_bar_and_cell_counts_the_faces_that_its_filters_leave():
    rng = np.random.default_rng(6)
    n = 2000
    given = rng.multinomial(10, rng.dirichlet(np.full(len(VOTES), 0.3), n)).astype(np.uint8)
    given[:20] = np.minimum(given[:20], 1)  # fewer than ten votes, too
    labels = rng.integers(0, 7, n)
    dataset = make_faces(np.zeros((n, 48, 48), np.uint8), labels, votes=given)
    faces = AnnotatedDataset(dataset, measure(dataset), None)
    for quantity, edges in (("agreement", AGREEMENT_EDGES), ("entropy", ENTROPY_EDGES)):
        counts = bin_counts(getattr(votes, quantity)(given), edges)
        bins = itertools.pairwise(edges)
        left = [len(filtered_faces(faces, {quantity: bounds})) for bounds in bins]
        assert counts.tolist() == left and sum(left) == n
    cells = label_majority_counts(dataset.labels, votes.majority(given))
    for (label, majority), count in np.ndenumerate(cells):
        active = {"emotion": EMOTIONS[label], "majority": MAJORITIES[majority]}
        assert len(filtered_faces(faces, active)) == count


def test_the_cell_is_highlighted_with_just_its_filters():
    for active, of_split, cell in (
        ({"emotion": "sad", "majority": "not a face"}, {}, (4, 9)),
        ({"majority": "angry"}, {}, (None, 0)),
        ({"emotion": "angry"}, {}, (0, None)),
        ({"emotion": "sad", "agreement": (0.1, 0.2)}, {}, None),
        ({"emotion": "sad", "split": "train"}, {}, None),
        ({}, {}, None),
        ({"split": "train", "emotion": "sad", "majority": "sad"}, {"split": "train"}, (4, 4)),
        ({"split": "train", "emotion": "sad", "majority": "sad"}, {"split": "test"}, None),
    ):
        assert highlighted_cell(active, of_split) == cell, active
