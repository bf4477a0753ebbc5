"""Stream the browser's camera through a processor, and help when the camera fails."""

import json
import os
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit_webrtc import WebRtcMode, webrtc_streamer

from dashboard.views.live.memory import trim_heaps
from pipeline.vision.live.processor import LiveProcessor

_CAMERA_FPS = "live.camera_fps"
_SAFE_HOSTS = ("localhost", "127.0.0.1", "::1")

_HELP = """
| Message | What to do |
|---|---|
| `NotAllowedError` | The browser blocks the camera: allow it next to the address bar, \
then press START again. |
| `NotFoundError` | No camera was found: connect one, then press START again. |
| `NotReadableError` | Another program uses the camera: close it, then press START again. |
| `navigator.mediaDevices is undefined` | The page was loaded over plain http from another \
machine, and browsers allow the camera only on https or localhost: open the page over https. |
| `Connection is taking longer than expected` | The video cannot reach this server: set a STUN or \
TURN server in `EMOTION_ICE_SERVERS`. |

Without a camera, choose a photo or a video file above.
"""


def stream_camera(processor: LiveProcessor, camera_fps: int) -> bool:
    """Show the camera's video as processed; must be called in every full run of the page.

    Args:
        processor: processes the frames.
        camera_fps: frames per second to ask of the camera, from the next START on.

    Returns:
        Whether the video plays.
    """
    state = st.session_state
    playing = bool("webcam" in state and state.webcam.state.playing)
    fps = state.setdefault(_CAMERA_FPS, camera_fps) if playing else camera_fps
    state[_CAMERA_FPS] = fps  # another value would restart a running camera
    video = {"width": 640, "height": 480, "frameRate": fps}
    context = webrtc_streamer(
        key="webcam",
        mode=WebRtcMode.SENDRECV,
        rtc_configuration={"iceServers": _ice_servers()},
        media_stream_constraints={"video": video, "audio": False},
        # Runs recv, which takes about 2 ms, in the server's event loop: the lowest latency.
        async_processing=False,
        video_frame_callback=processor.recv,
        on_video_ended=partial(_end, processor),
    )
    return bool(context.state.playing)


def _end(processor: LiveProcessor) -> None:
    processor.stop()
    trim_heaps()


def show_help() -> None:
    """Explain why the camera may not start, first a cause that is certain."""
    address = urlsplit(st.context.url or "")
    if address.scheme == "http" and address.hostname not in _SAFE_HOSTS:
        st.warning(
            "This page was loaded over plain http from another machine, and browsers allow the "
            "camera only on https or localhost: open it over https, or use a photo or a video file."
        )
    with st.expander("The camera does not start?"):
        st.markdown(_HELP)


def _ice_servers() -> list[Any]:
    """Return the list in `EMOTION_ICE_SERVERS` or the secret `ice_servers`; empty if unset."""
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
            f"`{name}` is not a list of servers, each with `urls`, so it is ignored. "
            'Write `[{"urls": "stun:stun.example.org:3478"}]`.'
        )
        return []
