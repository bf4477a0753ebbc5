"""Stream the browser's camera through a processor, and help when the camera fails."""

import json
import os
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit_webrtc import WebRtcMode, webrtc_streamer

from dashboard.views.live.memory import trim_heaps
from dashboard.views.live.settings import CameraSettings
from pipeline.vision.live.processor import LiveProcessor

_CAMERA = "live.camera"
_STOPPING = "live.stopping"
_STOPPED = "live.stopped"
_IDLE = "live.idle"
WEBCAM = "webcam"
_VIDEO = {"autoPlay": True, "playsInline": True, "controls": True, "style": {"width": "100%"}}
_FILLING = {
    "autoPlay": True,
    "playsInline": True,
    "style": {
        "position": "fixed",
        "inset": "0",
        "width": "100vw",
        "height": "100vh",
        "objectFit": "contain",
        "background": "black",
        "zIndex": 1,
    },
}
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

Without a camera, choose a photo or a video file above; there are example photos, too.
"""


def stream_camera(processor: LiveProcessor, camera: CameraSettings, *, fill: bool) -> bool:
    """Show the camera's video as processed; must be called in every full run of the page.

    START is the component's own. It shows when the server has heard that the video before has
    ended, and not earlier: an offer that comes before would be taken for that of the old video.

    Args:
        processor: processes the frames.
        camera: what to ask of the camera, from the next START on.
        fill: whether the video fills its frame, in place of the frame following the video.

    Returns:
        Whether the video plays.
    """
    state = st.session_state
    active = _is_active()
    asked = state.setdefault(_CAMERA, camera) if active else camera
    state[_CAMERA] = asked  # another value would restart a running camera
    if not active and state.pop(_STOPPING, False):
        state[_STOPPED] = True
    was_idle, state[_IDLE] = state.get(_IDLE, True), not active
    # None shows the component's START and STOP.
    desired = _STOPPING not in state if active else None if was_idle else False
    context = webrtc_streamer(
        key=WEBCAM,
        mode=WebRtcMode.SENDRECV,
        rtc_configuration={"iceServers": _ice_servers()},
        media_stream_constraints={"video": asked.constraints(), "audio": False},
        desired_playing_state=desired,
        # Runs recv, which takes about 2 ms, in the server's event loop: the lowest latency.
        async_processing=False,
        video_frame_callback=processor.recv,
        on_video_ended=partial(_end, processor),
        video_html_attrs=_FILLING if fill else _VIDEO,
    )
    if not active and not was_idle:
        st.rerun()  # the old answer is gone from the component: now it may show START
    return bool(context.state.playing)


def is_playing() -> bool:
    """Return whether the video plays, as the browser has last said."""
    return WEBCAM in st.session_state and bool(st.session_state[WEBCAM].state.playing)


def _is_active() -> bool:
    """Return whether the video plays or is about to."""
    return is_playing() or (
        WEBCAM in st.session_state and bool(st.session_state[WEBCAM].state.signalling)
    )


def show_stop() -> None:
    """Show STOP while the video plays or is about to, and bind Q to it."""
    if _is_active():
        st.button(
            "STOP",
            icon=":material/stop_circle:",
            key="live_stop",
            shortcut="Q",
            on_click=st.session_state.update,
            args=({_STOPPING: True},),
        )


def keep_focus() -> None:
    """Move the focus from START to STOP, so that the page gets the keys, and back."""
    active, state = _is_active(), st.session_state
    if active:
        state.pop(_STOPPED, None)
    if active or state.pop(_STOPPED, False):
        target = ".st-key-live_stop button" if active else ".st-key-live_video iframe"
        script = f"<script>document.querySelector('{target}')?.focus()</script>"
        st.html(script, unsafe_allow_javascript=True)


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
