from pathlib import Path

import numpy as np
import pytest

from pipeline.data import sample
from pipeline.data.dataset import FaceDataset
from pipeline.data.import_options import ImportOptions, ImportReport
from pipeline.data.store import load_dataset
from pipeline.labels import EMOTIONS


@pytest.fixture(scope="module")
def faces(imported_sample) -> FaceDataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(imported_sample))
        return load_dataset("sample")


def test_the_sample_has_1400_distinct_faces_balanced_in_three_splits(faces):
    assert len(faces) == 1400 == len(set(faces.ids))
    expected = {"train": 140, "validation": 30, "test": 30}
    assert faces.counts() == {s: dict.fromkeys(EMOTIONS, n) for s, n in expected.items()}
    assert len({image.tobytes() for image in faces.images}) == len(faces)


@pytest.mark.slow
def test_the_imbalanced_sample_has_the_proportions_of_fer2013():
    batch = next(sample.read(Path(sample.IMBALANCED), ImportOptions(), ImportReport()))
    assert np.bincount(batch.labels).tolist() == [136, 15, 140, 246, 165, 108, 169]


@pytest.mark.slow
def test_the_sample_is_the_same_each_time(faces):
    again = sample.read(Path("sample"), ImportOptions(), ImportReport())
    np.testing.assert_array_equal(np.concatenate([b.images for b in again]), faces.images)
    for emotion in EMOTIONS:
        one, same, other = (sample.draw_face(emotion, np.random.default_rng(s)) for s in (1, 1, 2))
        assert one.dtype == np.uint8 and one.shape == (48, 48)
        assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_faces_vary_within_an_emotion_and_emotions_differ_in_their_mean(faces):
    means = []
    for label in range(len(EMOTIONS)):
        images = faces.images[faces.labels == label].astype(float)
        assert images.mean((1, 2)).std() > 15 and images.std(0).mean() > 15
        train = faces.images[(faces.labels == label) & (faces.splits == "train")].astype(float)
        means.append((train - train.mean((1, 2), keepdims=True)).mean(0))
    for i, one in enumerate(means):
        for other in means[:i]:
            assert np.abs(one - other).max() > 15
