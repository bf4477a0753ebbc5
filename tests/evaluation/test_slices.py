import numpy as np
import pytest

from pipeline.data.audit import audit
from pipeline.data.dataset import FaceDataset
from pipeline.data.statistics import measure
from pipeline.data.votes import agreement
from pipeline.evaluation.metrics import accuracy_interval
from pipeline.evaluation.predictions import Predictions
from pipeline.evaluation.slices import Slice, duplicate_status, slices
from tests.data.dataset_makers import checks, make_faces, noise, smooth, votes
from tests.evaluation.makers import make_predictions, random_predictions


def faces_of_varied_brightness(n: int, seed=0, **given) -> FaceDataset:
    """Faces of random brightness and contrast: half `test`, half `train`."""
    rng = np.random.default_rng(seed)
    grays, contrasts = rng.integers(60, 190, n), rng.integers(5, 60, n)
    images = [checks(int(c), int(g)) for c, g in zip(contrasts, grays, strict=True)]
    splits = np.where(rng.permutation(n) % 2 == 0, "test", "train").tolist()
    return make_faces(images, splits=splits, **given)


def predict(dataset: FaceDataset, split="test", seed=0) -> Predictions:
    """Random predictions for a split's faces, in random order."""
    rows = np.random.default_rng(seed).permutation(dataset.indices(split))
    sampled = random_predictions(len(rows), seed=seed)
    return make_predictions(dataset.labels[rows], sampled.probabilities, dataset.ids[rows])


def of_kind(kind: str, predictions: Predictions, dataset: FaceDataset, audited=None) -> list[Slice]:
    every = slices(predictions, dataset, measure(dataset), audited)
    return [each for each in every if each.kind == kind]


def values_of(kind: str, predictions: Predictions, dataset: FaceDataset) -> np.ndarray:
    row = {name: row for row, name in enumerate(dataset.ids)}
    return getattr(measure(dataset), kind)[[row[name] for name in predictions.ids]]


def is_partition(parts: list[Slice], n: int) -> bool:
    return sorted(np.concatenate([part.faces for part in parts])) == list(range(n))


def test_quintiles_of_brightness_and_contrast_partition_the_faces_from_low_to_high():
    for n in (12, 40, 300):
        dataset = faces_of_varied_brightness(n)
        predictions = predict(dataset)
        for kind in ("brightness", "contrast"):
            parts = of_kind(kind, predictions, dataset)
            values = values_of(kind, predictions, dataset)
            assert 1 < len(parts) <= 5 and is_partition(parts, len(predictions)), (n, kind)
            for low, high in zip(parts, parts[1:], strict=False):
                assert values[low.faces].max() < values[high.faces].min()


def test_quintiles_of_distinct_values_are_of_equal_size_and_named_by_their_ends():
    dataset = make_faces([checks(20, gray) for gray in range(100, 150)], splits="test")
    parts = of_kind("brightness", predict(dataset), dataset)

    assert [len(part.faces) for part in parts] == [10] * 5
    names = ["100 – 110", "110 – 120", "120 – 130", "130 – 140", "140 – 149"]
    assert [part.name for part in parts] == names


def test_equal_values_stay_in_one_slice():
    grays = [100] * 30 + [120] * 3 + [140] * 2 + [160]
    dataset = make_faces([checks(20, gray) for gray in grays], splits="test")
    predictions = predict(dataset)
    parts = of_kind("brightness", predictions, dataset)

    values = values_of("brightness", predictions, dataset)
    assert is_partition(parts, 36)
    assert len(np.concatenate([np.unique(values[part.faces]) for part in parts])) == 4


def test_constant_values_and_single_faces_are_one_slice_of_each_kind():
    constant = make_faces([checks(20)] * 30, splits="test")
    every = slices(predict(constant), constant, measure(constant))
    assert [(part.kind, part.name, len(part.faces)) for part in every] == [
        ("brightness", "128 – 128", 30),
        ("contrast", "20 – 20", 30),
        ("duplicates", "duplicate elsewhere", 30),
    ]

    single = make_faces([checks(20), checks(30)], splits=["train", "test"])
    every = slices(predict(single), single, measure(single))
    assert [part.kind for part in every] == ["brightness", "contrast", "duplicates"]
    for part in every:
        assert part.faces.tolist() == [0]
        assert part.interval[1] - part.interval[0] > 0.5  # one face says little


def test_names_are_unique_though_the_brightness_hardly_differs():
    images = [np.where(np.arange(2304) < 40 * i, 129, 128) for i in range(50)]
    dataset = make_faces(images, splits="test")
    names = [part.name for part in of_kind("brightness", predict(dataset), dataset)]

    assert len(set(names)) == len(names)


def test_accuracy_and_interval_are_those_of_the_faces_of_the_slice():
    agreements = [votes(happiness=10 - i % 7, fear=i % 7) for i in range(200)]
    dataset = faces_of_varied_brightness(200, votes=agreements)
    predictions = predict(dataset)

    every = slices(predictions, dataset, measure(dataset))

    kinds = {part.kind for part in every}
    assert kinds == {"brightness", "contrast", "FER+ agreement", "duplicates"}
    for part in every:
        assert part.accuracy == pytest.approx(predictions.correct[part.faces].mean())
        assert part.interval == accuracy_interval(predictions.take(part.faces))
        assert part.interval[0] <= part.accuracy <= part.interval[1]


A, B, C, D = (noise(seed) for seed in range(4))
IN_TRAIN, NEAR, ELSEWHERE, NONE = (
    "duplicate in train",
    "near-duplicate in train",
    "duplicate elsewhere",
    "no duplicate",
)
IMAGES = [
    ("train", A, ELSEWHERE, ELSEWHERE),
    ("test", A, IN_TRAIN, IN_TRAIN),
    ("test", A, IN_TRAIN, IN_TRAIN),
    ("train", smooth(0), NONE, ELSEWHERE),
    ("test", smooth(0, moved=1), NONE, NEAR),
    ("test", B, ELSEWHERE, ELSEWHERE),
    ("test", B, ELSEWHERE, ELSEWHERE),
    ("test", C, NONE, NONE),
    ("train", D, ELSEWHERE, ELSEWHERE),
    ("train", D, ELSEWHERE, ELSEWHERE),
    ("test", smooth(1), NONE, ELSEWHERE),
    ("test", smooth(1, moved=1), NONE, ELSEWHERE),
    ("train", smooth(2), ELSEWHERE, ELSEWHERE),
    ("test", smooth(2), IN_TRAIN, IN_TRAIN),
    ("test", smooth(2, moved=1), NONE, NEAR),
    ("test", smooth(3, moved=1), ELSEWHERE, NEAR),
    ("test", smooth(3, moved=1), ELSEWHERE, NEAR),
    ("train", smooth(3), NONE, ELSEWHERE),
]
"""Split, image, its status without an audit and with one."""


def test_slices_by_duplicates_know_near_duplicates_only_after_an_audit():
    splits, images, *expected = zip(*IMAGES, strict=True)
    dataset = make_faces(images, splits=list(splits))
    predictions = predict(dataset)
    for audited, statuses in zip((None, audit(dataset)), expected, strict=True):
        assert duplicate_status(dataset, audited).tolist() == list(statuses)
        parts = of_kind("duplicates", predictions, dataset, audited)
        order = [name for name in (IN_TRAIN, NEAR, ELSEWHERE, NONE) if name in statuses]
        assert [part.name for part in parts] == order
        assert is_partition(parts, len(predictions))
        status = dict(zip(dataset.ids, statuses, strict=True))
        for part in parts:
            assert {status[predictions.ids[i]] for i in part.faces} == {part.name}


def test_slices_by_agreement_partition_the_faces_by_tenths_in_order():
    rng, kinds = np.random.default_rng(0), ("happiness", "fear", "anger", "NF")
    counts = [rng.multinomial(10, rng.dirichlet([0.6] * 4)) for _ in range(200)]
    rows = [votes(**dict(zip(kinds, map(int, row), strict=True))) for row in counts]
    dataset = faces_of_varied_brightness(200, votes=rows)
    predictions = predict(dataset)
    parts = of_kind("FER+ agreement", predictions, dataset)

    shares = agreement(dataset.votes)[[int(name[1:]) for name in predictions.ids]]
    tenths = [int(part.name.removeprefix("at most ").removesuffix("%")) // 10 for part in parts]
    assert is_partition(parts, len(predictions))
    assert tenths == sorted(set(tenths)) and tenths[0] == 4
    for part, tenth in zip(parts, tenths, strict=True):
        assert {max(4, round(10 * share)) for share in shares[part.faces].tolist()} == {tenth}
    unvoted = faces_of_varied_brightness(30)
    assert of_kind("FER+ agreement", predict(unvoted), unvoted) == []


def test_agreement_is_rounded_to_tenths_and_low_agreement_is_one_slice():
    for counts, name in (
        ({"happiness": 10}, "100%"),
        ({"happiness": 9, "NF": 1}, "90%"),
        ({"happiness": 2, "fear": 1}, "70%"),
        ({"happiness": 5, "fear": 5}, "50%"),
        ({"happiness": 4, "fear": 3, "anger": 3}, "at most 40%"),
        ({"happiness": 2, "fear": 2, "anger": 2, "sadness": 2, "NF": 2}, "at most 40%"),
        ({}, "at most 40%"),
    ):
        dataset = make_faces([checks(20)], splits="test", votes=[votes(**counts)])
        (part,) = of_kind("FER+ agreement", predict(dataset), dataset)
        assert part.name == name, counts
