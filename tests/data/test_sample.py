from pathlib import Path

import numpy as np
import pytest

from pipeline.data import sample
from pipeline.data.dataset import FaceDataset
from pipeline.data.importing import import_dataset
from pipeline.data.store import load_dataset
from pipeline.labels import EMOTIONS


@pytest.fixture(scope="module")
def faces(tmp_path_factory) -> FaceDataset:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(tmp_path_factory.mktemp("drawn")))
        import_dataset(Path("sample"), "sample")
        return load_dataset("sample")


def test_there_are_1400_faces_as_many_of_each_emotion_in_three_splits(faces):
    assert len(faces) == 1400
    expected = {"train": 140, "validation": 30, "test": 30}
    assert faces.counts() == {s: dict.fromkeys(EMOTIONS, n) for s, n in expected.items()}
    assert len(set(faces.ids)) == 1400


def test_drawing_again_gives_the_same_faces(faces):
    again = np.concatenate(
        [batch.images for batch in sample.read(Path("sample"), split="train", skip_unknown=False)]
    )
    np.testing.assert_array_equal(again, faces.images)


def test_no_two_faces_are_the_same(faces):
    assert len({image.tobytes() for image in faces.images}) == len(faces)


def test_faces_of_one_emotion_vary_in_light_and_place(faces):
    for label in range(len(EMOTIONS)):
        images = faces.images[faces.labels == label].astype(float)
        assert images.mean((1, 2)).std() > 15
        assert images.std(0).mean() > 15


def test_emotions_differ_in_their_mean_face(faces):
    train = faces.indices("train")
    images = faces.images[train].astype(float)
    images -= images.mean((1, 2), keepdims=True)
    means = [images[faces.labels[train] == label].mean(0) for label in range(len(EMOTIONS))]
    for i, one in enumerate(means):
        for other in means[:i]:
            assert np.abs(one - other).max() > 15


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_a_face_is_drawn_by_its_generator_alone(emotion):
    one, same, other = (sample.draw_face(emotion, np.random.default_rng(s)) for s in (1, 1, 2))
    assert one.dtype == np.uint8 and one.shape == (48, 48)
    assert np.array_equal(one, same) and not np.array_equal(one, other)
