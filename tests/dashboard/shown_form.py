"""The form of a new run, shown on a page of its own."""

from streamlit.testing.v1 import AppTest

from pipeline.labels import EMOTIONS
from pipeline.training.config import TrainConfig


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
        dataset="voted", schedule="constant", teacher="custom_cnn", teacher_share=0.7,
        model={"trainable_share": 0.35, "head_epochs": 1, "head_learning_rate": 0.0025},
    ),
}  # fmt: skip


def form(clone: TrainConfig | None = None, fingerprint: str | None = None) -> AppTest:
    """Show the form, and a button that fills it."""

    def page(clone, fingerprint):
        import streamlit as st

        from dashboard.components.train.form import fill_form
        from dashboard.components.train.new_run import show_new_run

        st.button("Clone", on_click=fill_form, args=(clone, fingerprint))
        show_new_run()

    return checked(AppTest.from_function(page, default_timeout=60, args=(clone, fingerprint)).run())


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
