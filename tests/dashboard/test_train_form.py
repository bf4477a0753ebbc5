import pytest
from streamlit.testing.v1 import AppTest

from dashboard.components.train.augmented import faces_to_show
from dashboard.components.train.fields import fields_of
from dashboard.components.train.sweep import together, unused
from dashboard.components.train.widgets import step_of
from models import ARCHITECTURES
from pipeline.data.exclusions import exclude
from pipeline.data.store import load_dataset, rename_dataset
from pipeline.labels import EMOTIONS
from pipeline.runs import Notes, create_run, list_runs
from pipeline.training import queue
from pipeline.training.augmentation import Augmentation
from pipeline.training.config import TrainConfig
from pipeline.training.estimate import cost_key, keep_estimate
from pipeline.training.options import command_line
from tests.data.dataset_makers import make_faces, noise, store_faces, votes
from tests.training.test_estimate import some_estimate

LABELS = [0, 0, 1, 2, 3, 3, 3, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6]
SPLITS = ["train"] * 11 + ["public_test"] * 7


def config_of(**values) -> TrainConfig:
    return TrainConfig.model_validate({"dataset": "plain"} | values)


FILLED = {
    "custom_cnn": config_of(
        model={"widths": (8, 16), "kernel_size": 5, "residual": False, "dropout": 0.15},
        optimizer="sgd", learning_rate=0.0003, schedule="cosine", warmup_epochs=2,
        weight_decay=5e-4, ema_momentum=0.999, seed=7, precision="mixed_bfloat16",
        class_weights="given", given_weights=(1, 9.5, 1, 0.5, 1, 1, 2), mixup=0.2,
        augmentation={"rotation": 12.5, "zoom": 0.155, "flip": False, "erasing": 0.25},
        monitor="val_loss", early_stopping_patience=0,
    ),
    "vgg16": config_of(
        dataset="voted", exclude="dark", targets="blend", vote_share=0.3, label_smoothing=0.1,
        architecture="vgg16", model={"weights": "none", "input_size": 64, "dropout": 0.2},
        plateau_patience=2, plateau_factor=0.2, early_stopping_monitor="val_macro_f1",
    ),
    "resnet50v2": config_of(
        architecture="resnet50v2", batch_size=32, epochs=7, class_weights="sqrt", targets="votes",
        dataset="voted", schedule="constant",
        model={"trainable_share": 0.35, "head_epochs": 1, "head_learning_rate": 0.0025},
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def with_data():
    """Two data sets: `plain`, and `voted` that has votes and an exclusion list."""
    pictures = [noise(i) for i in range(len(LABELS))]
    store_faces(pictures, LABELS, SPLITS)
    rename_dataset("faces", "plain")
    seen = store_faces(pictures[::-1], LABELS, SPLITS, [votes(anger=6, fear=4)] * len(LABELS))
    rename_dataset("faces", "voted")
    exclude(load_dataset("voted"), "dark", {seen.ids[0]: "by hand"})


@pytest.fixture
def no_worker(monkeypatch):
    monkeypatch.setattr(queue, "start_worker", lambda: None)


def form(clone: TrainConfig | None = None) -> AppTest:
    """Show the form, and a button that fills it."""

    def page(clone):
        import streamlit as st

        from dashboard.components.train.form import fill_form
        from dashboard.components.train.new_run import show_new_run

        st.button("Clone", on_click=fill_form, args=(clone,))
        show_new_run()

    return checked(AppTest.from_function(page, default_timeout=60, args=(clone,)).run())


def checked(at: AppTest) -> AppTest:
    assert not at.exception and not at.error
    return at


def button(at: AppTest, label: str):
    return next(button for button in at.button if button.label == label)


def command(at: AppTest) -> str:
    return at.code[0].value


def shown_fields(at: AppTest) -> set[str]:
    kinds = (at.selectbox, at.number_input, at.text_input, at.toggle, at.slider)
    keys = [widget.key or "" for kind in kinds for widget in kind]
    names = {key.rpartition(".")[2] for key in keys if not key.startswith("train.sweep")}
    return names - set(EMOTIONS) | ({"given_weights"} if names & set(EMOTIONS) else set())


def said(at: AppTest) -> list[str]:
    return [caption.value for caption in at.caption]


def pictures(at: AppTest) -> list[str]:
    """The address of each picture, which is another one for other pixels."""
    return [url for image in at.image for url in image.value]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_cloned_configuration_is_in_the_form_whole(name):
    config = FILLED[name]
    at = form(config)
    at.toggle(key="train.sweep").set_value(True).run()
    button(at, "Clone").click().run()
    assert command(checked(at)) == command_line(config)
    at.selectbox(key="train.schedule").set_value("plateau").run()
    at.selectbox(key="train.schedule").set_value(config.schedule).run()
    assert command(checked(at)) == command_line(config)
    button(at, "Back to the defaults").click().run()
    assert command(checked(at)) == command_line(config_of(dataset=config.dataset))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_field_that_applies_is_in_the_form_and_what_it_says_stays_when_others_change(name):
    at = form()
    at.number_input(key="train.epochs").set_value(3)
    at.selectbox(key="train.class_weights").set_value("given")
    at.selectbox(key="train.dataset").set_value("voted").run()
    at.selectbox(key="train.targets").set_value("blend")
    at.number_input(key="train.given_weights.sad").set_value(2.5)
    at.selectbox(key="train.architecture").set_value(name).run()
    fields = {*TrainConfig.model_fields, *Augmentation.model_fields}
    fields |= set(ARCHITECTURES[name].model_fields)
    assert shown_fields(checked(at)) == fields - {"model", "augmentation", "warmup_epochs"}
    assert "--given-weights 1.0,1.0,1.0,1.0,2.5,1.0,1.0" in command(at)
    assert "--epochs 3 " in command(at)


def test_fields_that_do_not_apply_are_not_shown():
    at = form()
    without = {"exclude", "targets", "vote_share", "given_weights", "warmup_epochs"}
    assert not shown_fields(at) & without
    at.selectbox(key="train.schedule").set_value("cosine")
    at.number_input(key="train.early_stopping_patience").set_value(0)
    at.selectbox(key="train.architecture").set_value("vgg16").run()
    assert {"warmup_epochs", "head_epochs"} <= shown_fields(checked(at))
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
    assert at.dataframe[0].value["faces"].sum() == SPLITS.count("train") - 1
    at.selectbox(key="train.dataset").set_value("plain").run()
    assert "--exclude" not in command(checked(at))


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


def test_the_form_starts_what_it_says_and_shows_it_as_a_command(no_worker):
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


def test_a_sweep_starts_a_run_for_each_combination(no_worker):
    at = form()
    at.toggle(key="train.sweep").set_value(True).run()
    assert not any(each.label.startswith("Start") for each in at.button)
    fields = at.multiselect(key="train.sweep.fields")
    assert "learning rate" in fields.options and "dataset" not in fields.options
    fields.set_value(["learning_rate", "optimizer", "widths"]).run()
    at.text_input(key="train.sweep.learning_rate").set_value("0.01  0.003")
    at.multiselect(key="train.sweep.optimizer").set_value(["sgd", "adam"])
    at.text_input(key="train.sweep.widths").set_value("8,16 8,16,32").run()
    assert "--vary 'learning-rate=0.01 0.003' --vary 'optimizer=sgd adam'" in command(checked(at))
    button(at, "Start 8 trainings").click().run()
    notes = [run.notes() for run in list_runs()]
    assert {each.experiment for each in notes} == {"learning rate × optimizer × widths"}
    assert "learning rate 0.003 · optimizer adam · widths 8,16" in [each.name for each in notes]
    assert at.text_input(key="train.sweep.name").placeholder.endswith("widths 2")


def test_a_sweep_lets_go_of_what_is_not_there_any_more():
    at = form()
    at.toggle(key="train.sweep").set_value(True).run()
    at.multiselect(key="train.sweep.fields").set_value(["widths", "seed"]).run()
    at.text_input(key="train.sweep.seed").set_value("1 2")
    at.selectbox(key="train.architecture").set_value("vgg16").run()
    assert at.multiselect(key="train.sweep.fields").value == ["seed"]
    assert button(checked(at), "Start 2 trainings")


def test_a_wrong_value_of_a_sweep_is_told_in_one_sentence():
    at = form()
    at.toggle(key="train.sweep").set_value(True).run()
    at.multiselect(key="train.sweep.fields").set_value(["learning_rate"]).run()
    at.text_input(key="train.sweep.learning_rate").set_value("0.01 fast").run()
    assert not at.exception
    assert "learning" in at.error[0].value and "fast" in at.error[0].value
    assert not any(each.label.startswith("Start") for each in at.button)


def test_a_sweep_says_how_long_it_takes_where_all_of_it_is_known():
    configs = [config_of(epochs=epochs) for epochs in (1, 3)]
    assert together(configs) is None
    key = cost_key(configs[0], load_dataset("plain"))
    keep_estimate(key, some_estimate(epoch_s=20.0, start_s=9.0))
    assert together(configs) == 2 * 9.0 + 4 * 20.0
    assert together([*configs, config_of(batch_size=32)]) is None


def test_a_suggested_name_is_not_taken():
    assert unused("seed", set()) == "seed"
    assert unused("seed", {"seed", "seed 2"}) == "seed 3"
