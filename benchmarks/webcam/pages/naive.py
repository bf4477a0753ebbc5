"""The usual live page: the video waits for the face detector and for `model.predict`."""

import av
import cv2
import numpy as np
import streamlit as st
from streamlit_webrtc import WebRtcMode, webrtc_streamer

from pipeline.labels import EMOTIONS
from pipeline.runs import find_run
from pipeline.training.keras_model import load_keras

CASCADE = cv2.data.haarcascades + "haarcascade_frontalface_default.xml"

model = st.cache_resource(lambda name: load_keras(find_run(name)))(st.query_params["live_model"])
cascade = cv2.CascadeClassifier(CASCADE)


def recognize(frame: av.VideoFrame) -> av.VideoFrame:
    """Find the faces, predict their emotions, and draw both."""
    frame_bgr = frame.to_ndarray(format="bgr24")
    gray = cv2.cvtColor(frame_bgr, cv2.COLOR_BGR2GRAY)
    for x, y, width, height in cascade.detectMultiScale(gray, 1.1, 5):
        face = cv2.resize(gray[y : y + height, x : x + width], (48, 48))
        probabilities = model.predict(face[np.newaxis, ..., np.newaxis], verbose=0)[0]
        label = EMOTIONS[int(probabilities.argmax())]
        cv2.rectangle(frame_bgr, (x, y), (x + width, y + height), (0, 255, 0), 2)
        cv2.putText(frame_bgr, label, (x, y - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 255, 0), 2)
    return av.VideoFrame.from_ndarray(frame_bgr, format="bgr24")


webrtc_streamer(
    key="webcam",
    mode=WebRtcMode.SENDRECV,
    rtc_configuration={"iceServers": []},
    media_stream_constraints={
        "video": {"width": 640, "height": 480, "frameRate": 30},
        "audio": False,
    },
    video_frame_callback=recognize,
)
