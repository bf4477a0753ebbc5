import shutil

import numpy as np
import openvino as ov
import pytest
from openvino import opset13

from pipeline.errors import UserError
from pipeline.runs import Run, find_model
from pipeline.vision.recognizer import Recognizer
from pipeline.workspace import runs_folder


@pytest.fixture
def model() -> Run:
    """Return a copy of the shipped model among the runs, without int8."""
    copy = Run(runs_folder() / "copied")
    shutil.copytree(find_model("custom_cnn").path, copy.path)
    for suffix in (".xml", ".bin"):
        copy.int8_path.with_suffix(suffix).unlink(missing_ok=True)
    return copy


def pretend_int8(model: Run) -> None:
    """Put the float32 model in the place of the quantised one."""
    for suffix in (".xml", ".bin"):
        shutil.copy(model.openvino_path.with_suffix(suffix), model.int8_path.with_suffix(suffix))


@pytest.mark.parametrize("precision", ["f32", "default", "int8"])
def test_it_says_in_which_precision_it_computes_also_when_shared(precision, model):
    pretend_int8(model)

    recognizer = Recognizer.load(model, precision)

    assert recognizer.precision == recognizer.share().precision == precision


def test_two_views_are_the_mean_of_a_face_and_its_mirror_image(model):
    faces = np.random.default_rng(0).integers(0, 256, (5, 48, 48), np.uint8)
    one, two = (Recognizer.load(model, two_views=twice) for twice in (False, True))
    mirrored, (plain, maps) = one.predict(faces[:, :, ::-1]), one.explain(faces)

    both, shown = two.explain(faces)

    np.testing.assert_allclose(both, (plain + mirrored) / 2, atol=1e-5)
    np.testing.assert_allclose(shown, maps, atol=1e-3)
    np.testing.assert_allclose(two.share().predict(faces[:1]), both[:1], atol=1e-4)
    assert two.predict(faces[:0]).shape == (0, 7)


def test_int8_is_another_file_than_float32(model):
    pretend_int8(model)
    model.openvino_path.unlink()

    assert Recognizer.load(model, "int8").map_side == 6
    with pytest.raises(UserError, match="model.xml of 'copied' .* export it again."):
        Recognizer.load(model, "default")


def cut_short(model: Run) -> None:
    weights = model.int8_path.with_suffix(".bin")
    weights.write_bytes(weights.read_bytes()[:-1000])


@pytest.mark.parametrize(
    "damage",
    [
        lambda model: model.int8_path.unlink(),
        lambda model: model.int8_path.write_text("no model"),
        lambda model: model.int8_path.with_suffix(".bin").unlink(),
        cut_short,
    ],
    ids=["missing", "no model", "no weights", "cut short"],
)
def test_int8_that_is_missing_or_damaged_is_one_sentence(damage, model):
    pretend_int8(model)
    damage(model)

    with pytest.raises(UserError) as raised:
        Recognizer.load(model, "int8")
    assert str(raised.value) == (
        "The exported model int8.xml of 'copied' is missing or damaged: export it with --int8."
    )


def test_the_side_of_the_maps_is_the_shorter_one():
    faces = opset13.parameter([-1, 4, 5, 1], np.float32)
    maps = opset13.concat([faces] * 7, 3)
    maps.output(0).get_tensor().set_names({"cam"})
    compiled = ov.Core().compile_model(ov.Model([maps], [faces]), "CPU")

    assert Recognizer(compiled, "f32", 1.0).map_side == 4
