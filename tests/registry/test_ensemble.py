import shutil

import numpy as np
import pytest

from pipeline.config.train_config import TrainConfig
from pipeline.data.store import load_dataset
from pipeline.errors import UserError
from pipeline.evaluation.comparison import ensemble
from pipeline.evaluation.evaluate import evaluate
from pipeline.evaluation.metrics import compute_metrics
from pipeline.evaluation.predictions import predict_split
from pipeline.labels import EMOTIONS
from pipeline.registry.add_model import add_model
from pipeline.registry.ensemble import average, make_ensemble
from pipeline.registry.openvino_export import export_int8
from pipeline.runs import Run, RunConfig, create_run, find_model
from pipeline.runs.records import ImportedModel
from pipeline.vision.recognizer import Recognizer, compile_network, has_maps, read_network
from pipeline.workspace import runs_folder
from tests.cli.commands import document
from tests.evaluation.makers import make_dataset
from tests.registry.model_files import network, weights
from tests.registry.test_add_model import save


@pytest.fixture
def imported(sample, tmp_path):
    w = weights(load_dataset("sample"), EMOTIONS)
    return add_model(save(network(w), tmp_path / "a.xml"), "theirs", labels="fer2013", scale="0..1")


def test_the_metrics_of_an_ensemble_are_those_of_the_mean_probabilities(imported):
    dataset = load_dataset("sample")
    members = [find_model("custom_cnn"), imported]
    stored = [predict_split(model, dataset, "test") for model in members]
    expected = compute_metrics(ensemble(stored))

    model = make_ensemble("both", members)

    metrics = evaluate(model, dataset, "test")
    for name in ("accuracy", "macro_f1", "log_loss", "ece", "auc_macro"):
        assert getattr(metrics, name) == pytest.approx(getattr(expected, name), abs=1e-4), name
    mean = np.mean([each.probabilities for each in stored], axis=0)
    actual = Recognizer.load(model).predict(dataset.images[:5])
    assert actual.shape == (5, 7)
    np.testing.assert_allclose(predict_split(model, dataset, "test").probabilities, mean, atol=1e-4)
    assert model.config().kind == "ensemble" and not model.int8_path.exists()


@pytest.mark.slow
def test_weights_count_by_their_ratios_and_int8_is_made_where_all_members_have_it(imported):
    export_int8(imported)
    dataset = load_dataset("sample")

    made = document("ensemble", "both", "custom_cnn", "theirs", "--weights", "1,3")

    assert made["models"] == {"custom_cnn": 0.25, "theirs": 0.75}
    model = find_model("both")
    each = [Recognizer.load(find_model(n)).predict(dataset.images[:6]) for n in made["models"]]
    expected = 0.25 * each[0] + 0.75 * each[1]
    np.testing.assert_allclose(
        Recognizer.load(model).predict(dataset.images[:6]), expected, atol=1e-4
    )
    quantized = Recognizer.load(model, "int8").predict(dataset.images[:6])
    np.testing.assert_allclose(quantized, expected, atol=0.1)


def test_maps_are_averaged_where_the_sizes_agree():
    custom_cnn, resnet50v2 = find_model("custom_cnn"), find_model("resnet50v2")
    faces = np.random.default_rng(0).integers(0, 256, (2, 48, 48), dtype=np.uint8)
    recognizer = Recognizer.load(custom_cnn)

    both = average([read_network(custom_cnn), read_network(custom_cnn)], [0.5, 0.5])

    assert has_maps(both)
    twice = Recognizer(compile_network(both), "f32", 1.0)
    for actual, expected in zip(twice.explain(faces), recognizer.explain(faces), strict=True):
        np.testing.assert_allclose(actual, expected, atol=1e-3)
    assert not has_maps(average([read_network(custom_cnn), read_network(resnet50v2)], [0.5, 0.5]))


@pytest.mark.slow
def test_no_ensemble_is_evaluated_on_held_out_faces_that_a_member_was_fitted_on():
    dataset = make_dataset()

    def trained(seed: int) -> Run:
        run = create_run(TrainConfig(dataset=dataset.name, seed=seed), dataset.fingerprint)
        shutil.copytree(find_model("custom_cnn").openvino_path.parent, run.openvino_path.parent)
        return run

    one, same, other, added = trained(1), trained(1), trained(2), trained(3)
    source = ImportedModel(
        file="a", sha256="", framework="", input="", scale="", labels=(), dataset=dataset.name
    )
    fingerprint = dataset.fingerprint
    added.write_config(RunConfig(kind="imported", imported=source, dataset_fingerprint=fingerprint))
    for name, members in (("seeds", [one, same]), ("added", [added, one])):
        model = make_ensemble(name, members)
        assert model.config().seed == 1
        assert set(predict_split(model, dataset, "held_out").ids) == set(
            dataset.ids[dataset.indices("held_out", 1)]
        )

    mixed = document("ensemble", "mixed", one.name, other.name)

    nested = make_ensemble("nested", [find_model("mixed"), one])
    bundled = make_ensemble("bundled", [one, find_model("custom_cnn")])
    assert mixed["accuracy"] is None
    for model in (find_model("mixed"), nested, bundled):
        assert evaluate(model, dataset, "test").n == 70
        with pytest.raises(UserError, match="trained with different seeds or data sets"):
            evaluate(model, dataset, "held_out")
        assert model.calibration() is None


def test_an_ensemble_that_makes_no_sense_is_refused(imported):
    custom_cnn = find_model("custom_cnn")
    for members, shares, words in (
        ([custom_cnn], [], "two different models"),
        ([custom_cnn, custom_cnn], [], "each named once"),
        ([custom_cnn, imported], [1.0], "one positive number for each of the 2 models"),
        ([custom_cnn, imported], [1.0, 0.0], "do not fit"),
    ):
        with pytest.raises(UserError, match=words):
            make_ensemble("both", members, shares)
    with pytest.raises(UserError, match="is taken"):
        make_ensemble("theirs", [custom_cnn, imported])
    assert [path.name for path in runs_folder().iterdir()] == ["theirs"]
