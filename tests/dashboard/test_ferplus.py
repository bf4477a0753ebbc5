import itertools

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.charts.votes import AGREEMENT_EDGES, ENTROPY_EDGES, bin_counts
from dashboard.components.dataset.ferplus import label_majority_counts, marked_cell
from dashboard.components.dataset.filters import positions
from dashboard.components.dataset.known import KnownFaces
from pipeline.data import votes
from pipeline.data.dataset import VOTES, FaceDataset
from pipeline.data.statistics import measure
from pipeline.data.votes import MAJORITIES
from pipeline.labels import EMOTIONS
from pipeline.workspace import PROJECT
from tests.dashboard.clicks import click_mark, drawn
from tests.data.dataset_makers import make_faces, store_faces
from tests.data.dataset_makers import votes as votes_for

HOME = str(PROJECT / "dashboard" / "Home.py")
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
    rng = np.random.default_rng(4)
    return store_faces(
        rng.integers(0, 256, (len(CASES), 48, 48), dtype=np.uint8),
        [EMOTIONS.index(label) for label, _, _ in CASES],
        [split for _, _, split in CASES],
        [votes_for(**given) for _, given, _ in CASES],
    )


def ferplus() -> AppTest:
    app = AppTest.from_file(HOME, default_timeout=60).run()
    app.query_params["view"] = "FER+"
    app.switch_page("app_pages/dataset.py").run()
    assert not app.exception and not app.error
    return app


def filters(app: AppTest) -> dict[str, object]:
    return dict(app.session_state["dataset.filters"])


def shown(app: AppTest) -> dict[str, tuple[str, str]]:
    return {metric.label: (metric.value, metric.delta) for metric in app.metric}


def test_without_votes_the_view_says_what_they_are_and_how_to_get_them(filled_workspace):
    app = ferplus()
    assert any("ten votes by ten people" in text.value for text in app.markdown)
    assert "--ferplus" in app.code[0].value
    assert not app.metric and not app.get("plotly_chart")


def test_shares_of_all_faces_and_of_the_picked_split(faces):
    app = ferplus()
    assert shown(app) == {
        "Majority for the label": ("37.5 %", "3 faces"),
        "Majority against it": ("25.0 %", "2 faces"),
        "No majority": ("12.5 %", "1 faces"),
        "Not a face": ("12.5 %", "1 faces"),
        "Mean agreement": ("73.3 %", "entropy 0.73 bits"),
    }
    app.selectbox(key="ferplus.votes faces").set_value("public_test").run()
    assert shown(app)["Majority for the label"] == ("50.0 %", "1 faces")
    assert shown(app)["Not a face"] == ("50.0 %", "1 faces")


def test_a_click_on_a_cell_opens_its_faces_and_frames_it(faces):
    app = ferplus()
    cell = [EMOTIONS.index("happy"), MAJORITIES.index("contempt")]
    click_mark(app, "ferplus.majority", cell)
    assert filters(app) == {"emotion": "happy", "majority": "contempt"}
    assert app.subheader[-1].value == "1 faces"


@pytest.mark.parametrize(
    ("what", "number", "bounds", "n"),
    [
        ("agreement", 7, (0.7, 0.8), 2),
        ("agreement", 10, (1.0, 1.1), 1),
        ("entropy", 0, (0, 0.25), 1),
    ],
)
def test_a_click_on_a_bar_opens_as_many_faces_as_it_counts(faces, what, number, bounds, n):
    app = ferplus()
    click_mark(app, f"ferplus.{what}", [number])
    assert filters(app) == {what: bounds}
    assert app.subheader[-1].value == f"{n} faces"
    (bars,) = drawn(app, f"ferplus.{what}")
    marked = [
        (mark, count)
        for (mark,), count, opacity in zip(
            bars["customdata"], bars["y"], bars["marker"]["opacity"], strict=True
        )
        if opacity == 1
    ]
    assert marked == [(number, n)]


def test_the_picked_split_is_part_of_what_a_click_chooses(faces):
    app = ferplus()
    app.selectbox(key="ferplus.votes faces").set_value("train").run()
    click_mark(app, "ferplus.agreement", [10])
    assert filters(app) == {"split": "train", "agreement": (1.0, 1.1)}
    click_mark(app, "ferplus.majority", [EMOTIONS.index("sad"), EMOTIONS.index("neutral")])
    assert filters(app) == {"split": "train", "emotion": "sad", "majority": "neutral"}


def test_a_range_chosen_elsewhere_marks_no_bar(faces):
    app = ferplus()
    app.session_state["dataset.filters"] = {"agreement": (0.45, 0.72)}
    app.run()
    assert not app.exception
    assert set(drawn(app, "ferplus.agreement")[0]["marker"]["opacity"]) == {1}


def test_every_bar_and_cell_counts_the_faces_that_its_filters_leave():
    rng = np.random.default_rng(6)
    n = 2000
    given = rng.multinomial(10, rng.dirichlet(np.full(len(VOTES), 0.3), n)).astype(np.uint8)
    given[:20] = np.minimum(given[:20], 1)  # fewer than ten votes, too
    labels = rng.integers(0, 7, n)
    dataset = make_faces(np.zeros((n, 48, 48), np.uint8), labels, votes=given)
    known = KnownFaces(dataset, measure(dataset), None)
    for what, edges in (("agreement", AGREEMENT_EDGES), ("entropy", ENTROPY_EDGES)):
        counts = bin_counts(getattr(votes, what)(given), edges)
        left = [len(positions(known, {what: bounds})) for bounds in itertools.pairwise(edges)]
        assert counts.tolist() == left and sum(left) == n
    cells = label_majority_counts(dataset.labels, votes.majority(given))
    for (label, said), count in np.ndenumerate(cells):
        cell = {"emotion": EMOTIONS[label], "majority": MAJORITIES[said]}
        assert len(positions(known, cell)) == count


@pytest.mark.parametrize(
    ("chosen", "cell"),
    [
        ({"emotion": "sad", "majority": "not a face"}, (4, 9)),
        ({"majority": "angry"}, (None, 0)),
        ({"emotion": "angry"}, (0, None)),
        ({"emotion": "sad", "agreement": (0.1, 0.2)}, None),
        ({"emotion": "sad", "split": "train"}, None),
        ({}, None),
    ],
    ids=["cell", "column", "row", "another filter", "another split", "nothing"],
)
def test_the_frame_is_around_what_is_chosen_by_label_and_majority_alone(chosen, cell):
    assert marked_cell(chosen, {}) == cell


def test_the_frame_belongs_to_the_picked_split():
    chosen = {"split": "train", "emotion": "sad", "majority": "sad"}
    assert marked_cell(chosen, {"split": "train"}) == (4, 4)
    assert marked_cell(chosen, {"split": "public_test"}) is None
