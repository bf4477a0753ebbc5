"""The browser's camera as a stream through a processor, and help where there is none."""

import json
import os
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit_webrtc import WebRtcMode, webrtc_streamer

from dashboard.components.live.memory import give_back
from pipeline.vision.live import LiveProcessor

_CAMERA_FPS = "live.camera_fps"
_SAFE_HOSTS = ("localhost", "127.0.0.1", "::1")

_HELP = """
| The video says | What to do |
|---|---|
| `NotAllowedError` | The browser was told not to use the camera: allow it beside the address bar, \
then START again. |
| `NotFoundError` | No camera was found: connect one, then START again. |
| `NotReadableError` | Another program holds the camera: close it, then START again. |
| `navigator.mediaDevices is undefined` | The page came over plain http from another machine, and \
browsers give the camera only to https or localhost: open it over https. |
| `Connection is taking longer than expected` | The video cannot reach this server: name a STUN or \
TURN server in `EMOTION_ICE_SERVERS`, as the README says. |

Without a camera, take a photo or a video file above.
"""


def webcam(processor: LiveProcessor, camera_fps: int) -> bool:
    """Show the camera's video as the processor returns it; must be called in every full run.

    Args:
        processor: what works on the frames.
        camera_fps: frames a second to ask of the camera, from the next START on.

    Returns:
        Whether the video plays.
    """
    state = st.session_state
    playing = bool("webcam" in state and state.webcam.state.playing)
    fps = state.setdefault(_CAMERA_FPS, camera_fps) if playing else camera_fps
    state[_CAMERA_FPS] = fps  # a running camera would start anew with another
    video = {"width": 640, "height": 480, "frameRate": fps}
    context = webrtc_streamer(
        key="webcam",
        mode=WebRtcMode.SENDRECV,
        rtc_configuration={"iceServers": _ice_servers()},
        media_stream_constraints={"video": video, "audio": False},
        # Runs in the server's event loop, which is the fastest way: recv takes about 2 ms.
        async_processing=False,
        video_frame_callback=processor.recv,
        on_video_ended=partial(_end, processor),
    )
    return bool(context.state.playing)


def _end(processor: LiveProcessor) -> None:
    processor.stop()
    give_back()


def show_help() -> None:
    """Say what can keep the camera from starting, first what does for sure."""
    address = urlsplit(st.context.url or "")
    if address.scheme == "http" and address.hostname not in _SAFE_HOSTS:
        st.warning(
            "This page came over plain http from another machine, and browsers give the camera "
            "only to https or localhost: open it over https, or take a photo or a video file."
        )
    with st.expander("The camera does not start?"):
        st.markdown(_HELP)


def _ice_servers() -> list[Any]:
    """Return what `EMOTION_ICE_SERVERS` or the secret `ice_servers` lists; none on one machine."""
    text = os.environ.get("EMOTION_ICE_SERVERS")
    name = "EMOTION_ICE_SERVERS" if text else "ice_servers"
    try:
        if text:
            servers = json.loads(text)
        else:
            servers = st.secrets.get(name, []) if st.secrets.load_if_toml_exists() else []
        return [{"urls": server["urls"], **server} for server in list(servers)]
    except (ValueError, TypeError, KeyError):
        st.warning(
            f"`{name}` is not a list of servers, each with its `urls`, so it is passed over. "
            'Write `[{"urls": "stun:stun.example.org:3478"}]`.'
        )
        return []
