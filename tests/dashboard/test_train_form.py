"""The form of a new run: its fields, what fills it, and what it previews and starts."""

import re

import pytest

from dashboard.views.train.field_widgets import step_size
from dashboard.views.train.fields import form_fields
from dashboard.views.train.training_data import sample_faces
from dashboard.widgets.markdown import escape_markdown
from models import ARCHITECTURES
from pipeline.config.augmentation import Augmentation
from pipeline.config.options import build_config, command_line
from pipeline.config.presets import PRESETS, preset_config
from pipeline.config.train_config import TrainConfig
from pipeline.data.exclusions import exclude, remove_exclusions
from pipeline.data.store import dataset_info, load_dataset, remove_dataset, rename_dataset
from pipeline.errors import UserError
from pipeline.runs import Notes, create_run, list_runs
from pipeline.training.targets import training_counts
from tests.dashboard.pages import as_shown, button, press, texts
from tests.dashboard.shown_form import command, config_of, form, shown_fields, without_error
from tests.data.dataset_makers import make_faces, noise, store_faces

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
        dataset="voted", schedule="constant", teacher="custom_cnn", distillation_weight=0.7,
        model={"trainable_share": 0.35, "head_epochs": 1, "head_learning_rate": 0.0025},
    ),
    "dlib_resnet": config_of(architecture="dlib_resnet", model={"input_size": 55, "dropout": 0.2}),
}  # fmt: skip

pytestmark = pytest.mark.usefixtures("two_datasets")


def images(at) -> list[str]:
    """Return the URL of each image, which depends on its pixels."""
    return [url for image in at.image for url in image.value]


def test_every_field_that_applies_is_in_the_form_and_keeps_its_value_when_others_change():
    at = form()
    at.number_input(key="train.epochs").set_value(3)
    at.selectbox(key="train.class_weights").set_value("given")
    at.selectbox(key="train.teacher").set_value("custom_cnn")
    at.selectbox(key="train.dataset").set_value("voted").run()
    at.selectbox(key="train.targets").set_value("blend")
    at.number_input(key="train.given_weights.sad").set_value(2.5)
    fields = {*TrainConfig.model_fields, *Augmentation.model_fields} - {"model", "augmentation"}
    for name, architecture in ARCHITECTURES.items():
        at.selectbox(key="train.architecture").set_value(name).run()
        own = set(architecture.model_fields) - {"freeze_share"}  # it needs an initial model
        if name == "dlib_resnet":  # whose weights are none unless others are chosen
            own -= {"head_epochs", "head_learning_rate", "trainable_share"}
        assert shown_fields(at) == fields | own, name
        assert "--given-weights 1.0,1.0,1.0,1.0,2.5,1.0,1.0" in command(at)
        assert "--epochs 3 " in command(at)


def test_fields_that_do_not_apply_are_not_shown():
    at = form()
    not_yet = {"exclude", "targets", "vote_share", "given_weights", "distillation_weight"}
    not_yet.add("freeze_share")
    assert not shown_fields(at) & not_yet
    at.selectbox(key="train.initial_model").set_value("custom_cnn").run()
    assert "freeze_share" in shown_fields(at)
    at.selectbox(key="train.initial_model").set_value("none")
    at.selectbox(key="train.schedule").set_value("cosine")
    at.number_input(key="train.early_stopping_patience").set_value(0)
    at.selectbox(key="train.architecture").set_value("vgg16").run()
    assert "head_epochs" in shown_fields(without_error(at))
    hidden = {"plateau_patience", "plateau_factor", "early_stopping_monitor", "widths"}
    assert not shown_fields(at) & hidden
    at.selectbox(key="train.VGG16.weights").set_value("none").run()
    assert not shown_fields(at) & {"head_epochs", "head_learning_rate", "trainable_share"}


def test_the_callbacks_are_named_and_the_schedule_switches_one_of_them():
    at = form()
    for name in (
        "ModelCheckpoint",
        "EarlyStopping",
        "ReduceLROnPlateau",
        "CSVLogger",
        "TensorBoard",
    ):
        assert f"**{name}**" in texts(at).splitlines()
    assert "Off:" not in texts(at)

    at.selectbox(key="train.schedule").set_value("cosine").run()

    assert "Off: needs schedule plateau." in texts(at).splitlines()


@pytest.mark.slow
def test_a_configuration_fills_the_whole_form():
    for name, config in FILLED.items():
        at = press(form(config), "Fill")
        assert command(at) == command_line(config), name
        if name == "custom_cnn":  # fields that come and go keep their values
            at.toggle(key="train.sweep").set_value(True)
            at.selectbox(key="train.schedule").set_value("plateau").run()
            press(at, "Fill")
            at.selectbox(key="train.schedule").set_value("plateau").run()
            at.selectbox(key="train.schedule").set_value(config.schedule).run()
            assert command(at) == command_line(config), name
        press(at, "Reset to defaults")
        assert command(at) == command_line(config_of(dataset=config.dataset)), name


def test_a_clone_without_its_exclusion_list_warns_and_selects_no_other():
    voted = load_dataset("voted")
    exclude(voted, "bright", {voted.ids[1]: "by hand"})
    at = form(config_of(dataset="voted", exclude="bright"), voted.fingerprint)
    at.selectbox(key="train.dataset").set_value("voted").run()
    at.multiselect(key="train.exclude").set_value(["dark"]).run()
    remove_exclusions("voted", "bright")
    press(at, "Fill")
    assert "--dataset voted" in command(at) and "--exclude" not in command(at)
    assert "Exclusion list 'bright' of data set 'voted' is gone" in at.warning[0].value
    at.multiselect(key="train.exclude").set_value(["dark"]).run()
    assert not without_error(at).warning


@pytest.mark.slow
def test_a_clone_finds_its_renamed_data_set_and_selects_no_other_faces():
    config = config_of(dataset="voted", exclude="dark")
    at = form(config, dataset_info("voted").fingerprint)
    rename_dataset("voted", "renamed")
    press(at, "Fill")
    assert "--dataset renamed" in command(at) and "--exclude dark" in command(at)
    assert not at.warning

    remove_dataset("renamed")
    other_faces = form(config_of(), "0" * 64)
    for each, name in ((at, "voted"), (other_faces, "plain")):
        press(each, "Fill")
        assert each.selectbox(key="train.dataset").value is None
        assert f"'{name}' is gone or holds other faces" in each.warning[0].value
        assert [e.value for e in each.error] == [escape_markdown("Choose a data set to train on.")]
    at.selectbox(key="train.dataset").set_value("plain").run()
    assert "--dataset plain" in command(at) and not at.warning


@pytest.mark.slow
def test_an_exclusion_list_is_used_and_goes_with_its_data_set():
    at = form()
    at.selectbox(key="train.dataset").set_value("voted").run()
    assert at.multiselect(key="train.exclude").options == ["dark"]
    at.multiselect(key="train.exclude").set_value(["dark"]).run()
    assert "--exclude dark" in command(at)
    assert at.dataframe[0].value["faces"].sum() == 10
    voted = load_dataset("voted")
    exclude(voted, "bright", {voted.ids[1]: "by hand"})
    at.multiselect(key="train.exclude").set_value(["dark", "bright"]).run()
    assert "--exclude bright,dark" in command(at)
    assert at.dataframe[0].value["faces"].sum() == 9
    at.selectbox(key="train.dataset").set_value("plain").run()
    assert "--exclude" not in command(at)

    for name in ("plain", "voted"):  # a data set that was removed is not replaced by another
        remove_dataset(name)
        at.run()
        assert not at.exception
        assert [e.value for e in at.error] == [escape_markdown("Choose a data set to train on.")]


@pytest.mark.slow
def test_a_backbone_starts_from_a_run_or_bundled_model_of_its_architecture():
    run = create_run(FILLED["vgg16"], "f" * 64, notes=Notes(name="warm"))
    dlib = create_run(FILLED["dlib_resnet"], "f" * 64, notes=Notes(name="cold"))
    for each in (run, dlib):
        each.weights_path.write_bytes(b"")
    create_run(FILLED["vgg16"], "f" * 64)  # without weights
    create_run(FILLED["custom_cnn"], "f" * 64).weights_path.write_bytes(b"")
    at = form()
    both = ["imagenet", "none"]
    for architecture, key, named, option, name in (
        ("vgg16", "train.VGG16.weights", both, "warm — ", run.name),
        ("resnet50v2", "train.ResNet50V2.weights", both, "resnet50v2 — ", "resnet50v2"),
        ("dlib_resnet", "train.DlibResNet.weights", ["none"], "cold — ", dlib.name),
    ):
        at.selectbox(key="train.architecture").set_value(architecture).run()
        *others, offered = at.selectbox(key=key).options
        assert others == named and offered.startswith(option)
        at.selectbox(key=key).set_value(name).run()
        assert f"--weights {name}" in command(at)
        assert {"head_epochs", "head_learning_rate", "trainable_share"} <= shown_fields(at)


@pytest.mark.slow
def test_weights_may_be_a_file_that_exists_below_the_import_root(tmp_path, monkeypatch):
    monkeypatch.setenv("EMOTION_IMPORT_ROOT", str(tmp_path))
    for architecture, name in (("vgg16", "some.weights.h5"), ("dlib_resnet", "some.bin")):
        file = tmp_path / name
        config = config_of(architecture=architecture, model={"weights": str(file)})
        assert "There are no weights" in press(form(config), "Fill").error[0].value
        file.touch()
        assert f"--weights {file}" in command(press(form(config), "Fill"))


def test_a_wrong_value_is_one_sentence_at_its_field_that_goes_when_it_is_corrected():
    at = form()
    for widths in ("1, many", "4,,8"):
        at.text_input(key="train.CustomCNN.widths").set_value(widths).run()
        with pytest.raises(UserError) as refused:
            build_config({"dataset": "plain"}, {"widths": widths})
        assert [error.value for error in at.error] == [escape_markdown(refused.value.on_page)]
        assert refused.value.on_page in str(refused.value).replace("widths = ", "")
        assert "Correct **Widths, channels (under Advanced)** to start." in texts(at)
        assert "Start training" not in [button.label for button in at.button]
        assert not at.exception
    at.text_input(key="train.CustomCNN.widths").set_value("8,16").run()
    for key, wrong, label in (
        ("train.epochs", 0, "Epochs"),
        ("train.learning_rate", 50.0, "Learning rate"),
    ):
        field = at.number_input(key=key)
        # A browser would keep what is out of a field's bounds to itself.
        assert field.min is None and field.max is None
        before = field.value
        field.set_value(wrong).run()
        assert len(at.error) == 1 and f"Correct **{label}** to start." in texts(at)
        at.number_input(key=key).set_value(before).run()
    assert button(without_error(at), "Start training")


def test_the_form_starts_what_its_command_says():
    at = form()
    at.number_input(key="train.learning_rate").set_value(0.0003)
    at.text_input(key="train.CustomCNN.widths").set_value("8, 16")
    at.toggle(key="train.Augmentation.flip").set_value(False).run()
    shown = command(at)
    assert "--learning-rate 0.0003 --widths 8,16 --flip False" in shown
    without_error(press(at, "Start training"))
    (run,) = list_runs()
    assert command_line(run.config().train) == shown


def test_a_start_that_is_refused_says_why_and_the_next_one_succeeds(monkeypatch):
    monkeypatch.setenv("EMOTION_MAX_QUEUED_RUNS", "0")
    at = press(form(), "Start training")
    assert ["this server takes 0" in error.value for error in at.error] == [True]
    assert not list_runs() and at.code

    monkeypatch.delenv("EMOTION_MAX_QUEUED_RUNS")
    without_error(press(at, "Start training"))
    assert len(list_runs()) == 1


def test_a_list_that_excludes_every_face_is_one_sentence():
    voted = load_dataset("voted")
    exclude(voted, "all", dict.fromkeys(voted.ids.tolist(), "by hand"))

    at = press(form(config_of(dataset="voted", exclude="all")), "Fill")

    (error,) = (each.value for each in at.error)
    assert "Every face of 'train' in data set 'voted' is excluded" in as_shown(error)
    assert "Start training" not in [button.label for button in at.button]


def test_the_preview_follows_the_sliders_and_shows_an_epoch_of_the_training():
    at = form()
    before = images(at)
    assert "Every second row: augmented as in epoch 1" in texts(at).splitlines()
    at.slider(key="train.Augmentation.rotation").set_value(90.0).run()
    rotated = images(at)
    assert [a == b for a, b in zip(before, rotated, strict=True)] == [True, False, True, False]
    button(at, "Resample").click()
    at.number_input(key="train.mixup").set_value(0.2).run()
    assert "Every second row: augmented as in epoch 2, before mixup" in texts(at)
    assert images(at)[0] == rotated[0] and images(at)[1] != rotated[1]


def test_the_preview_has_every_emotion_before_a_second_face_of_any():
    labels = [3] * 20 + [0, 0, 6]
    faces = make_faces([noise(i) for i in range(len(labels))], labels)
    assert faces.labels[sample_faces(faces)].tolist() == [0, 0, 3, 3, 3, 3, 3, 6]
    assert sample_faces(make_faces([noise(0)], [5])).tolist() == [0]


def test_class_weights_follow_the_choice():
    at = form()
    assert set(at.dataframe[0].value["weight"]) == {1.0}
    at.selectbox(key="train.class_weights").set_value("balanced").run()
    table = at.dataframe[0].value.set_index("emotion")
    assert table["faces"].to_dict() == {
        "angry": 2, "disgust": 1, "fear": 1, "happy": 4, "sad": 1, "surprise": 1, "neutral": 1,
    }  # fmt: skip
    assert table.loc["disgust", "weight"] == pytest.approx(4 * table.loc["happy", "weight"])


def test_class_counts_are_those_of_the_faces_that_training_fits_on():
    labels = [label for label in range(7) for _ in range(10)]
    dataset = store_faces([noise(i) for i in range(70)], labels, ["train"] * 70)  # one held out
    counts = form().dataframe[0].value["faces"].tolist()
    assert counts == training_counts(dataset).tolist() == [9] * 7


def test_every_field_has_a_help_text_that_says_more_than_its_label_and_names_no_option():
    for architecture in ARCHITECTURES:
        for field in form_fields(TrainConfig.model_fields, {"architecture": architecture}):
            help_text, words = field.help, set(field.words.lower().split())
            explains = set(re.findall(r"[a-z0-9']+", help_text.lower())) - words
            assert len(explains) > 4, (field.name, help_text)
            assert "--" not in help_text and help_text.endswith("."), field.name
            assert not help_text.lower().startswith(field.words.lower()), field.name


def test_the_step_of_a_number_follows_its_kind_and_value():
    for name, value, step in (
        ("learning_rate", 0.0003, 0.00001),
        ("learning_rate", 0.05, 0.001),
        ("learning_rate", 0.0, 0.05),
        ("weight_decay", 0.0, 0.0001),
        ("label_smoothing", 0.0, 0.05),
    ):
        (field,) = form_fields([name], {})
        assert step_size(field, value) == step, (name, value)


def test_the_page_begins_with_the_quick_preset_and_another_one_fills_the_whole_form():
    at = form(preset="quick")
    for name in PRESETS:
        at.radio(key="train.preset").set_value(name).run()
        assert command(at) == command_line(preset_config(name, "plain")), name
        assert "Changed from" not in texts(at), name
    assert at.radio(key="train.preset").proto.captions[0].startswith(PRESETS["quick"].summary)


def test_a_change_of_a_preset_is_named_and_can_be_reset():
    at = form(preset="quick")
    at.number_input(key="train.epochs").set_value(3).run()
    assert "Changed from Quick: epochs." in texts(at)
    press(at, "Reset to Quick")
    assert command(at) == command_line(preset_config("quick", "plain"))
    assert "Changed from" not in texts(at)


def test_a_preset_keeps_data_set_and_exclusion_lists_and_a_clone_is_of_no_preset():
    at = form(FILLED["custom_cnn"], preset="quick")
    at.selectbox(key="train.dataset").set_value("voted").run()
    at.multiselect(key="train.exclude").set_value(["dark"]).run()
    at.radio(key="train.preset").set_value("balanced").run()
    assert "--dataset voted --architecture custom_cnn --exclude dark" in command(at)
    assert "Changed from" not in texts(at)
    assert press(at, "Fill").radio(key="train.preset").value is None
