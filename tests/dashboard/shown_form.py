"""The form of a new run, shown on a page of its own."""

from streamlit.testing.v1 import AppTest

from pipeline.config.train_config import TrainConfig
from pipeline.labels import EMOTIONS


def config_of(**values) -> TrainConfig:
    return TrainConfig.model_validate({"dataset": "plain"} | values)


def form(
    config: TrainConfig | None = None, fingerprint: str | None = None, preset: str | None = None
) -> AppTest:
    """Show the form, and a button "Fill" that fills it with a configuration.

    Without a preset it is at the defaults of TrainConfig. With one it is as it first opens, with
    the preset `quick`.
    """

    def page(config, fingerprint):
        import streamlit as st

        from dashboard.views.train.form import fill_form
        from dashboard.views.train.new_run import show_new_run

        st.button("Fill", on_click=fill_form, args=(config, fingerprint))
        show_new_run()

    at = AppTest.from_function(page, default_timeout=60, args=(config, fingerprint))
    if preset is None:
        at.session_state["train.preset"] = None
    return without_error(at.run())


def without_error(at: AppTest) -> AppTest:
    assert not at.exception and not at.error
    return at


def command(at: AppTest) -> str:
    """Return the command that the page shows."""
    return without_error(at).code[0].value


def shown_fields(at: AppTest) -> set[str]:
    """Return the names of the fields in the form."""
    kinds = (
        *(at.selectbox, at.multiselect, at.number_input, at.text_input),
        *(at.toggle, at.slider),
    )
    keys = [widget.key or "" for kind in kinds for widget in kind]
    names = {
        key.rpartition(".")[2]
        for key in keys
        if not key.startswith(("train.sweep", "new_run.", "train.preset"))
    }
    return names - set(EMOTIONS) | ({"given_weights"} if names & set(EMOTIONS) else set())
