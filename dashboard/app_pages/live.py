"""Live: faces on the browser's camera, in a photo or in a video, and what a model makes of them."""

import streamlit as st

from dashboard.components.live.camera import camera_panel
from dashboard.components.live.photo import photo_panel
from dashboard.components.live.video import video_panel
from dashboard.components.model_picker import pick_model
from dashboard.components.plain import plain
from pipeline.runs import Run, list_models
from pipeline.vision.faces import available_detectors

SOURCES = {"Camera": camera_panel, "Photo": photo_panel, "Video file": video_panel}
_MODEL = "live.model"


def main() -> None:
    """Lay the page out: where the pictures come from and the model, then what is seen."""
    st.title("Emotion Detector")
    st.caption(
        "Finds the faces on your camera, in a photo or in a video, and names the emotion each one "
        "shows. Pictures are worked on in memory: nothing is stored unless you ask for it."
    )
    models = list_models()
    if not models:
        st.info("There is no trained model yet. Train one, then try it here.")
        st.page_link("app_pages/train.py", label="Train a model", icon=":material/model_training:")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = st.segmented_control(
            "From", list(SOURCES), default="Camera", required=True, key="live_from",
            bind="query-params",
        )  # fmt: skip
        model = pick_model("live", models)
        detector = _pick_detector()
    with st.container():  # always there: a video whose place on the page changes would stop
        _tell_of_a_lost_model(model, models)
    SOURCES[source](model, detector)


def _pick_detector() -> str:
    names = available_detectors()
    if len(names) == 1:
        return names[0]
    chosen = st.selectbox(
        "Detector", names, key="live.detector", persist_state="session", width=140
    )
    return str(chosen)


def _tell_of_a_lost_model(model: Run, models: list[Run]) -> None:
    before = st.session_state.get(_MODEL)
    if before and before not in [each.name for each in models]:
        st.warning(f"'{plain(before)}' is gone; {plain(model.name)} goes on in its place.")
    st.session_state[_MODEL] = model.name


main()
