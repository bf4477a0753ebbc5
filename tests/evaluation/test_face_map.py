import os
import shutil
import signal

import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline import cli
from pipeline.data.dataset import FaceDataset
from pipeline.data.store import remove_dataset
from pipeline.errors import UserError
from pipeline.evaluation.face_map import FaceMap, faces_to_map, keep_map, kept_map, make_map
from pipeline.evaluation.jobs import MapJob
from pipeline.runs import Run, find_model
from pipeline.workspace import runs_folder
from tests.conftest import wait_for
from tests.data.dataset_makers import make_faces
from tests.evaluation.makers import make_dataset


def map_of(dataset: FaceDataset, source="pixels", weights="") -> FaceMap:
    positions = faces_to_map(dataset)
    points = np.random.default_rng(0).random((len(positions), 2), np.float32)
    return FaceMap(positions, points, source, weights)


@pytest.fixture
def model() -> Run:
    shipped = find_model("custom_cnn")
    copy = Run(runs_folder() / "copied")
    shutil.copytree(shipped.openvino_path.parent, copy.openvino_path.parent)
    return copy


def test_each_emotion_of_each_split_has_its_share_to_within_a_face():
    rng = np.random.default_rng(3)
    labels = rng.choice(7, 3000, p=[0.13, 0.02, 0.14, 0.25, 0.17, 0.12, 0.17]).astype(np.uint8)
    splits = rng.choice(["train", "public_test", "private_test"], 3000, p=[0.8, 0.1, 0.1])
    dataset = make_faces(np.zeros((3000, 48, 48), np.uint8), labels, splits)

    drawn = faces_to_map(dataset, most=700)

    assert len(set(drawn.tolist())) == 700 and (np.diff(drawn) > 0).all()
    for split in dataset.split_names():
        for label in range(7):
            kind = (labels == label) & (splits == split)
            assert abs(kind[drawn].sum() - kind.sum() * 700 / 3000) < 1, (split, label)


def test_the_draw_is_the_same_each_time_and_whole_where_there_is_room():
    dataset = make_faces(np.zeros((50, 48, 48), np.uint8))

    np.testing.assert_array_equal(faces_to_map(dataset, 20), faces_to_map(dataset, 20))
    np.testing.assert_array_equal(faces_to_map(dataset), np.arange(50))


def test_a_map_by_pixels_puts_pictures_of_one_kind_side_by_side():
    bright = np.arange(60) % 2 == 1
    noise = np.random.default_rng(0).integers(0, 128, (60, 48, 48), np.uint8)

    made = make_map(make_faces(noise + 100 * bright[:, np.newaxis, np.newaxis].astype(np.uint8)))

    middles = [made.points[bright == kind].mean(axis=0) for kind in (False, True)]
    distances = np.linalg.norm(made.points[:, np.newaxis] - middles, axis=2)
    assert (made.source, made.weights) == ("pixels", "")
    assert (distances.argmin(axis=1) == bright).all()


def test_a_map_by_a_model_is_another_one_and_remembers_its_weights(model):
    dataset = make_dataset(n=60)
    seen: list[float] = []

    made = make_map(dataset, model, seen.append)

    assert (made.source, len(made.weights)) == ("copied", 64)
    assert not np.allclose(made.points, make_map(dataset).points)
    assert seen == sorted(seen) and 0.3 in seen


@pytest.mark.parametrize("n", [1, 2, 3])
def test_too_few_faces_are_refused_in_a_sentence(n):
    images = np.random.default_rng(0).integers(0, 256, (n, 48, 48), np.uint8)

    with pytest.raises(UserError, match=f"'faces' has too few faces for a map, {n}: .* 4 or more"):
        make_map(make_faces(images))


def test_four_faces_make_a_map():
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 48), np.uint8)

    assert make_map(make_faces(images)).points.shape == (4, 2)


def test_faces_that_are_all_the_same_are_refused_in_a_sentence():
    with pytest.raises(UserError, match="All faces of data set 'faces' are the same by pixels"):
        make_map(make_faces(np.full((9, 48, 48), 7, np.uint8)))


def test_a_kept_map_is_found_again_for_its_source_only(model):
    dataset = make_dataset()
    made = map_of(dataset)
    keep_map(dataset, made)

    found = kept_map(dataset)

    assert found is not None and found.source == "pixels"
    np.testing.assert_array_equal(found.positions, made.positions)
    np.testing.assert_array_equal(found.points, made.points)
    assert kept_map(dataset, model) is None


def test_a_kept_map_of_other_faces_or_a_damaged_one_is_none(empty_workspace):
    dataset = make_dataset()
    keep_map(dataset, map_of(dataset))
    file = empty_workspace / "datasets" / "faces" / "map-pixels.npz"

    changed = FaceDataset(**{**vars(dataset), "fingerprint": "0" * 64})
    assert kept_map(changed) is None
    file.write_bytes(file.read_bytes()[:200])
    assert kept_map(dataset) is None


def test_the_map_of_a_model_is_none_once_its_weights_are_others(model):
    dataset = make_dataset(n=20)
    keep_map(dataset, make_map(dataset, model))
    assert kept_map(dataset, model) is not None

    weights = model.openvino_path.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes() + b"0")

    assert kept_map(dataset, model) is None


def test_a_model_that_was_removed_gives_one_sentence(model):
    dataset = make_dataset(n=20)
    shutil.rmtree(model.path)

    for ask in (kept_map, make_map):
        with pytest.raises(UserError, match="'copied' is missing"):
            ask(dataset, model)


def test_a_map_that_cannot_be_kept_gives_one_sentence():
    dataset = make_dataset()
    remove_dataset("faces")

    with pytest.raises(UserError, match="'faces' cannot be kept: No such file"):
        keep_map(dataset, map_of(dataset))


def test_the_command_makes_and_keeps_the_map():
    dataset = make_dataset(n=30)

    done = CliRunner().invoke(cli.app, ["map", "faces"])

    assert done.stdout == "Mapped 30 of 30 faces of 'faces' by pixels.\n"
    assert kept_map(dataset) is not None


def test_the_command_refuses_an_unknown_model_in_a_sentence():
    make_dataset(n=30)

    error = CliRunner().invoke(cli.app, ["map", "faces", "--model", "no"]).exception

    assert isinstance(error, UserError) and "Unknown model 'no'" in str(error)


def test_jobs_of_different_maps_never_share_a_folder():
    jobs = [MapJob("a"), MapJob("a", "b"), MapJob("a-b"), MapJob("a-b", "c"), MapJob("a", "b-c")]

    assert len({job.folder for job in jobs}) == len(jobs)
    assert MapJob("a", "b").command == ["map", "a", "--model", "b"]


def test_a_killed_job_has_failed_and_a_cancelled_one_is_forgotten():
    make_dataset()
    job = MapJob("faces")
    job.start()
    process = job.process()
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    wait_for(lambda: not job.running())
    assert job.failure()

    job.start()
    assert job.running() and job.failure() is None
    job.cancel()
    assert not job.folder.exists() and not job.running()
