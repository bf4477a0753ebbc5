from dataclasses import asdict

import numpy as np
import pytest

from pipeline.data import statistics as statistics_module
from pipeline.data.dataset import SPLITS
from pipeline.data.statistics import measure, statistics
from pipeline.labels import EMOTIONS
from pipeline.workspace import dataset_folder
from tests.data.dataset_makers import checks, make_faces, noise, store_faces


@pytest.fixture
def faces():
    rng = np.random.default_rng(0)
    images = [noise(i) // (1 + i % 3) for i in range(40)]
    labels = rng.integers(0, 6, 40)  # none is neutral
    return make_faces(images, labels, rng.choice(["train", "test", "public_test"], 40))


def assert_same(one, other):
    for name, values in asdict(one).items():
        np.testing.assert_array_equal(values, getattr(other, name))


def test_brightness_and_contrast_are_mean_and_deviation_of_each_face(faces):
    measured = measure(faces)
    pixels = faces.images.reshape(40, -1).astype(np.float64)
    np.testing.assert_allclose(measured.brightness, pixels.mean(axis=1), rtol=1e-5)
    np.testing.assert_allclose(measured.contrast, pixels.std(axis=1), rtol=1e-5)
    assert measured.brightness.dtype == measured.contrast.dtype == np.float32

    extremes = measure(make_faces([checks(0, gray=255), checks(10), np.eye(48) * 255]))
    assert extremes.contrast[:2].tolist() == [0, 10]
    assert extremes.brightness.tolist() == [255, 128, np.float32(255 / 48)]


def test_counts_and_mean_images_are_those_of_all_faces_of_a_split_and_emotion(faces):
    measured = measure(faces)
    for split in (None, *SPLITS):
        for emotion in range(len(EMOTIONS)):
            mine = faces.labels == emotion
            if split is not None:
                mine &= faces.splits == split
                assert measured.counts[SPLITS.index(split), emotion] == mine.sum()
            found = measured.mean_face(emotion, split)
            if not mine.any():
                assert found is None
                continue
            mean, deviation = found
            images = faces.images[mine]
            np.testing.assert_allclose(mean, images.mean(axis=0), rtol=1e-5)
            np.testing.assert_allclose(deviation, images.std(axis=0), rtol=1e-5, atol=1e-3)
            assert mean.dtype == deviation.dtype == np.float32


def test_measuring_in_chunks_changes_nothing(faces, monkeypatch):
    whole = measure(faces)
    monkeypatch.setattr(statistics_module, "_CHUNK", 7)
    assert_same(measure(faces), whole)


def test_statistics_are_stored_at_import_and_again_after_damage(monkeypatch):
    faces = store_faces([noise(0), noise(1)])
    file = dataset_folder("faces") / "statistics.npz"

    def fail(_):
        raise AssertionError("measured again")

    def stored():
        with monkeypatch.context() as patch:
            patch.setattr(statistics_module, "measure", fail)
            return statistics(faces)

    before = stored()
    for damage in (
        lambda: file.unlink(),
        lambda: file.write_bytes(file.read_bytes()[:-20]),
        lambda: file.write_bytes(b"no numbers"),
        lambda: np.savez(file, fingerprint=np.array("0" * 64)),  # of other faces
        lambda: np.savez(file, fingerprint=np.array(faces.fingerprint)),  # of an older version
    ):
        damage()
        assert_same(statistics(faces), before)
        assert_same(stored(), before)


def test_statistics_that_cannot_be_stored_are_returned_all_the_same():
    faces = store_faces([noise(0)])
    before = statistics(faces)
    (dataset_folder("faces") / "statistics.npz").unlink()
    (dataset_folder("faces") / "statistics.npz").mkdir()
    assert_same(statistics(faces), before)
    assert not list(dataset_folder("faces").glob(".*"))
