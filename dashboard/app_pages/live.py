"""Live: recognize the emotions of faces on the browser's camera, in a photo or in a video."""

import streamlit as st

from dashboard import resources
from dashboard.views.live.camera import show_camera
from dashboard.views.live.photo import show_photo
from dashboard.views.live.selection import pick_detector
from dashboard.views.live.video import show_video
from dashboard.views.live.webrtc import WEBCAM
from dashboard.widgets.model_choice import pick_model, show_notes

SOURCES = {"Camera": show_camera, "Photo": show_photo, "Video file": show_video}

st.title("Emotion Detector")
st.caption(
    "Predicts the emotion of each face on your camera, in a photo or in a video. Camera frames and "
    "photos are not stored."
)
models = resources.models()
if not models:
    st.info("There is no trained model yet. Train one, then try it here.")
    st.page_link("app_pages/train.py", label="Train a model", icon=":material/model_training:")
    st.stop()
with st.container(horizontal=True, vertical_alignment="bottom"):
    source = st.segmented_control(
        "Source",
        list(SOURCES),
        default="Camera",
        required=True,
        key="live_from",
        bind="query-params",
    )
    model = pick_model("live", models, real_faces=True)
    detector = pick_detector()
with st.container():  # always there: a video that moves to another place on the page would stop
    show_notes("live_model", [model] if model else [], real_faces=True)
if source != "Camera" or model is None:
    st.session_state.pop(WEBCAM, None)  # it must not start by itself when the user is back
if model is None:
    st.info("These models were trained on synthetic faces. Choose one to try it all the same.")
    st.page_link("app_pages/train.py", label="Train a model", icon=":material/model_training:")
    st.stop()
SOURCES[source](model, detector)
