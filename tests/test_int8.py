import shutil
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli.training import export as export_command
from pipeline.data.exclusions import exclude
from pipeline.data.store import load_dataset, remove_dataset, rename_dataset
from pipeline.errors import UserError
from pipeline.runs import Run, list_runs
from pipeline.training.config import TrainConfig
from pipeline.training.faces import new_run
from pipeline.vision.recognizer import Recognizer
from tests.conftest import run_pipeline


@pytest.fixture(scope="module")
def quantized(trained, tmp_path_factory) -> Path:
    """Return a workspace whose run has int8 too, by the command; only to be read."""
    workspace = tmp_path_factory.mktemp("quantized") / "workspace"
    shutil.copytree(trained, workspace)
    (path,) = (workspace / "runs").iterdir()
    before = Run(path).openvino_path.stat().st_mtime_ns

    said = run_pipeline(f"export {path.name} --int8", workspace)

    assert said.stdout == f"{Run(path).int8_path}\n"
    assert Run(path).openvino_path.stat().st_mtime_ns == before
    return workspace


@pytest.fixture
def int8_run(quantized, monkeypatch) -> Run:
    monkeypatch.setenv("EMOTION_WORKSPACE", str(quantized))
    return list_runs()[0]


def test_int8_says_nearly_the_same_in_outputs_of_the_same_shape(int8_run):
    """Measured: 0.0014 off in the mean, 0.004 on FER-2013. A range that is wrong costs tenths."""
    faces = load_dataset("sample").images

    probabilities, maps = Recognizer.load(int8_run, "int8").explain(faces)
    expected, expected_maps = Recognizer.load(int8_run, "f32").explain(faces)

    assert np.abs(probabilities - expected).mean() < 0.01
    assert np.mean(probabilities.argmax(1) == expected.argmax(1)) > 0.98
    assert np.corrcoef(maps.ravel(), expected_maps.ravel())[0, 1] > 0.99
    assert maps.shape == expected_maps.shape
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-3)


def test_int8_is_smaller(int8_run):
    sizes = [
        path.with_suffix(".bin").stat().st_size
        for path in (int8_run.int8_path, int8_run.openvino_path)
    ]

    assert sizes[0] < sizes[1] / 3


@pytest.fixture
def calibrated_on(monkeypatch) -> list[np.ndarray]:
    """Return the faces that int8 is measured on, once it is made, and let nothing be quantised."""
    seen = []

    def seeing(network, faces):
        seen.append(faces)
        return network

    monkeypatch.setattr("pipeline.export._quantized", seeing)
    return seen


def test_int8_is_measured_on_training_faces_each_emotion_by_its_share(own_run, calibrated_on):
    from pipeline.export import export_int8

    dataset = load_dataset("sample")
    fitted_on = dataset.training_indices(own_run.config().train.seed)
    labels = {dataset.images[i].tobytes(): dataset.labels[i] for i in fitted_on}

    export_int8(own_run)
    export_int8(own_run)

    first, second = calibrated_on
    drawn = np.bincount([labels[face.tobytes()] for face in first], minlength=7)
    shares = np.bincount(dataset.labels[fitted_on], minlength=7) / len(fitted_on)
    assert len(first) == len(np.unique(first, axis=0)) == 300
    np.testing.assert_allclose(drawn, 300 * shares, atol=1)
    np.testing.assert_array_equal(first, second)


def test_int8_is_not_measured_on_excluded_faces(own_run, calibrated_on):
    from pipeline.export import export_int8

    dataset = load_dataset("sample")
    kept, *left_out = np.split(dataset.training_indices(), [100])
    exclude(dataset, "most", dict.fromkeys(dataset.ids[left_out[0]].tolist(), "test"))
    run = new_run(TrainConfig(dataset="sample", exclude="most"))
    shutil.copytree(own_run.openvino_path.parent, run.openvino_path.parent)

    export_int8(run)

    (faces,) = calibrated_on
    assert {f.tobytes() for f in faces} == {dataset.images[i].tobytes() for i in kept}


def test_int8_finds_a_renamed_data_set_and_says_what_to_do_without_one(own_run, calibrated_on):
    from pipeline.export import export_int8

    rename_dataset("sample", "drawn")
    export_int8(own_run)
    remove_dataset("drawn")
    made = own_run.int8_path.read_bytes()

    with pytest.raises(UserError, match="its data set 'sample' .* is not here: import it first"):
        export_int8(own_run)
    assert own_run.int8_path.read_bytes() == made


def test_int8_that_fails_on_the_way_leaves_the_one_of_before(own_run, calibrated_on, monkeypatch):
    from pipeline.export import export_int8

    files = [export_int8(own_run), own_run.int8_path.with_suffix(".bin")]
    before = [file.read_bytes() for file in files]

    def failing(network, path, **options):
        Path(path).write_text("half")
        raise OSError("the disk is full")

    monkeypatch.setattr("openvino.save_model", failing)
    with pytest.raises(OSError, match="the disk is full"):
        export_int8(own_run)

    assert [file.read_bytes() for file in files] == before
    assert {path.name for path in own_run.openvino_path.parent.iterdir()} == {
        "model.xml", "model.bin", "int8.xml", "int8.bin"
    }  # fmt: skip


def test_int8_of_a_damaged_export_is_one_sentence(own_run):
    from pipeline.export import export_int8

    own_run.openvino_path.write_text("no model")

    with pytest.raises(UserError, match="model.xml of .* is missing or damaged: export it again."):
        export_int8(own_run)


def test_the_command_makes_the_float32_model_where_int8_lacks_it(own_run, calibrated_on, capsys):
    shutil.rmtree(own_run.openvino_path.parent)

    export_command(own_run.name, int8=True)

    assert capsys.readouterr().out == f"{own_run.int8_path}\n"
    assert own_run.exported and own_run.int8_path.is_file()
