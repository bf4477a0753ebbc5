import shutil

import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline import cli
from pipeline.data.dataset import FaceDataset
from pipeline.data.store import remove_dataset
from pipeline.errors import UserError
from pipeline.evaluation.face_map import (
    FaceMap,
    embed,
    faces_to_map,
    load_map,
    make_map,
    save_map,
)
from pipeline.runs import Run, find_model
from pipeline.workspace import runs_folder
from tests.data.dataset_makers import make_faces
from tests.evaluation.makers import make_dataset

RNG = np.random.default_rng(0)


def map_of(dataset: FaceDataset, source="pixels", weights="") -> FaceMap:
    positions = faces_to_map(dataset)
    points = np.random.default_rng(0).random((len(positions), 2), np.float32)
    return FaceMap(positions, points, source, weights)


@pytest.fixture
def model() -> Run:
    bundled = find_model("custom_cnn")
    copy = Run(runs_folder() / "copied")
    shutil.copytree(bundled.openvino_path.parent, copy.openvino_path.parent)
    return copy


def test_clusters_stay_together_in_the_plane_and_the_same_at_each_call():
    cluster = np.repeat([0, 1, 2], 30)
    vectors = (20 * np.eye(3, 60)[cluster] + RNG.normal(size=(90, 60))).astype(np.float32)

    points = embed(vectors)

    distances = np.linalg.norm(points[:, np.newaxis] - points, axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (points.shape, points.dtype) == ((90, 2), np.float32)
    assert (cluster[distances.argmin(axis=1)] == cluster).all()
    np.testing.assert_array_equal(embed(vectors), points)


def test_a_few_vectors_and_nearly_equal_ones_can_be_embedded():
    nearly_equal = np.zeros((12, 30), np.float32)
    nearly_equal[3, 5] = 1
    for vectors in (*(RNG.random((n, 2304), np.float32) for n in (4, 5, 9)), nearly_equal):
        points = embed(vectors)
        assert points.shape == (len(vectors), 2) and np.isfinite(points).all()


def test_progress_rises_and_nothing_is_printed(capsys):
    fractions: list[float] = []

    embed(RNG.random((30, 20), np.float32), fractions.append)

    assert len(fractions) > 3 and fractions == sorted(fractions) and fractions[-1] <= 1
    assert capsys.readouterr() == ("", "")


def test_a_map_shows_a_seeded_stratified_sample_or_all_faces():
    rng = np.random.default_rng(3)
    labels = rng.choice(7, 3000, p=[0.13, 0.02, 0.14, 0.25, 0.17, 0.12, 0.17]).astype(np.uint8)
    splits = rng.choice(["train", "public_test", "private_test"], 3000, p=[0.8, 0.1, 0.1])
    dataset = make_faces(np.zeros((3000, 48, 48), np.uint8), labels, splits)

    sample = faces_to_map(dataset, most=700)

    assert len(set(sample.tolist())) == 700 and (np.diff(sample) > 0).all()
    for split in dataset.split_names():
        for label in range(7):
            stratum = (labels == label) & (splits == split)
            assert abs(stratum[sample].sum() - stratum.sum() * 700 / 3000) < 1, (split, label)
    np.testing.assert_array_equal(faces_to_map(dataset, most=700), sample)
    np.testing.assert_array_equal(faces_to_map(dataset), np.arange(3000))


def test_a_map_by_pixels_puts_similar_images_side_by_side():
    bright = np.arange(60) % 2 == 1
    noise = np.random.default_rng(0).integers(0, 128, (60, 48, 48), np.uint8)

    face_map = make_map(
        make_faces(noise + 100 * bright[:, np.newaxis, np.newaxis].astype(np.uint8))
    )

    middles = [face_map.points[bright == kind].mean(axis=0) for kind in (False, True)]
    distances = np.linalg.norm(face_map.points[:, np.newaxis] - middles, axis=2)
    assert (face_map.source, face_map.weights) == ("pixels", "")
    assert (distances.argmin(axis=1) == bright).all()


@pytest.mark.slow
def test_a_map_by_a_model_differs_and_is_stale_once_its_weights_change(model):
    dataset = make_dataset(n=60)
    fractions: list[float] = []

    face_map = make_map(dataset, model, fractions.append)
    save_map(dataset, face_map)

    assert (face_map.source, len(face_map.weights)) == ("copied", 64)
    assert not np.allclose(face_map.points, make_map(dataset).points)
    assert fractions == sorted(fractions) and 0.3 in fractions
    assert load_map(dataset, model) is not None and load_map(dataset) is None
    weights = model.openvino_path.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes() + b"0")
    assert load_map(dataset, model) is None
    shutil.rmtree(model.path)
    for function in (load_map, make_map):
        with pytest.raises(UserError, match="'copied' is missing"):
            function(dataset, model)


def test_too_few_or_equal_faces_are_refused_in_a_sentence():
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)
    for n in (1, 2, 3):
        refusal = f"'faces' has too few faces for a map, {n}: .* 4 or more"
        with pytest.raises(UserError, match=refusal):
            make_map(make_faces(images[:n]))
    assert make_map(make_faces(images)).points.shape == (4, 2)
    with pytest.raises(UserError, match="All faces of data set 'faces' are the same by pixels"):
        make_map(make_faces(np.full((9, 48, 48), 7, np.uint8)))


def test_a_stored_map_is_loaded_for_its_source_and_faces_only(model, empty_workspace):
    dataset = make_dataset()
    face_map = map_of(dataset)
    save_map(dataset, face_map)

    loaded = load_map(dataset)
    assert loaded is not None and loaded.source == "pixels"
    np.testing.assert_array_equal(loaded.positions, face_map.positions)
    np.testing.assert_array_equal(loaded.points, face_map.points)
    assert load_map(dataset, model) is None
    changed = FaceDataset(**{**vars(dataset), "fingerprint": "0" * 64})
    assert load_map(changed) is None
    file = empty_workspace / "datasets" / "faces" / "map-pixels.npz"
    file.write_bytes(file.read_bytes()[:200])
    assert load_map(dataset) is None

    remove_dataset("faces")
    with pytest.raises(UserError, match="'faces' cannot be stored .No such file"):
        save_map(dataset, face_map)


def test_the_command_stores_the_map_and_refuses_an_unknown_model():
    dataset = make_dataset(n=30)

    done = CliRunner().invoke(cli.app, ["map", "faces"])
    assert done.stdout == "Mapped 30 of 30 faces of 'faces' by pixels.\n"
    assert load_map(dataset) is not None

    error = CliRunner().invoke(cli.app, ["map", "faces", "--model", "no"]).exception
    assert isinstance(error, UserError) and "Unknown model 'no'" in str(error)
