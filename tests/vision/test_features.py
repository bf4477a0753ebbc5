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
def shipped() -> Run:
    return find_model("custom_cnn")


def export(network: ov.Model, path) -> Run:
    run = Run(path)
    run.openvino_path.parent.mkdir(parents=True)
    ov.save_model(network, run.openvino_path)
    return run


def test_the_dense_layer_turns_the_features_into_the_probabilities(shipped):
    constants = {
        tuple(node.shape): node.data
        for node in read_network(shipped).get_ordered_ops()
        if node.get_type_name() == "Constant"
    }

    features = last_features(shipped, FACES)

    assert (features.shape, features.dtype) == ((130, 256), np.float32)
    powers = np.exp(features @ constants[7, 256].T + constants[1, 7])
    expected = Recognizer.load(shipped).predict(FACES)
    np.testing.assert_allclose(powers / powers.sum(axis=1, keepdims=True), expected, atol=1e-4)


def test_features_of_a_face_do_not_depend_on_its_batch(shipped):
    np.testing.assert_allclose(
        last_features(shipped, FACES)[125:], last_features(shipped, FACES[125:]), atol=1e-5
    )


def test_progress_follows_the_batches(shipped):
    seen: list[float] = []

    last_features(shipped, FACES, seen.append)

    assert seen == [pytest.approx(128 / 130), 1.0]


def test_a_model_without_a_dense_layer_at_its_end_gives_one_sentence(tmp_path):
    faces = opset13.parameter([-1, 48, 48, 1], np.float32, "faces")
    sums = opset13.reduce_sum(faces, np.array([2, 3]), keep_dims=False)
    softmax = opset13.softmax(sums, 1)
    softmax.output(0).get_tensor().set_names({"probabilities"})

    with pytest.raises(UserError, match="'odd' cannot be read.* Choose another model"):
        last_features(export(ov.Model([softmax], [faces]), tmp_path / "odd"), FACES)


def test_a_model_without_probabilities_gives_one_sentence(tmp_path, shipped):
    network = read_network(shipped)
    cam = ov.Model([network.output("cam").get_node().input_value(0)], network.get_parameters())

    with pytest.raises(UserError, match="'cam' cannot be read"):
        last_features(export(cam, tmp_path / "cam"), FACES)


def test_a_damaged_model_gives_one_sentence(tmp_path, shipped):
    damaged = export(read_network(shipped), tmp_path / "damaged")
    weights = damaged.openvino_path.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:1000])

    with pytest.raises(UserError, match="'damaged' is missing or damaged: export it again"):
        last_features(damaged, FACES)
