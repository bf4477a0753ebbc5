"""The browser's camera as a stream through a processor, and help where there is none."""

import json
import os
from typing import Any

import streamlit as st
from streamlit_webrtc import WebRtcMode, webrtc_streamer

from pipeline.vision.live import LiveProcessor

CAMERA = {"video": {"width": 640, "height": 480, "frameRate": 30}, "audio": False}

HELP = """
| The video says | What to do |
|---|---|
| `NotAllowedError` | The browser was told not to use the camera: allow it beside the address bar, \
then START again. |
| `NotFoundError` | No camera is connected, or another program holds it. |
| `navigator.mediaDevices is undefined` | The page came over plain http from another machine: \
browsers give the camera only to https or localhost. |
| nothing, and START comes back | The video cannot reach this server: name a STUN or TURN server \
in `EMOTION_ICE_SERVERS`, as a JSON list. |

Without a camera, recognise a photo instead.
"""


def webcam(processor: LiveProcessor) -> bool:
    """Show the camera's video as the processor returns it; must be called in every full run.

    Returns:
        Whether the video plays.
    """
    context = webrtc_streamer(
        key="webcam",
        mode=WebRtcMode.SENDRECV,
        rtc_configuration={"iceServers": _ice_servers()},
        media_stream_constraints=CAMERA,
        # Runs in the server's event loop, which is the fastest way: recv takes about 2 ms.
        async_processing=False,
        video_frame_callback=processor.recv,
        on_video_ended=processor.stop,
    )
    return bool(context.state.playing)


def _ice_servers() -> list[Any]:
    """Return what `EMOTION_ICE_SERVERS` or the secret `ice_servers` lists; none on one machine."""
    text = os.environ.get("EMOTION_ICE_SERVERS")
    try:
        if text:
            servers = json.loads(text)
        else:
            servers = st.secrets.get("ice_servers", []) if st.secrets.load_if_toml_exists() else []
        return [dict(server) for server in servers]
    except (ValueError, TypeError):
        st.warning(
            "`EMOTION_ICE_SERVERS` is not a JSON list of servers, so it is passed over. "
            'Write `[{"urls": "stun:stun.example.org:3478"}]`.'
        )
        return []
