from dataclasses import asdict

import numpy as np
import pytest

from pipeline.data import statistics as statistics_module
from pipeline.data.dataset import SPLITS
from pipeline.data.statistics import measure, statistics
from pipeline.labels import EMOTIONS
from pipeline.workspace import dataset_folder
from tests.data.dataset_makers import checks, make_faces, noise, store_faces

FILE = "statistics.npz"


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    images = [noise(i) // (1 + i % 3) for i in range(40)]
    labels = rng.integers(0, 6, 40)  # none is neutral
    return make_faces(images, labels, rng.choice(["train", "test", "public_test"], 40))


def assert_same(one, other):
    for name, values in asdict(one).items():
        np.testing.assert_array_equal(values, getattr(other, name))


def test_light_is_the_mean_and_deviation_of_each_face(faces):
    measured = measure(faces)
    pixels = faces.images.reshape(40, -1).astype(np.float64)

    np.testing.assert_allclose(measured.brightness, pixels.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(measured.contrast, pixels.std(axis=1), rtol=1e-5)
    assert measured.brightness.dtype == measured.contrast.dtype == np.float32


def test_the_contrast_of_extremes_is_exact():
    measured = measure(make_faces([checks(0, grey=255), checks(10), np.eye(48) * 255]))

    assert measured.contrast[:2].tolist() == [0, 10]
    assert measured.brightness.tolist() == [255, 128, np.float32(255 / 48)]


@pytest.mark.parametrize("split", [None, *SPLITS])
@pytest.mark.parametrize("emotion", range(len(EMOTIONS)))
def test_mean_faces_are_those_of_all_faces_at_once(faces, split, emotion):
    mine = faces.labels == emotion
    if split is not None:
        mine &= faces.splits == split
    found = measure(faces).mean_face(emotion, split)

    if not mine.any():
        assert found is None
        return
    np.testing.assert_allclose(found[0], faces.images[mine].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found[1], faces.images[mine].std(axis=0), rtol=1e-5, atol=1e-3)
    assert found[0].dtype == found[1].dtype == np.float32


def test_faces_are_counted_by_split_and_emotion(faces):
    counts = measure(faces).counts

    assert counts.shape == (len(SPLITS), len(EMOTIONS))
    for split, of_split in faces.counts().items():
        assert counts[SPLITS.index(split)].tolist() == list(of_split.values())


def test_measuring_by_parts_changes_nothing(faces, monkeypatch):
    at_once = measure(faces)
    monkeypatch.setattr(statistics_module, "_CHUNK", 7)

    assert_same(measure(faces), at_once)


@pytest.fixture
def never_measured(monkeypatch):
    def fail(_):
        raise AssertionError("measured again")

    monkeypatch.setattr(statistics_module, "measure", fail)


def test_they_are_kept_at_import(never_measured):
    faces = store_faces([noise(0), noise(1)])

    assert statistics(faces).brightness.shape == (2,)


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_bytes(file.read_bytes()[:-20]),
        lambda file: file.write_bytes(b"no numbers"),
        lambda file: np.savez(file, fingerprint=np.array("0" * 64)),
    ],
    ids=["missing", "cut", "spoilt", "of other faces"],
)
def test_damaged_statistics_are_measured_and_kept_again(damage, request):
    faces = store_faces([noise(0), noise(1)])
    before = statistics(faces)
    damage(dataset_folder("faces") / FILE)

    assert_same(statistics(faces), before)
    request.getfixturevalue("never_measured")
    assert_same(statistics(faces), before)


def test_statistics_of_an_older_version_are_measured_again():
    faces = store_faces([noise(0)])
    np.savez(dataset_folder("faces") / FILE, fingerprint=np.array(faces.fingerprint))

    assert statistics(faces).counts.sum() == 1


def test_where_nothing_can_be_kept_they_are_known_all_the_same():
    faces = store_faces([noise(0)])
    before = statistics(faces)
    (dataset_folder("faces") / FILE).unlink()
    (dataset_folder("faces") / FILE).mkdir()

    assert_same(statistics(faces), before)
    assert not list(dataset_folder("faces").glob(".*"))
