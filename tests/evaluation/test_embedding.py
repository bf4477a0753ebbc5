import numpy as np
import pytest

from pipeline.evaluation.embedding import embed

RNG = np.random.default_rng(0)


def test_vectors_of_one_cluster_stay_together():
    cluster = np.repeat([0, 1, 2], 30)
    vectors = (20 * np.eye(3, 60)[cluster] + RNG.normal(size=(90, 60))).astype(np.float32)

    points = embed(vectors)

    distances = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (points.shape, points.dtype) == ((90, 2), np.float32)
    assert (cluster[distances.argmin(axis=1)] == cluster).all()


def test_the_same_vectors_give_the_same_points():
    vectors = RNG.random((40, 100), np.float32)

    np.testing.assert_array_equal(embed(vectors), embed(vectors))


@pytest.mark.parametrize("n", [4, 5, 9])
def test_a_few_vectors_are_enough(n):
    points = embed(RNG.random((n, 2304), np.float32))

    assert points.shape == (n, 2) and np.isfinite(points).all()


def test_vectors_that_differ_in_one_number_only_can_be_laid_out():
    vectors = np.zeros((12, 30), np.float32)
    vectors[3, 5] = 1

    assert np.isfinite(embed(vectors)).all()


def test_progress_rises_and_nothing_is_printed(capsys):
    seen: list[float] = []

    embed(RNG.random((30, 20), np.float32), seen.append)

    assert len(seen) > 3 and seen == sorted(seen) and seen[-1] <= 1
    assert capsys.readouterr() == ("", "")
