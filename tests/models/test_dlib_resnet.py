"""dlib's face recognition network against face-api.js's computation, with weights made here."""

import json
from math import prod

import numpy as np
import pytest

from models import ARCHITECTURES
from models.backbone import WeightsError

HALVING = ("conv64_down", "conv128_down", "conv256_down")
OTHERS = {
    "conv32_down": ("conv32_1", "conv32_2", "conv32_3"),
    "conv64_down": ("conv64_1", "conv64_2", "conv64_3"),
    "conv128_down": ("conv128_1", "conv128_2"),
    "conv256_down": ("conv256_1", "conv256_2", "conv256_down_out"),
}
CHANNELS = {"conv32_down": 32, "conv64_down": 64, "conv128_down": 128, "conv256_down": 256}


def shapes():
    """Return the name and shape of each array of face_recognition_model.bin, in its order."""
    convolutions = {"conv32_down": (7, 7, 3, 32)}
    before = 32
    for first, blocks in OTHERS.items():
        channels = CHANNELS[first]
        for block in (*([first] if first in HALVING else []), *blocks):
            convolutions[f"{block}/conv1"] = (3, 3, before, channels)
            convolutions[f"{block}/conv2"] = (3, 3, channels, channels)
            before = channels
    for name, shape in convolutions.items():
        yield f"{name}/conv/filters", shape
        for part in ("conv/bias", "scale/weights", "scale/biases"):
            yield f"{name}/{part}", shape[-1:]
    yield "fc", (256, 128)


def write_weights(path):
    """Write random weights, every second array quantized; return name → weights."""
    rng = np.random.default_rng(0)
    content, entries, arrays = b"", [], {}
    for index, (name, shape) in enumerate(shapes()):
        deviation = np.sqrt(1 / prod(shape[:-1])) if name.endswith("filters") else 0.3
        mean = 1.0 if name.endswith("scale/weights") else 0.0
        entry = {"name": name, "shape": shape, "dtype": "float32"}
        if index % 2:
            values = rng.normal(mean, deviation, shape).astype(np.float32)
            arrays[name] = values
        else:
            values = rng.integers(0, 256, shape, np.uint8)
            step = deviation / 74  # the standard deviation of 0 to 255
            entry["quantization"] = {"dtype": "uint8", "scale": step, "min": mean - 127.5 * step}
            arrays[name] = (values * step + mean - 127.5 * step).astype(np.float32)
        content += values.tobytes()
        entries.append(entry)
    path.write_bytes(content)
    manifest = [{"weights": entries, "paths": [path.name]}]
    manifest_of(path).write_text(json.dumps(manifest))
    return arrays


def manifest_of(path):
    return path.with_name(f"{path.stem}-weights_manifest.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a file of weights with its manifest beside it, and name → weights."""
    path = tmp_path_factory.mktemp("weights") / "face_recognition_model.bin"
    return path, write_weights(path)


def features(rgb, arrays):
    """Compute the last feature maps as face-api.js does, but for the last block's size."""
    import tensorflow as tf

    def convolve(x, name, stride=1):
        padding = "SAME" if stride == 1 else "VALID"
        x = tf.nn.conv2d(x, arrays[f"{name}/conv/filters"], stride, padding)
        x += arrays[f"{name}/conv/bias"]
        return x * arrays[f"{name}/scale/weights"] + arrays[f"{name}/scale/biases"]

    def residual(x, block, stride=1):
        y = convolve(tf.nn.relu(convolve(x, f"{block}/conv1", stride)), f"{block}/conv2")
        if stride == 1:
            return tf.nn.relu(x + y)
        pooled = tf.nn.avg_pool2d(x, 2, 2, "VALID")
        if pooled.shape[1] != y.shape[1]:
            y = tf.concat([y, tf.zeros_like(y[:, :1])], 1)
            y = tf.concat([y, tf.zeros_like(y[:, :, :1])], 2)
        return tf.nn.relu(tf.concat([pooled, tf.zeros_like(pooled)], 3) + y)

    x = tf.nn.relu(convolve(rgb, "conv32_down", 2))
    x = tf.nn.max_pool2d(x, 3, 2, "VALID")
    for first, blocks in OTHERS.items():
        if first in HALVING:
            x = residual(x, first, 2)
        for block in blocks:
            x = residual(x, block)
    return x.numpy()


@pytest.mark.slow
def test_the_weights_of_face_api_compute_what_they_do_there(made):
    path, arrays = made
    for size, side in (
        (75, 2),
        (110, 3),
    ):  # both need zeros beside some maps and none beside others
        rgb = np.random.default_rng(size).normal(0, 0.3, (3, size, size, 3)).astype(np.float32)

        model = ARCHITECTURES["dlib_resnet"](weights=str(path), input_size=size).build()
        actual = np.asarray(model.get_layer("backbone")(rgb))

        expected = features(rgb, arrays)
        assert actual.shape == (3, side, side, 256)
        assert (expected > 0.1).mean() > 0.1 and np.isfinite(expected).all()
        np.testing.assert_allclose(actual, expected, atol=1e-4 * expected.max(), err_msg=str(size))


@pytest.mark.slow
def test_normalization_by_the_batch_computes_the_same_once_it_is_adapted_to_the_faces(made):
    import keras

    faces = np.random.default_rng(0).integers(0, 256, (64, 48, 48), np.uint8)
    network = ARCHITECTURES["dlib_resnet"](weights=str(made[0]), input_size=75, dropout=0)
    model = network.build()
    pooled = keras.Model(model.input, model.get_layer("pooled").output)

    def features(training):
        return np.asarray(pooled(faces[..., None], training=training))

    weights, before, by_other_statistics = model.get_weights(), features(False), features(True)
    model.set_weights(weights)  # training has moved the averages
    network.adapt(model, faces)

    close = 1e-3 * before.max()
    np.testing.assert_allclose(features(False), before, atol=close)
    np.testing.assert_allclose(features(True), before, atol=close)
    assert abs(by_other_statistics - before).max() > 100 * close


@pytest.mark.slow
def test_a_file_that_is_not_of_the_network_is_one_sentence(made, tmp_path):
    path = made[0]
    content, manifest = path.read_bytes(), manifest_of(path).read_text()
    other = json.dumps([{"weights": [{"name": "fc", "shape": [2], "dtype": "float32"}]}])
    for name, data, text, reason in (
        ("alone", content, None, "its manifest alone-weights_manifest.json is not beside it"),
        ("short", content[:-1], manifest, "buffer is smaller than requested size"),
        ("long", content + b"0", manifest, "its manifest is of a file of "),
        ("other", bytes(8), other, "it has no weights of conv32_down"),
        ("shape", content, manifest.replace("[7, 7, 3,", "[3, 7, 7,"), "Layer conv32_down weight"),
        ("damaged", content, "[", "Expecting value"),
    ):
        file = tmp_path / f"{name}.bin"
        file.write_bytes(data)
        if text:
            manifest_of(file).write_text(text)
        with pytest.raises(WeightsError) as refusal:
            ARCHITECTURES["dlib_resnet"](weights=str(file), input_size=55).build()
        sentence = str(refusal.value)
        assert sentence.startswith(f"The weights file '{file}' does not fit ({reason}"), sentence
        assert sentence.endswith(").") and "\n" not in sentence, sentence


@pytest.mark.slow
def test_without_imagenet_weights_the_choices_name_none():
    for weights in ("imagenet", "missing.bin"):
        with pytest.raises(
            WeightsError, match=rf"no weights file '{weights}'. Choose from: none, or a file\.$"
        ):
            ARCHITECTURES["dlib_resnet"](weights=weights).build()
