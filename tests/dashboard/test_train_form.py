import pytest

from dashboard.components.plain import plain
from dashboard.components.train.augmented import faces_to_show
from dashboard.components.train.fields import fields_of
from dashboard.components.train.widgets import step_of
from models import ARCHITECTURES
from pipeline.data.store import (
    remove_dataset,
)
from pipeline.errors import UserError
from pipeline.runs import Notes, create_run, list_runs
from pipeline.training.augmentation import Augmentation
from pipeline.training.config import TrainConfig
from pipeline.training.options import build_config, command_line
from tests.dashboard.shown_form import (
    FILLED,
    button,
    checked,
    command,
    config_of,
    form,
    pictures,
    said,
    shown_fields,
)
from tests.data.dataset_makers import make_faces, noise

pytestmark = pytest.mark.usefixtures("two_datasets")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_field_that_applies_is_in_the_form_and_what_it_says_stays_when_others_change(name):
    at = form()
    at.number_input(key="train.epochs").set_value(3)
    at.selectbox(key="train.class_weights").set_value("given")
    at.selectbox(key="train.teacher").set_value("custom_cnn")
    at.selectbox(key="train.dataset").set_value("voted").run()
    at.selectbox(key="train.targets").set_value("blend")
    at.number_input(key="train.given_weights.sad").set_value(2.5)
    at.selectbox(key="train.architecture").set_value(name).run()
    fields = {*TrainConfig.model_fields, *Augmentation.model_fields}
    fields |= set(ARCHITECTURES[name].model_fields)
    assert shown_fields(checked(at)) == fields - {"model", "augmentation"}
    assert "--given-weights 1.0,1.0,1.0,1.0,2.5,1.0,1.0" in command(at)
    assert "--epochs 3 " in command(at)


def test_fields_that_do_not_apply_are_not_shown():
    at = form()
    assert not shown_fields(at) & {"exclude", "targets", "vote_share", "given_weights"}
    assert "teacher_share" not in shown_fields(at)
    at.selectbox(key="train.schedule").set_value("cosine")
    at.number_input(key="train.early_stopping_patience").set_value(0)
    at.selectbox(key="train.architecture").set_value("vgg16").run()
    assert "head_epochs" in shown_fields(checked(at))
    hidden = {"plateau_patience", "plateau_factor", "early_stopping_monitor", "widths"}
    assert not shown_fields(at) & hidden
    at.selectbox(key="train.VGG16.weights").set_value("none").run()
    assert not shown_fields(at) & {"head_epochs", "head_learning_rate", "trainable_share"}


def test_an_exclusion_list_goes_along_and_leaves_with_its_data_set():
    at = form()
    at.selectbox(key="train.dataset").set_value("voted").run()
    assert at.selectbox(key="train.exclude").options == ["dark"]
    at.selectbox(key="train.exclude").set_value("dark").run()
    assert "--exclude dark" in command(checked(at))
    assert at.dataframe[0].value["faces"].sum() == 10
    at.selectbox(key="train.dataset").set_value("plain").run()
    assert "--exclude" not in command(checked(at))


def test_a_data_set_that_is_removed_meanwhile_gives_way_to_no_other():
    at = form()
    for name in ("plain", "voted"):
        remove_dataset(name)
        at.run()
        assert not at.exception
        assert [error.value for error in at.error] == [plain("Choose a data set to train on.")]


def test_a_backbone_starts_from_a_trained_run_of_its_architecture():
    runs = {name: create_run(config, "f" * 64) for name, config in FILLED.items()}
    for run in runs.values():
        run.weights_path.write_bytes(b"")
    runs["vgg16"].write_notes(Notes(name="warm"))
    create_run(FILLED["vgg16"], "f" * 64)
    at = form()
    at.selectbox(key="train.architecture").set_value("vgg16").run()
    weights, name = at.selectbox(key="train.VGG16.weights"), runs["vgg16"].name
    assert weights.options == ["imagenet", "none", f"warm · {name}"]
    weights.set_value(name).run()
    assert f"--weights {name}" in command(checked(at))


def test_a_backbone_starts_from_the_shipped_model_of_its_architecture():
    at = form()
    at.selectbox(key="train.architecture").set_value("resnet50v2").run()
    weights = at.selectbox(key="train.ResNet50V2.weights")
    assert weights.options == ["imagenet", "none", "resnet50v2"]
    weights.set_value("resnet50v2").run()
    assert "--weights resnet50v2" in command(checked(at))


def test_weights_may_be_a_file_that_is_there(tmp_path):
    file = tmp_path / "some.weights.h5"
    at = form(config_of(architecture="vgg16", model={"weights": str(file)}))
    button(at, "Clone").click().run()
    assert "There are no weights" in at.error[0].value
    file.touch()
    at = form(config_of(architecture="vgg16", model={"weights": str(file)}))
    button(at, "Clone").click().run()
    assert f"--weights {file}" in command(checked(at))


def test_a_wrong_value_is_told_in_one_sentence_and_cannot_be_started():
    at = form()
    at.text_input(key="train.CustomCNN.widths").set_value("1, many").run()
    assert not at.exception
    assert len(at.error) == 1 and "is wrong" in at.error[0].value
    assert "Start training" not in [button.label for button in at.button]


def test_a_list_with_a_gap_is_refused_as_on_the_command_line():
    at = form()
    at.text_input(key="train.CustomCNN.widths").set_value("4,,8").run()
    with pytest.raises(UserError) as refused:
        build_config({"dataset": "plain"}, {"widths": "4,,8"})
    assert [error.value for error in at.error] == [plain(str(refused.value))]


def test_the_form_starts_what_it_says_and_shows_it_as_a_command():
    at = form()
    at.number_input(key="train.learning_rate").set_value(0.0003)
    at.text_input(key="train.CustomCNN.widths").set_value("8, 16")
    at.toggle(key="train.Augmentation.flip").set_value(False).run()
    words = command(at)
    assert "--learning-rate 0.0003 --widths 8,16 --flip False" in words
    button(at, "Start training").click().run()
    checked(at)
    (run,) = list_runs()
    assert command_line(run.config().train) == words


def test_the_strip_follows_the_sliders_and_shows_an_epoch_of_the_training():
    at = form()
    before = pictures(at)
    assert "Below as epoch 1 sees them." in said(at)
    at.slider(key="train.Augmentation.rotation").set_value(90.0).run()
    turned = pictures(at)
    assert [a == b for a, b in zip(before, turned, strict=True)] == [True, False, True, False]
    button(at, "Draw again").click()
    at.number_input(key="train.mixup").set_value(0.2).run()
    assert "Below as epoch 2 sees them. Mixup comes on top." in said(at)
    assert pictures(at)[0] == turned[0] and pictures(at)[1] != turned[1]


def test_the_strip_has_every_emotion_before_a_second_face_of_any():
    labels = [3] * 20 + [0, 0, 6]
    faces = make_faces([noise(i) for i in range(len(labels))], labels)
    assert faces.labels[faces_to_show(faces)].tolist() == [0, 0, 3, 3, 3, 3, 3, 6]
    few = make_faces([noise(0)], [5])
    assert faces_to_show(few).tolist() == [0]


def test_class_weights_follow_the_choice():
    at = form()
    assert set(at.dataframe[0].value["weight"]) == {1.0}
    at.selectbox(key="train.class_weights").set_value("balanced").run()
    table = at.dataframe[0].value.set_index("emotion")
    assert table["faces"].to_dict() == {
        "angry": 2, "disgust": 1, "fear": 1, "happy": 4, "sad": 1, "surprise": 1, "neutral": 1,
    }  # fmt: skip
    assert table.loc["disgust", "weight"] == pytest.approx(4 * table.loc["happy", "weight"])


@pytest.mark.parametrize(
    ("name", "value", "step"),
    [
        ("learning_rate", 0.0003, 0.00001), ("learning_rate", 0.05, 0.001),
        ("learning_rate", 0.0, 0.05), ("weight_decay", 0.0, 0.0001), ("label_smoothing", 0.0, 0.05),
    ],
)  # fmt: skip
def test_a_click_changes_a_number_by_a_part_of_it(name, value, step):
    (field,) = fields_of([name], {})
    assert step_of(field, value) == step
