"""A page that sends each frame back as it came: the most that streamlit-webrtc can do."""

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
