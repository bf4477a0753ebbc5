import numpy as np
import pytest

from pipeline.data.audit import audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.statistics import measure
from pipeline.data.votes import agreement
from pipeline.evaluation.metrics import accuracy_interval
from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.slices import Slice, slices, twin_status
from tests.data.dataset_makers import checks, make_faces, noise, smooth, votes
from tests.evaluation.makers import of_probabilities, random_predictions


def lit(n: int, seed=0, **given) -> FaceDataset:
    """Faces of different light: `test` faces among as many of `train`."""
    rng = np.random.default_rng(seed)
    greys, contrasts = rng.integers(60, 190, n), rng.integers(5, 60, n)
    images = [checks(int(c), int(g)) for c, g in zip(contrasts, greys, strict=True)]
    splits = np.where(rng.permutation(n) % 2 == 0, "test", "train").tolist()
    return make_faces(images, splits=splits, **given)


def judge(dataset: FaceDataset, split="test", seed=0) -> Predictions:
    """Random predictions of a split's faces, in no order."""
    rows = np.random.default_rng(seed).permutation(dataset.indices(split))
    drawn = random_predictions(len(rows), seed=seed)
    return of_probabilities(dataset.labels[rows], drawn.probabilities, dataset.ids[rows])


def of_kind(kind: str, predictions: Predictions, dataset: FaceDataset, found=None) -> list[Slice]:
    every = slices(predictions, dataset, measure(dataset), found)
    return [each for each in every if each.kind == kind]


def values_of(kind: str, predictions: Predictions, dataset: FaceDataset) -> np.ndarray:
    place = {name: row for row, name in enumerate(dataset.ids)}
    rows = [place[name] for name in predictions.ids]
    return getattr(measure(dataset), kind)[rows]


def parted(parts: list[Slice], n: int) -> bool:
    return sorted(np.concatenate([part.faces for part in parts])) == list(range(n))


@pytest.mark.parametrize("kind", ["brightness", "contrast"])
@pytest.mark.parametrize("n", [12, 40, 300])
def test_fifths_part_the_faces_from_low_to_high(kind, n):
    dataset = lit(n)
    predictions = judge(dataset)
    parts = of_kind(kind, predictions, dataset)
    values = values_of(kind, predictions, dataset)

    assert 1 < len(parts) <= 5 and parted(parts, len(predictions))
    for low, high in zip(parts, parts[1:], strict=False):
        assert values[low.faces].max() < values[high.faces].min()


def test_fifths_of_different_values_are_of_one_size_and_named_by_their_ends():
    dataset = make_faces([checks(20, grey) for grey in range(100, 150)], splits="test")
    parts = of_kind("brightness", judge(dataset), dataset)

    assert [len(part.faces) for part in parts] == [10] * 5
    assert [part.name for part in parts] == [
        "100 – 110", "110 – 120", "120 – 130", "130 – 140", "140 – 149",
    ]  # fmt: skip


def test_equal_values_stay_in_one_slice():
    greys = [100] * 30 + [120] * 3 + [140] * 2 + [160]
    dataset = make_faces([checks(20, grey) for grey in greys], splits="test")
    predictions = judge(dataset)
    parts = of_kind("brightness", predictions, dataset)

    values = values_of("brightness", predictions, dataset)
    assert parted(parts, 36)
    assert len(np.concatenate([np.unique(values[part.faces]) for part in parts])) == 4


def test_constant_values_are_one_slice():
    dataset = make_faces([checks(20)] * 30, splits="test")
    every = slices(judge(dataset), dataset, measure(dataset))

    assert [(part.kind, part.name) for part in every] == [
        ("brightness", "128 – 128"), ("contrast", "20 – 20"), ("twins", "twin elsewhere"),
    ]  # fmt: skip
    assert all(len(part.faces) == 30 for part in every)


def test_a_split_of_one_face_is_one_slice_of_each_kind():
    dataset = make_faces([checks(20), checks(30)], splits=["train", "test"])
    every = slices(judge(dataset), dataset, measure(dataset))

    assert [part.kind for part in every] == ["brightness", "contrast", "twins"]
    assert all(part.faces.tolist() == [0] for part in every)
    assert all(part.interval == (part.accuracy, part.accuracy) for part in every)


def test_slices_of_one_kind_have_different_names_though_the_light_hardly_differs():
    images = [np.where(np.arange(2304) < 40 * i, 129, 128) for i in range(50)]
    dataset = make_faces(images, splits="test")
    names = [part.name for part in of_kind("brightness", judge(dataset), dataset)]

    assert len(set(names)) == len(names)


def test_accuracy_and_interval_are_those_of_the_faces_of_the_slice():
    dataset = lit(200, votes=[votes(happiness=10 - i % 7, fear=i % 7) for i in range(200)])
    predictions = judge(dataset)
    said = predictions.probabilities.argmax(axis=1)

    every = slices(predictions, dataset, measure(dataset))

    assert {part.kind for part in every} == {"brightness", "contrast", "FER+ agreement", "twins"}
    for part in every:
        hits = [said[i] == predictions.y_true[i] for i in part.faces]
        assert part.accuracy == pytest.approx(np.mean(hits))
        assert part.interval == accuracy_interval(predictions.of(part.faces))
        assert part.interval[0] <= part.accuracy <= part.interval[1]


A, B, C, D = (noise(seed) for seed in range(4))
PICTURES = [
    ("train", A, "twin elsewhere", "twin elsewhere"),
    ("test", A, "twin in train", "twin in train"),
    ("test", A, "twin in train", "twin in train"),
    ("train", smooth(0), "no twin", "twin elsewhere"),
    ("test", smooth(0, moved=1), "no twin", "near twin in train"),
    ("test", B, "twin elsewhere", "twin elsewhere"),
    ("test", B, "twin elsewhere", "twin elsewhere"),
    ("test", C, "no twin", "no twin"),
    ("train", D, "twin elsewhere", "twin elsewhere"),
    ("train", D, "twin elsewhere", "twin elsewhere"),
    ("test", smooth(1), "no twin", "twin elsewhere"),
    ("test", smooth(1, moved=1), "no twin", "twin elsewhere"),
    ("train", smooth(2), "twin elsewhere", "twin elsewhere"),
    ("test", smooth(2), "twin in train", "twin in train"),
    ("test", smooth(2, moved=1), "no twin", "near twin in train"),
    ("test", smooth(3, moved=1), "twin elsewhere", "near twin in train"),
    ("test", smooth(3, moved=1), "twin elsewhere", "near twin in train"),
    ("train", smooth(3), "no twin", "twin elsewhere"),
]
"""Split, picture, where its twin is without an audit and with one."""


@pytest.fixture
def twins() -> FaceDataset:
    splits, images, *_ = zip(*PICTURES, strict=True)
    return make_faces(images, splits=list(splits))


def test_without_an_audit_identical_twins_are_known(twins):
    assert twin_status(twins).tolist() == [row[2] for row in PICTURES]


def test_with_an_audit_near_twins_are_known_and_the_closest_twin_counts(twins):
    assert twin_status(twins, audit(twins)).tolist() == [row[3] for row in PICTURES]


@pytest.mark.parametrize("audited", [False, True], ids=["without an audit", "with one"])
def test_slices_by_twins_part_the_faces_and_come_in_order(twins, audited):
    found = audit(twins) if audited else None
    predictions = judge(twins)
    parts = of_kind("twins", predictions, twins, found)

    expected = {f"f{i}": row[2 + audited] for i, row in enumerate(PICTURES)}
    order = ["twin in train", "near twin in train", "twin elsewhere", "no twin"]
    assert [part.name for part in parts] == [name for name in order if name in expected.values()]
    assert parted(parts, len(predictions))
    for part in parts:
        assert {expected[predictions.ids[i]] for i in part.faces} == {part.name}


def test_slices_by_agreement_part_the_faces_and_come_in_order():
    rng, kinds = np.random.default_rng(0), ("happiness", "fear", "anger", "NF")
    drawn = [rng.multinomial(10, rng.dirichlet([0.6] * 4)) for _ in range(200)]
    said = [votes(**dict(zip(kinds, map(int, row), strict=True))) for row in drawn]
    dataset = lit(200, votes=said)
    predictions = judge(dataset)
    parts = of_kind("FER+ agreement", predictions, dataset)

    shares = agreement(dataset.votes)[[int(name[1:]) for name in predictions.ids]]
    tenths = [int(part.name.removeprefix("at most ").split()[0]) // 10 for part in parts]
    assert parted(parts, len(predictions))
    assert tenths == sorted(set(tenths)) and tenths[0] == 4
    for part, tenth in zip(parts, tenths, strict=True):
        assert {max(4, round(10 * share)) for share in shares[part.faces].tolist()} == {tenth}


@pytest.mark.parametrize(
    ("counts", "name"),
    [
        ({"happiness": 10}, "100 %"),
        ({"happiness": 9, "NF": 1}, "90 %"),
        ({"happiness": 2, "fear": 1}, "70 %"),
        ({"happiness": 5, "fear": 5}, "50 %"),
        ({"happiness": 4, "fear": 3, "anger": 3}, "at most 40 %"),
        ({"happiness": 2, "fear": 2, "anger": 2, "sadness": 2, "NF": 2}, "at most 40 %"),
        ({}, "at most 40 %"),
    ],
)
def test_faces_lie_in_the_tenth_of_their_agreement(counts, name):
    dataset = make_faces([checks(20)], splits="test", votes=[votes(**counts)])
    (part,) = of_kind("FER+ agreement", judge(dataset), dataset)

    assert part.name == name


def test_without_votes_there_is_no_slice_by_agreement():
    dataset = lit(30)

    assert of_kind("FER+ agreement", judge(dataset), dataset) == []
