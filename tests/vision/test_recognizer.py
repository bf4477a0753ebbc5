import shutil

import numpy as np
import openvino as ov
import pytest
from openvino import opset13

from pipeline.errors import UserError
from pipeline.runs import Calibration, Run, find_model
from pipeline.vision.confidence import scale_probabilities
from pipeline.vision.recognizer import Recognizer, compile_network, read_network
from pipeline.workspace import runs_folder

FACES = np.random.default_rng(0).integers(0, 256, (5, 48, 48), dtype=np.uint8)


@pytest.fixture
def model() -> Run:
    """A copy of the bundled model among the runs, without int8 and without calibration."""
    copy = Run(runs_folder() / "copied")
    shutil.copytree(find_model("custom_cnn").path, copy.path)
    for suffix in (".xml", ".bin"):
        copy.int8_path.with_suffix(suffix).unlink(missing_ok=True)
    copy.calibration_path.unlink()
    return copy


def store_as_int8(model: Run) -> None:
    """Put the float32 model in the place of the quantized one."""
    for suffix in (".xml", ".bin"):
        shutil.copy(model.openvino_path.with_suffix(suffix), model.int8_path.with_suffix(suffix))


def test_it_takes_the_threads_that_a_job_of_a_cluster_has(model, monkeypatch):
    def threads(given: int) -> int:
        compiled = compile_network(read_network(model), threads=given)
        return compiled.get_property("INFERENCE_NUM_THREADS")

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    by_default = threads(0)
    for left, expected in (("1", 1), ("many", by_default)):
        monkeypatch.setenv("OMP_NUM_THREADS", left)
        assert threads(0) == expected, left
    monkeypatch.setenv("OMP_NUM_THREADS", "9")
    assert threads(1) == 1


@pytest.mark.slow
def test_it_knows_the_precision_it_was_loaded_with_also_when_shared(model):
    store_as_int8(model)
    for precision in ("f32", "default", "int8"):
        recognizer = Recognizer.load(model, precision)
        assert recognizer.precision == recognizer.share().precision == precision


def test_two_views_average_a_face_and_its_mirror_image(model):
    one, two = (Recognizer.load(model, two_views=views) for views in (False, True))
    mirrored, (plain, maps) = one.predict(FACES[:, :, ::-1]), one.explain(FACES)

    both, maps_of_two = two.explain(FACES)

    np.testing.assert_allclose(both, (plain + mirrored) / 2, atol=1e-5)
    np.testing.assert_allclose(maps_of_two, maps, atol=1e-3)
    np.testing.assert_allclose(two.share().predict(FACES[:1]), both[:1], atol=1e-4)
    assert two.predict(FACES[:0]).shape == (0, 7)


def test_int8_is_another_file_than_float32(model):
    store_as_int8(model)
    model.openvino_path.unlink()

    assert Recognizer.load(model, "int8").map_side == 6
    with pytest.raises(UserError, match="model.xml of 'copied' .* export it again."):
        Recognizer.load(model, "default")


def test_int8_that_is_missing_or_damaged_is_one_sentence(model):
    weights = model.int8_path.with_suffix(".bin")
    for damage in (
        lambda: model.int8_path.unlink(),
        lambda: model.int8_path.write_text("no model"),
        lambda: weights.unlink(),
        lambda: weights.write_bytes(weights.read_bytes()[:-1000]),
    ):
        store_as_int8(model)
        damage()
        with pytest.raises(UserError) as raised:
            Recognizer.load(model, "int8")
        assert str(raised.value) == (
            "The exported model int8.xml of 'copied' is missing or damaged: export it with --int8."
        )


@pytest.mark.slow
def test_a_model_that_does_not_work_in_a_process_of_its_own_is_one_sentence(model):
    whole = model.openvino_path.read_bytes()
    for case, damaged in (
        ("an error that is not UTF-8", whole.replace(b'type="Convolution"', b'type="\xff"', 1)),
        ("other outputs", whole.replace(b'names="cam"', b'names="map"')),
        ("no probabilities", whole.replace(b'type="SoftMax"', b'type="ReLU"')),
    ):
        assert damaged != whole, case
        model.openvino_path.write_bytes(damaged)
        with pytest.raises(UserError, match="model.xml of 'copied' is missing or damaged"):
            Recognizer.load(model)


@pytest.mark.slow
def test_a_model_is_tried_once_for_each_version_of_its_files(model):
    tried = model.openvino_path.with_name(".model.checked")
    times = []
    for _ in range(2):
        Recognizer.load(model)
        times.append(tried.stat().st_mtime_ns)
    assert times[0] == times[1]
    shutil.copy(model.openvino_path, model.openvino_path.with_suffix(".copy"))
    model.openvino_path.with_suffix(".copy").replace(model.openvino_path)
    Recognizer.load(model)
    assert tried.stat().st_mtime_ns > times[0]
    assert not find_model("custom_cnn").openvino_path.with_name(".model.checked").exists()


def test_the_side_of_the_maps_is_the_shorter_one():
    faces = opset13.parameter([-1, 4, 5, 1], np.float32)
    maps = opset13.concat([faces] * 7, 3)
    maps.output(0).get_tensor().set_names({"cam"})
    compiled = ov.Core().compile_model(ov.Model([maps], [faces]), "CPU")

    assert Recognizer(compiled, "f32", 1.0).map_side == 4


def test_it_calibrates_at_the_stored_temperature_and_predicts_as_before(model):
    uncalibrated = Recognizer.load(model)
    fitted = {"dataset": "faces", "fingerprint": "f" * 64, "split": "test", "faces": 20}
    model.write_calibration(Calibration(temperature=2.5, **fitted))
    recognizer = Recognizer.load(model)

    probabilities = recognizer.predict(FACES)

    np.testing.assert_array_equal(probabilities, uncalibrated.predict(FACES))
    expected = scale_probabilities(probabilities, 2.5)
    assert not np.allclose(expected, probabilities)
    for each in (recognizer, recognizer.share()):
        np.testing.assert_array_equal(each.calibrated(probabilities), expected)


def test_without_a_valid_temperature_the_confidences_are_the_probabilities(model):
    for content in (None, '{"temperature": -1}'):
        if content:
            model.calibration_path.write_text(content)
        recognizer = Recognizer.load(model)
        probabilities = recognizer.predict(FACES)
        np.testing.assert_allclose(recognizer.calibrated(probabilities), probabilities, rtol=1e-5)
    assert recognizer.calibrated(recognizer.predict(FACES[:0])).shape == (0, 7)
