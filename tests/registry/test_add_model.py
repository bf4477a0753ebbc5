import hashlib
import json
import re
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import openvino as ov
import pytest
from openvino import opset15 as ops

from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.evaluation.predictions import load_predictions
from pipeline.labels import EMOTIONS
from pipeline.registry.add_model import add_model
from pipeline.registry.import_model import FORMATS
from pipeline.registry.openvino_export import export_int8
from pipeline.registry.preprocessing import orders_for, parse_labels
from pipeline.runs import find_model
from pipeline.vision.recognizer import Recognizer
from pipeline.workspace import PROJECT, runs_folder
from tests.cli.commands import document, output
from tests.registry.model_files import ALPHABETICAL, network, weights, write_onnx

MINI_XCEPTION = PROJECT.parent / "shared" / "cases" / "models" / "mini_XCEPTION.hdf5"
FER2013 = PROJECT.parent / "shared" / "data" / "fer2013.tar.gz"

KERAS_FILES = """\
import sys
from pathlib import Path

import keras
import numpy as np

folder, w = Path(sys.argv[1]), np.load(sys.argv[2])


def model(outputs=1):
    faces = keras.Input((48, 48, 1))
    x = keras.layers.ReLU(max_value=1.0)(faces)
    x = keras.layers.Flatten()(keras.layers.Rescaling(1.0, -0.5)(x))
    dense = keras.layers.Dense(w.shape[1], activation="softmax")
    built = keras.Model(faces, [dense(x)] * outputs)
    dense.set_weights([w, np.zeros(w.shape[1])])
    return built


@keras.saving.register_keras_serializable("Custom")
class Own(keras.layers.Layer):
    def call(self, x):
        return x


def with_layer(layer):
    faces = keras.Input((48, 48, 1))
    return keras.Model(faces, keras.layers.Dense(7)(keras.layers.Flatten()(layer(faces))))


model().save(folder / "a.keras")
model().save(folder / "a.h5")
model().save(folder / "a.hdf5")
model().export(folder / "saved", verbose=False)
model().export(str(folder / "a.tflite"), format="litert", verbose=False)
with_layer(keras.layers.Lambda(lambda x: x * 2)).save(folder / "lambda.keras")
with_layer(keras.layers.Lambda(lambda x: x * 2)).save(folder / "lambda.h5")
with_layer(Own()).save(folder / "own.keras")


@keras.saving.register_keras_serializable("Custom")
def own_loss(y_true, y_pred):
    return keras.ops.mean(y_pred)


layers = keras.layers
convolution = layers.DepthwiseConv2D(1, depthwise_initializer="ones")
inner = keras.Sequential([keras.Input((48, 48, 1)), layers.ReLU(1.0), convolution])
normalized = layers.BatchNormalization(epsilon=1e-9)(inner.outputs[0])
inner = keras.Model(inner.inputs, layers.Rescaling(1.0, -0.5)(normalized))
dense = layers.Dense(w.shape[1], activation="softmax")
nested = keras.Sequential([keras.Input((48, 48, 1)), inner, layers.Flatten(), dense])
dense.set_weights([w, np.zeros(w.shape[1])])
nested.save(folder / "nested.h5")
compiled = model()
compiled.compile("adam", own_loss)
compiled.save(folder / "compiled.keras")
model().save_weights(folder / "only.weights.h5")
"""


def as_keras_2(path):
    """Describe the layers of an HDF5 file as Keras 2 did."""
    import h5py

    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        inner = config["config"]["layers"][1]["config"]
        inner["output_layers"] = [inner["output_layers"]]
        for layer in inner["layers"]:
            policy = {"class_name": "Policy", "config": {"name": "float32"}}
            layer["config"] |= {"dtype": policy} if layer["class_name"] != "InputLayer" else {}
            if layer["class_name"] == "DepthwiseConv2D":
                ones = {"class_name": "Ones", "config": {}}
                layer["config"] |= {"groups": 1, "kernel_initializer": ones}
            if layer["class_name"] == "BatchNormalization":
                layer["config"]["axis"] = [3]
        file.attrs["model_config"] = json.dumps(config)


def make_keras_files(folder, w):
    np.save(folder / "w.npy", w)
    command = [sys.executable, "-c", KERAS_FILES, str(folder), str(folder / "w.npy")]
    subprocess.run(command, check=True, capture_output=True)


def save(model, path):
    ov.save_model(model, path, compress_to_fp16=False)
    return path


def expected_accuracy(dataset, w, labels):
    faces = dataset.indices("validation")
    x = dataset.images[faces].reshape(len(faces), -1) / 255 - 0.5
    predicted = [EMOTIONS.index(labels[i]) for i in (x @ w).argmax(axis=1)]
    return float((np.array(predicted) == dataset.labels[faces]).mean())


@pytest.mark.slow
def test_scaling_and_label_order_of_an_onnx_file_are_found(sample, tmp_path):
    dataset = load_dataset("sample")
    w = weights(dataset, ALPHABETICAL)
    file = write_onnx(tmp_path / "theirs.onnx", w, ("n", 1, 48, 48))

    added = document("add-model", str(file), "--name", "theirs")

    assert (added["framework"], added["scale"]) == ("ONNX", "0..1")
    assert added["labels"] == ALPHABETICAL and added["input"] == "float32 (n, 1, 48, 48)"
    model = find_model("theirs")
    metrics = json.loads(
        (model.evaluation_path(dataset.fingerprint, "validation") / "metrics.json").read_text()
    )
    assert metrics["accuracy"] == pytest.approx(expected_accuracy(dataset, w, ALPHABETICAL))
    assert model.config().kind == "imported" and len(added["sha256"]) == 64


@pytest.mark.slow
def test_an_added_model_is_a_model_like_all_others(sample, tmp_path):
    dataset = load_dataset("sample")
    file = save(network(weights(dataset, EMOTIONS)), tmp_path / "a.xml")
    assert "0…1, FER-2013's order" in output("add-model", str(file), "--name", "theirs")

    assert "theirs" in {row["name"] for row in document("models")}
    assert document("evaluate", "theirs", "--dataset", "sample", "--split", "test")["n"] == 210
    compared = document("compare", "theirs", "custom_cnn", "--dataset", "sample", "--split", "test")
    assert compared["models"][0]["model"] == "theirs" and compared["ensemble"]
    assert document("speed", "theirs")[0]["ms"] > 0
    card = output("card", "theirs")
    assert "OpenVINO file a.xml" in card and "its scaling 0..1" in card
    model = find_model("theirs")
    both_files = file.read_bytes() + file.with_suffix(".bin").read_bytes()
    assert model.config().imported.sha256 == hashlib.sha256(both_files).hexdigest()
    recognizer = Recognizer.load(model)
    assert recognizer.map_side == 0
    probabilities, maps = recognizer.explain(dataset.images[:3])
    assert probabilities.shape == (3, 7) and maps.shape == (3, 0, 0, 7)
    assert model.calibration() is not None
    assert output("export", "theirs").strip() == str(model.openvino_path)
    with pytest.raises(UserError, match="'theirs' was imported, and its OpenVINO graph"):
        output("export", "theirs", "--format", "litert")
    assert model.openvino_path.is_file()
    export_int8(model)
    quantized = Recognizer.load(model, "int8").predict(dataset.images[:3])
    np.testing.assert_allclose(quantized, probabilities, atol=0.1)


@pytest.mark.slow
def test_inputs_and_outputs_of_all_usual_forms_become_ours(sample, tmp_path):
    """Logits, contempt, an inner reshape for one image alone, flat or color pixels: all the same.

    Each is told its order, so that what is tested is the graph.
    """
    dataset = load_dataset("sample")
    w = weights(dataset, EMOTIONS)
    eight = np.concatenate([w[:, :3], 0 * w[:, :1] - 1, w[:, 3:]], axis=1)
    colors = np.repeat(w / 3, 3, axis=0)
    models = {
        "logits": (network(w), EMOTIONS),
        "contempt": (network(eight), (*EMOTIONS[:3], "contempt", *EMOTIONS[3:])),
        "one": (network(w, (1, 48, 48, 1), only=1), EMOTIONS),
        "first": (network(w, (-1, 1, 48, 48)), EMOTIONS),
        "flat": (network(w, (-1, 2304)), EMOTIONS),
        "bare": (network(w, (1, 48, 48), only=1), EMOTIONS),
        "rgb": (network(colors, (-1, 48, 48, 3)), EMOTIONS),
    }
    faces = dataset.images[:20]
    logits = (faces.reshape(20, -1) / 255 - 0.5) @ w
    expected = np.exp(logits - logits.max(axis=1, keepdims=True))
    expected /= expected.sum(axis=1, keepdims=True)
    for name, (built, labels) in models.items():
        file = save(built, tmp_path / f"{name}.xml")
        given = {"scale": "0…1", "labels": ",".join(labels)}
        model = add_model(file, name, **given)
        np.testing.assert_allclose(
            Recognizer.load(model).predict(faces), expected, atol=1e-3, err_msg=name
        )


@pytest.mark.slow
def test_integers_are_pixels_as_they_are(sample, tmp_path):
    dataset = load_dataset("sample")
    w = weights(dataset, EMOTIONS)
    for kind, zero in (("u8", 0), ("i8", 128)):
        faces = ops.parameter([1, 48, 48, 1], getattr(ov.Type, kind), name="faces")
        x = ops.subtract(ops.convert(faces, "f32"), ops.constant(np.float32(127.5 - zero)))
        x = ops.reshape(ops.divide(x, ops.constant(np.float32(255))), [1, 2304], False)
        x = ops.softmax(ops.matmul(x, ops.constant(w), False, False), 1)
        x = ops.round(ops.multiply(x, ops.constant(np.float32(255))), "half_to_even")
        result = ops.convert(ops.subtract(x, ops.constant(np.float32(zero))), kind)
        file = save(ov.Model([ops.result(result)], [faces]), tmp_path / f"{kind}.xml")

        model = add_model(file, kind)

        evaluation = model.evaluation_path(dataset.fingerprint, "validation")
        correct = load_predictions(model, evaluation).correct.mean()
        assert correct == pytest.approx(expected_accuracy(dataset, w, EMOTIONS), abs=0.02), kind


@pytest.mark.slow
def test_what_is_in_doubt_is_asked_for_and_leaves_nothing(sample, tmp_path, capsys):
    dataset = load_dataset("sample")
    w = weights(dataset, EMOTIONS)
    faces = ops.parameter([-1, 48, 48, 1], ov.Type.f32)  # without the clip every scaling will do
    logits = ops.matmul(ops.reshape(faces, [-1, 2304], False), ops.constant(w), False, False)
    close = save(ov.Model([ops.result(logits)], [faces]), tmp_path / "close.xml")
    odd_order = [EMOTIONS[i] for i in (3, 1, 0, 6, 2, 5, 4)]
    odd = save(network(weights(dataset, odd_order)), tmp_path / "odd.xml")
    random = np.random.default_rng(0).normal(size=(2304, 7)).astype(np.float32)
    bad = save(network(random), tmp_path / "bad.xml")
    for file, words in (
        (close, "too close to tell. Confirm it with --scale"),
        (odd, f"No common label order fits this model. On these faces 0…1, order {odd_order[0]}"),
        (bad, r"an accuracy of only [\d.]+%. Confirm it with --scale"),
    ):
        with pytest.raises(UserError) as raised:
            add_model(file, "theirs")
        assert re.search(words, str(raised.value))
        assert not list(runs_folder().iterdir())

    add_model(odd, "odd", scale="0..1", labels=",".join(odd_order))
    assert find_model("odd").config().imported.labels == tuple(odd_order)


@pytest.mark.slow
def test_of_several_outputs_the_only_list_is_the_classes(sample, tmp_path):
    faces = ops.parameter([-1, 48, 48, 1], ov.Type.f32, name="faces")
    flat = ops.reshape(faces, [-1, 2304], False)
    w = weights(load_dataset("sample"), EMOTIONS)
    logits = ops.matmul(flat, ops.constant(w), False, False)
    maps = ops.reshape(ops.add(logits, logits), [-1, 1, 7, 1], False)
    pairs = ops.concat([ops.unsqueeze(logits, 2)] * 2, 2)
    both = ov.Model([ops.result(pairs), ops.result(logits)], [faces])
    added = add_model(save(both, tmp_path / "both.xml"), "both", scale="0..1", labels="fer2013")
    assert added.exported
    two = ov.Model([ops.result(maps), ops.result(logits)], [faces])
    for each, name in zip(two.outputs, ("cam", "probabilities"), strict=True):
        each.set_names({name})  # ours, with maps of one pixel
    ours = add_model(save(two, tmp_path / "ours.xml"), "ours", scale="0..1", labels="fer2013")
    assert ours.exported
    for each, name in zip(two.outputs, "ab", strict=True):
        each.set_names({name})
    with pytest.raises(UserError, match="has 2 outputs, .*one of them alone must have one number"):
        add_model(save(two, tmp_path / "two.xml"), "two", scale="0..1", labels="fer2013")


@pytest.mark.slow
def test_files_that_cannot_be_added_are_refused_in_a_sentence(sample, tmp_path):
    w = np.zeros((2304, 7), np.float32)

    def image(*shape):
        return ops.parameter(list(shape), ov.Type.f32, name="faces")

    def ending(parameters, *outputs):
        return ov.Model([ops.result(each) for each in outputs], parameters)

    first, second = image(-1, 48, 48, 1), image(-1, 48, 48, 1)
    flat = ops.reshape(first, [-1, 2304], False)
    logits = ops.matmul(flat, ops.constant(w), False, False)
    two = ops.matmul(
        ops.reshape(ops.add(first, second), [-1, 2304], False), ops.constant(w), False, False
    )
    open_size = image(-1, -1, -1, 1)
    pooled = ops.reduce_mean(open_size, [1, 2], False)
    many = ops.matmul(pooled, ops.constant(w[:1]), False, False)
    models = {
        "inputs": (ending([first, second], two), "has 2 inputs"),
        "outputs": (ending([first], logits, flat), "has 2 outputs"),
        "five": (network(w[:, :5]), "predicts 5 classes: 7 are needed"),
        "nine": (network(np.zeros((2304, 9), np.float32)), "name them all"),
        "open": (ending([open_size], many), "give the input size that it was trained with"),
        "shape": (network(w, (-1, 3, 3, 256)), "must be an image"),
        "four": (network(np.zeros((7, 7), np.float32), (-1, 7)), "must be an image"),
        "batch": (network(w, (4, 48, 48, 1), only=4), "exactly 4 images"),
    }
    cases = [
        (save(model, tmp_path / f"{name}.xml"), text) for name, (model, text) in models.items()
    ]
    for name, text in {
        "a.pt": "export the model to ONNX",
        "a.pkl": "is a pickle",
        "a.joblib": "is a pickle",
        "a.txt": "no known model format",
        "a.h5": "damaged or is no Keras file",
        "a.keras": "damaged or is no Keras file",
        "a.onnx": "damaged",
        "a.tflite": "damaged",
    }.items():
        (tmp_path / name).write_bytes(b"no model" * 100)
        cases.append((tmp_path / name, text))
    (tmp_path / "lonely.xml").write_text("<net/>")
    cases += [(tmp_path / "lonely.xml", "needs its weights"), (tmp_path / "no.h5", "no file")]
    for file, text in cases:
        with pytest.raises(UserError, match=text) as raised:
            add_model(file, "theirs")
        assert str(raised.value).endswith(".") and "\n" not in str(raised.value), file.name
        assert not runs_folder().exists() or not list(runs_folder().iterdir()), file.name


@pytest.mark.slow
def test_a_keras_file_is_checked_as_keras_reads_it(tmp_path):
    import h5py

    def part(name, **of):
        module = "theirs" if name == "Own" else "keras"
        return {"class_name": name, "module": module, "config": {}, "registered_name": name, **of}

    def write_zip(path, config, mode="w"):
        with zipfile.ZipFile(path, mode) as archive:
            archive.writestr("config.json", json.dumps(config))
        return path

    def write_h5(path):
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps(part("Sequential", config={"layers": []}))
        return path

    inner = part("Sequential", compile_config={"loss": part("Own")})
    nested = part("Sequential", config={"layers": [inner]})
    lambdas = part("Sequential", config={"layers": [part("Lambda")]})
    for file, words in (
        (write_zip(tmp_path / "nested.keras", nested), "a layer of its own, 'Own'"),
        (write_zip(write_h5(tmp_path / "both.keras"), lambdas, "a"), "Lambda layer"),
        (write_zip(tmp_path / "zip.h5", nested), "is no Keras file"),
        (write_h5(tmp_path / "hdf5.keras"), "is no Keras file"),
        (write_zip(tmp_path / "list.keras", []), "is no Keras file"),
    ):
        with pytest.raises(UserError, match=words):
            add_model(file, "theirs", scale="0..1", labels="fer2013")


def test_a_name_that_is_taken_is_refused_before_the_work(sample, tmp_path):
    for name in ("custom_cnn", "../up"):
        with pytest.raises(UserError, match="is taken|cannot be used"):
            add_model(tmp_path / "missing.onnx", name)


@pytest.mark.slow
def test_the_size_of_an_open_input_can_be_said(sample, tmp_path):
    dataset = load_dataset("sample")
    w = weights(dataset, EMOTIONS)
    faces = ops.parameter([-1, -1, -1, 1], ov.Type.f32, name="faces")
    x = ops.subtract(ops.clamp(faces, 0.0, 1.0), ops.constant(np.float32(0.5)))
    x = ops.reshape(x, [-1, 2304], False)
    built = ov.Model([ops.result(ops.matmul(x, ops.constant(w), False, False))], [faces])

    model = add_model(save(built, tmp_path / "open.xml"), "open", input_size=48)

    assert model.config().imported.input == "float32 (n, 48, 48, 1)"


def test_label_orders_are_complete_and_may_be_named_by_their_classes():
    for classes in (7, 8, 10, 11):
        orders = orders_for(classes)
        assert orders and all(len(each) == classes for each in orders.values())
        assert all(set(EMOTIONS) <= set(each) for each in orders.values())
        assert len(set(orders.values())) == len(orders)
    words = "Anger,Contempt,Disgust,Fear,Happiness,Neutral,Sadness,Surprise"
    assert parse_labels(words, 8)[1] == orders_for(8)["alphabetical"]
    for wrong in ("angry,sad", words.replace("Fear", "Anger"), words.replace("Fear", "bored")):
        with pytest.raises(UserError):
            parse_labels(wrong, 8)


@pytest.mark.slow
def test_files_of_every_format_give_the_same_model(sample, tmp_path):
    dataset = load_dataset("sample")
    w = weights(dataset, EMOTIONS)
    make_keras_files(tmp_path, w)
    write_onnx(tmp_path / "a.onnx", w, (1, 48, 48, 1))
    save(network(w), tmp_path / "a.xml")
    files = [tmp_path / (f"a{ending}" if ending else "saved") for ending in FORMATS]
    as_keras_2(tmp_path / "nested.h5")
    files += [tmp_path / "compiled.keras", tmp_path / "nested.h5"]
    for ending in (".keras", ".h5", ".onnx"):
        files.append(tmp_path / f"capitals{ending.upper()}")
        shutil.copy(tmp_path / f"a{ending}", files[-1])
    predicted = []
    for number, file in enumerate(files):
        model = add_model(file, f"model-{number}")
        assert model.config().imported.scale == "0..1", file.name
        predicted.append(Recognizer.load(model).predict(dataset.images[:9]))
        np.testing.assert_allclose(predicted[-1], predicted[0], atol=1e-3, err_msg=file.name)

    for name, text in {
        "lambda.keras": "Lambda layer",
        "lambda.h5": "Lambda layer",
        "own.keras": "a layer of its own, 'Own'",
        "only.weights.h5": "weights only",
    }.items():
        with pytest.raises(UserError, match=text):
            add_model(tmp_path / name, "theirs")


@pytest.mark.slow
def test_the_preprocessing_of_a_real_file_is_found(empty_workspace):
    """Of https://github.com/oarriaga/face_classification, whose inputs are -1 to 1."""
    if not (MINI_XCEPTION.is_file() and FER2013.is_file()):
        pytest.skip("the real model or the real FER-2013 is not here")
    output("import", str(FER2013), "--name", "fer2013")

    added = document("add-model", str(MINI_XCEPTION), "--name", "mini")

    assert (added["scale"], added["labels"]) == ("-1..1", list(EMOTIONS))
    best, second = added["search"]["candidates"][:2]
    assert best["accuracy_all"] == pytest.approx(0.655, abs=0.003)
    assert (second["scale"], second["accuracy_all"]) == ("0..1", pytest.approx(0.540, abs=0.003))
