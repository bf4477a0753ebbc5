"""A page that returns each frame unchanged: the upper bound of streamlit-webrtc."""

from streamlit_webrtc import WebRtcMode, webrtc_streamer

webrtc_streamer(
    key="webcam",
    mode=WebRtcMode.SENDRECV,
    rtc_configuration={"iceServers": []},
    media_stream_constraints={
        "video": {"width": 640, "height": 480, "frameRate": 30},
        "audio": False,
    },
)
