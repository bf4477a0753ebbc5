import numpy as np
import openvino as ov
import pytest
from openvino import opset13

from pipeline.errors import UserError
from pipeline.runs import Run, find_model
from pipeline.vision.features import last_features
from pipeline.vision.recognizer import Recognizer, read_network

FACES = np.random.default_rng(0).integers(0, 256, (130, 48, 48), np.uint8)


@pytest.fixture
def bundled() -> Run:
    return find_model("custom_cnn")


def export(network: ov.Model, path) -> Run:
    run = Run(path)
    run.openvino_path.parent.mkdir(parents=True)
    ov.save_model(network, run.openvino_path)
    return run


def test_the_dense_layer_turns_the_features_into_the_probabilities(bundled):
    constants = {
        tuple(node.shape): node.data
        for node in read_network(bundled).get_ordered_ops()
        if node.get_type_name() == "Constant"
    }
    fractions: list[float] = []

    features = last_features(bundled, FACES, fractions.append)

    assert (features.shape, features.dtype) == ((130, 256), np.float32)
    powers = np.exp(features @ constants[7, 256].T + constants[1, 7])
    expected = Recognizer.load(bundled).predict(FACES)
    np.testing.assert_allclose(powers / powers.sum(axis=1, keepdims=True), expected, atol=1e-4)
    assert fractions == [pytest.approx(128 / 130), 1.0]
    alone = last_features(bundled, FACES[125:])
    np.testing.assert_allclose(features[125:], alone, atol=1e-5, err_msg="depends on the batch")


def test_a_model_without_a_dense_layer_or_probabilities_is_one_sentence(tmp_path, bundled):
    faces = opset13.parameter([-1, 48, 48, 1], np.float32, "faces")
    sums = opset13.reduce_sum(faces, np.array([2, 3]), keep_dims=False)
    softmax = opset13.softmax(sums, 1)
    softmax.output(0).get_tensor().set_names({"probabilities"})
    with pytest.raises(UserError, match="'odd' is missing or damaged: export it again"):
        last_features(export(ov.Model([softmax], [faces]), tmp_path / "odd"), FACES)

    network = read_network(bundled)
    last, maps = (
        network.output(name).get_node().input_value(0) for name in ("probabilities", "cam")
    )
    last.get_tensor().set_names(set())
    other = opset13.abs(last)  # no dense layer is before it
    other.output(0).get_tensor().set_names({"probabilities"})
    with pytest.raises(UserError, match="'cam' cannot be read.* Choose another model"):
        model = ov.Model([other.output(0), maps], network.get_parameters())
        last_features(export(model, tmp_path / "cam"), FACES)


def test_a_damaged_model_is_one_sentence(tmp_path, bundled):
    damaged = export(read_network(bundled), tmp_path / "damaged")
    weights = damaged.openvino_path.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(UserError, match="'damaged' is missing or damaged: export it again"):
        last_features(damaged, FACES)
