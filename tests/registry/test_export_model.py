import ast
import json
import runpy
import shutil
import subprocess
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli.models import export as export_command
from pipeline.config.train_config import TrainConfig
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.registry.add_model import add_model
from pipeline.registry.ensemble import make_ensemble
from pipeline.registry.export_model import export_model
from pipeline.registry.formats import KERAS_FORMATS
from pipeline.registry.parity import check_faces
from pipeline.runs import create_run, find_model
from pipeline.vision.recognizer import Recognizer, read_network
from tests.cli.commands import output
from tests.registry.model_files import ensemble_with_int8, network, weights
from tests.registry.test_add_model import save

TF2ONNX = Path(sys.prefix) / "onnx"
"""Where `make` puts tf2onnx, whose package has folders `tests` and `tools`, for the tests alone."""
RUNTIMES = {
    "openvino": {"openvino"},
    "litert": {"ai_edge_litert", "tensorflow"},
    "savedmodel": {"tensorflow"},
    "onnx": {"onnxruntime"},
}


def skip_without_onnx(monkeypatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, str(TF2ONNX)])
    if not all(map(find_spec, ("tf2onnx", "onnx", "onnxruntime"))):
        pytest.skip("tf2onnx, onnx and onnxruntime are not installed")


@pytest.mark.slow
@pytest.mark.parametrize(
    "to", ["openvino", *(pytest.param(to, marks=pytest.mark.slow) for to in KERAS_FORMATS)]
)
def test_an_export_says_labels_and_input_and_its_example_runs(to, own_run, capsys, monkeypatch):
    if to == "onnx":
        skip_without_onnx(monkeypatch)
    path = export_model(own_run, to, example=True)

    folder = path if path.is_dir() else path.parent
    card = json.loads((folder / "model.json").read_text())
    assert card["labels"] == list(EMOTIONS) and card["format"] == to
    assert card["file"] == ("." if path.is_dir() else path.name)
    assert card["input"] == {
        **{"name": "faces", "shape": [-1, 48, 48, 1], "dtype": "float32"},
        **{"color": "gray", "range": [0, 255]},
    }
    assert card["outputs"] == {"probabilities": [-1, 7], "cam": [-1, 6, 6, 7]}
    assert 0 < card["largest_difference"] < 1e-3
    program = folder / "example.py"
    assert needed(program.read_text()) == {"numpy", *RUNTIMES[to]}
    assert len(program.read_text().splitlines()) <= 23
    expected = Recognizer.load(own_run).predict(check_faces())
    np.testing.assert_allclose(run_example(program, capsys), expected, atol=2e-3)


def needed(code: str) -> set[str]:
    """Return the packages that a program imports, beyond those of Python."""
    nodes = list(ast.walk(ast.parse(code)))
    names = [each.name for node in nodes if isinstance(node, ast.Import) for each in node.names]
    names += [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names


def run_example(program: Path, capsys) -> list[list[float]]:
    """Return the probabilities that it prints."""
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*tf.lite.Interpreter is deprecated")
        patch.setattr("sys.argv", [str(program)])
        runpy.run_path(str(program), run_name="__main__")
    return printed(capsys.readouterr().out)


def printed(text: str) -> list[list[float]]:
    rows = [[cell.split() for cell in line.split(", ")] for line in text.splitlines()]
    assert all(tuple(name for name, _ in row) == EMOTIONS for row in rows)
    return [[float(probability) for _, probability in row] for row in rows]


def test_an_exported_folder_runs_elsewhere_on_faces_of_its_user(own_run, tmp_path):
    faces = load_dataset("sample").images[:4]
    np.save(tmp_path / "own.npy", faces)
    export_model(own_run, example=True)
    folder = shutil.move(own_run.openvino_path.parent, tmp_path / "elsewhere")

    command = [sys.executable, "-I", folder / "example.py", tmp_path / "own.npy"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    shutil.move(folder, own_run.openvino_path.parent)
    expected = Recognizer.load(own_run).predict(faces)
    np.testing.assert_allclose(printed(done.stdout), expected, atol=1e-3)


@pytest.mark.slow
def test_onnx_and_openvino_have_the_labels_inside(own_run, monkeypatch):
    export_model(own_run)
    assert read_network(own_run).get_rt_info(["model_info", "labels"]).astype(str) == " ".join(
        EMOTIONS
    )
    skip_without_onnx(monkeypatch)
    import onnx

    properties = onnx.load(export_model(own_run, "onnx")).metadata_props
    assert {each.key: each.value for each in properties}["labels"] == ",".join(EMOTIONS)


def test_a_bundled_model_is_exported_to_the_workspace(capsys, empty_workspace):
    folder = empty_workspace / "exports" / "custom_cnn"
    expected = Recognizer.load(find_model("custom_cnn")).predict(check_faces())
    for options, file in (("", "model.xml"), ("--int8", "int8.xml")):
        path = Path(output("export", "custom_cnn", "--example", *options.split()).strip())

        assert path == folder / "openvino" / file
        card = json.loads(path.with_suffix(".json").read_text())
        assert 0 < card["largest_difference"] < (0.2 if options else 1e-3)
        example = "example_int8.py" if options else "example.py"
        tolerance = card["largest_difference"] + 1e-3
        predicted = run_example(path.with_name(example), capsys)
        np.testing.assert_allclose(predicted, expected, atol=tolerance)
    assert "exports" not in {path.name for path in find_model("custom_cnn").path.iterdir()}


@pytest.mark.slow
def test_an_ensemble_is_converted_while_its_members_are_as_they_were(own_run):
    models = [find_model("custom_cnn"), own_run]
    both = make_ensemble("both", models, [1, 3])

    earlier = both.openvino_path.with_suffix(".tflite")  # where earlier versions wrote it
    earlier.write_text("an earlier one")

    path = export_model(both, "litert")

    assert not earlier.exists()
    assert path == both.path / "exports" / "litert" / "model.tflite"
    assert json.loads(path.with_suffix(".json").read_text())["largest_difference"] < 1e-3
    shutil.rmtree(both.exports_path)
    own_run.weights_path.unlink()
    with pytest.raises(UserError, match="from the Keras models of its members: .* no readable"):
        export_model(both, "litert")
    assert not both.exports_path.exists()
    assert export_model(both) == both.openvino_path


@pytest.mark.slow
def test_the_int8_network_of_an_ensembles_members_is_kept(empty_workspace):
    both = ensemble_with_int8()
    made = both.int8_path.with_suffix(".bin").read_bytes()

    assert export_model(both, int8=True) == both.int8_path

    assert both.int8_path.with_suffix(".bin").read_bytes() == made


@pytest.mark.slow
def test_what_a_killed_export_left_is_deleted_by_the_next_one(empty_workspace):
    killed = (
        "import os, pathlib, sys; from pipeline.storage import temporary_folder\n"
        "with temporary_folder(pathlib.Path(sys.argv[1])): os.kill(os.getpid(), 9)"
    )
    for model in (find_model("custom_cnn"), ensemble_with_int8()):
        folder = model.exports_path
        folder.mkdir(parents=True)
        assert subprocess.run([sys.executable, "-c", killed, folder]).returncode == -9
        assert list(folder.glob(".*"))

        export_model(model, int8=True)

        assert not list(folder.glob(".*")), model.name


def test_an_imported_model_is_openvino_only(sample, tmp_path):
    w = weights(load_dataset("sample"), EMOTIONS)
    file = save(network(w), tmp_path / "a.xml")
    theirs = add_model(file, "theirs", labels="fer2013", scale="0..1")

    assert export_model(theirs, example=True) == theirs.openvino_path
    assert theirs.openvino_path.with_name("example.py").is_file()
    for to in KERAS_FORMATS:
        with pytest.raises(UserError, match="'theirs' was imported, and its OpenVINO graph cannot"):
            export_model(theirs, to)


@pytest.mark.slow
def test_a_file_that_predicts_otherwise_is_refused_and_removed(own_run, monkeypatch):
    other = export_model(find_model("custom_cnn"), "litert")
    wrong = KERAS_FORMATS["litert"]._replace(write=lambda graph, path: shutil.copy(other, path))
    monkeypatch.setitem(KERAS_FORMATS, "litert", wrong)
    with pytest.raises(UserError, match="The exported model.tflite of .* does not predict"):
        export_model(own_run, "litert")
    assert not list(own_run.exports_path.iterdir())


def test_a_bundled_model_that_predicts_otherwise_is_not_exported(monkeypatch, empty_workspace):
    bundled = find_model("custom_cnn")
    monkeypatch.setattr(
        "pipeline.registry.export_model.keras_probabilities", lambda graph: np.eye(7)
    )
    with pytest.raises(UserError, match="The exported model.xml of .* does not predict"):
        export_model(bundled)
    assert not list((bundled.exports_path / "openvino").iterdir())


@pytest.mark.slow
def test_an_openvino_file_that_predicts_otherwise_is_exported_again(own_run):
    expected = Recognizer.load(own_run).predict(check_faces())
    shutil.rmtree(own_run.openvino_path.parent)
    shutil.copytree(find_model("custom_cnn").openvino_path.parent, own_run.openvino_path.parent)

    export_model(own_run)

    actual = Recognizer.load(own_run).predict(check_faces())
    np.testing.assert_allclose(actual, expected, atol=1e-3)


def test_a_missing_extra_is_named(own_run, monkeypatch):
    lacking = KERAS_FORMATS["onnx"]._replace(packages=("tf2onnx_that_is_not_there", "onnx"))
    monkeypatch.setitem(KERAS_FORMATS, "onnx", lacking)
    with pytest.raises(UserError) as raised:
        export_model(own_run, "onnx")
    assert str(raised.value).endswith("install them with pip install '.[onnx]'.")


def test_unknown_formats_and_names_are_refused_with_what_can_be_exported(sample, tmp_path):
    create_run(TrainConfig(dataset="d"), "f" * 64)
    w = weights(load_dataset("sample"), EMOTIONS)
    add_model(save(network(w), tmp_path / "a.xml"), "theirs", labels="fer2013", scale="0..1")
    for options, sentence in (
        ({"to": "pt"}, "Unknown format 'pt'. Choose from: openvino, litert, savedmodel, onnx"),
        ({"to": "litert", "int8": True}, "leave --format out"),
        ({}, "Unknown model 'no'. Choose from: custom_cnn, resnet50v2, theirs."),
        ({"to": "tflite"}, "Unknown model 'no'. Choose from: custom_cnn, resnet50v2."),
    ):
        with pytest.raises(UserError) as raised:
            export_command("no", **options)
        assert sentence in str(raised.value)
