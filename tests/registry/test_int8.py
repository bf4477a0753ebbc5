import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli.models import export as export_command
from pipeline.config.train_config import TrainConfig
from pipeline.data.exclusions import exclude
from pipeline.data.sample import draw_face
from pipeline.data.store import load_dataset, remove_dataset, rename_dataset
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.registry.openvino_export import export_int8
from pipeline.runs import Run, list_runs
from pipeline.training.run_setup import new_run
from pipeline.vision.recognizer import Recognizer
from tests.conftest import run_pipeline
from tests.data.dataset_makers import store_faces


@pytest.fixture
def clear_run(empty_workspace) -> Run:
    """A run on frontal and clear faces, so that none lies near the boundary of two emotions."""
    rng, labels = np.random.default_rng(2013), [i % len(EMOTIONS) for i in range(1190)]
    splits = ["train"] * 980 + ["validation"] * 210
    store_faces([draw_face(EMOTIONS[label], rng) for label in labels], labels, splits)
    run_pipeline(
        "train --dataset faces --widths 8,16,32,64 --convolutions 1 --epochs 10 --batch-size 32 "
        "--learning-rate 0.005 --schedule cosine --seed 7",
        empty_workspace,
    )
    return list_runs()[0]


@pytest.mark.slow
def test_int8_is_a_third_of_the_size_and_predicts_nearly_the_same(clear_run, empty_workspace):
    """Measured: 0.0014 off in the mean, 0.004 on FER-2013. A wrong range costs tenths."""
    faces = load_dataset("faces").images[::4]
    exported_at = clear_run.openvino_path.stat().st_mtime_ns

    printed = run_pipeline(f"export {clear_run.name} --int8", empty_workspace).stdout

    assert printed == f"{clear_run.int8_path}\n"
    assert clear_run.openvino_path.stat().st_mtime_ns == exported_at
    small, large = (
        path.with_suffix(".bin").stat().st_size
        for path in (clear_run.int8_path, clear_run.openvino_path)
    )
    assert small < large / 3
    probabilities, maps = Recognizer.load(clear_run, "int8").explain(faces)
    expected, expected_maps = Recognizer.load(clear_run, "f32").explain(faces)
    assert np.abs(probabilities - expected).mean() < 0.01
    assert np.mean(probabilities.argmax(1) == expected.argmax(1)) > 0.98
    assert np.corrcoef(maps.ravel(), expected_maps.ravel())[0, 1] > 0.99
    assert maps.shape == expected_maps.shape
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-3)


@pytest.fixture
def calibrated_on(monkeypatch) -> list[np.ndarray]:
    """Return the calibration faces of each int8 export, in which nothing is quantized."""
    seen = []

    def remember(network, faces):
        seen.append(faces)
        return network

    monkeypatch.setattr("pipeline.registry.openvino_export._quantize", remember)
    return seen


def test_int8_is_calibrated_on_a_stratified_sample_of_the_training_faces(own_run, calibrated_on):
    dataset = load_dataset("sample")
    training = dataset.training_indices(own_run.config().train.seed)
    labels = {dataset.images[i].tobytes(): dataset.labels[i] for i in training}

    export_int8(own_run)
    export_int8(own_run)

    first, second = calibrated_on
    counts = np.bincount([labels[face.tobytes()] for face in first], minlength=7)
    shares = np.bincount(dataset.labels[training], minlength=7) / len(training)
    assert len(first) == len(np.unique(first, axis=0)) == 300
    np.testing.assert_allclose(counts, 300 * shares, atol=1)
    np.testing.assert_array_equal(first, second)


def test_int8_is_not_calibrated_on_excluded_faces(own_run, calibrated_on):
    dataset = load_dataset("sample")
    included, excluded = np.split(dataset.training_indices(), [100])
    exclude(dataset, "most", dict.fromkeys(dataset.ids[excluded].tolist(), "test"))
    run = new_run(TrainConfig(dataset="sample", exclude="most"))
    shutil.copytree(own_run.openvino_path.parent, run.openvino_path.parent)

    export_int8(run)

    (faces,) = calibrated_on
    assert {f.tobytes() for f in faces} == {dataset.images[i].tobytes() for i in included}


def test_int8_finds_a_renamed_data_set_and_a_failure_leaves_the_earlier_export(
    own_run, calibrated_on, monkeypatch
):
    rename_dataset("sample", "synthetic")
    files = [export_int8(own_run), own_run.int8_path.with_suffix(".bin")]
    before = [file.read_bytes() for file in files]

    def fail(network, path, **options):
        Path(path).write_text("half")
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("openvino.save_model", fail)
        with pytest.raises(OSError, match="the disk is full"):
            export_int8(own_run)
    remove_dataset("synthetic")
    with pytest.raises(UserError, match="its data set 'sample' .* is not here: import it first"):
        export_int8(own_run)
    assert [file.read_bytes() for file in files] == before
    names = {path.name for path in own_run.openvino_path.parent.glob("[!.]*")}
    assert names == {"model.xml", "model.bin", "int8.xml", "int8.bin"}

    own_run.openvino_path.write_text("no model")
    with pytest.raises(UserError, match="model.xml of .* is missing or damaged: export it again."):
        export_int8(own_run)


@pytest.mark.slow
def test_the_command_exports_float32_first_where_it_is_missing(own_run, calibrated_on, capsys):
    shutil.rmtree(own_run.openvino_path.parent)

    export_command(own_run.name, int8=True)

    assert capsys.readouterr().out == f"{own_run.int8_path}\n"
    assert own_run.exported and own_run.int8_path.is_file()
