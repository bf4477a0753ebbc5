"""Stream the browser's camera through a processor, and help when the camera fails."""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from streamlit_webrtc import WebRtcMode, webrtc_streamer
from streamlit_webrtc.component import generate_frontend_component_key

from dashboard import resources
from dashboard.views.live.reachability import show_reachability
from dashboard.views.live.settings import CameraSettings
from dashboard.widgets.messages import show_warning
from pipeline.errors import UserError
from pipeline.heaps import trim_heaps
from pipeline.vision.live.processor import LiveProcessor

_ASKED = "live.asked"
_STOPPING = "live.stopping"
_STOPPED = "live.stopped"
_IDLE = "live.idle"
_RESUMING = "live.resuming"
_ATTEMPT_S = 3.0
WEBCAM = "webcam"
PHONE = "(max-width: 640px), (max-height: 500px)"
"""Also in live.css: where the video starts, the page is moved to it."""
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
_PLAYING = st.components.v2.component(
    "playing", html="<div></div>", js=Path(__file__).with_name("playing.js").read_text()
)
_SHOW = f"""
if (matchMedia("{PHONE}").matches)
    document.querySelector(".st-key-live_video")?.scrollIntoView({{ block: "start" }})
"""
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
| `Connection is taking longer than expected` | The video cannot reach this server: press \
"Is it reachable?" below. |

Without a camera, choose a photo or a video file above; there are example photos, too.
"""


@dataclass(frozen=True)
class _Request:
    """What a video is started with: the camera, and the configuration of each side's WebRTC."""

    camera: CameraSettings
    browser: dict[str, Any]
    server: dict[str, Any]
    problem: str = ""


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
    if not active or _ASKED not in state:
        state[_ASKED] = _request(camera)
    asked: _Request = state[_ASKED]  # another value would restart a running camera
    if not active and state.pop(_STOPPING, False):
        state[_STOPPED] = True
    was_idle, state[_IDLE] = state.get(_IDLE, True), not active
    # None shows the component's START and STOP.
    desired = _STOPPING not in state if active else None if was_idle else False
    if _in_browser() is None:  # the component is new: whoever comes back presses START
        state.pop(_RESUMING, None)
    if not active and (resuming := state.get(_RESUMING)) is not None:
        desired = resuming
    context = webrtc_streamer(
        key=WEBCAM,
        mode=WebRtcMode.SENDRECV,
        frontend_rtc_configuration=asked.browser,
        server_rtc_configuration=asked.server,
        media_toggle_controls=False,  # a camera that only looks switched off
        media_stream_constraints={"video": asked.camera.constraints(), "audio": False},
        desired_playing_state=desired,
        # Runs recv, which takes about 1 ms, in the server's event loop: the lowest latency.
        async_processing=False,
        video_frame_callback=processor.recv,
        on_video_ended=partial(_end, processor),
        video_html_attrs=_FILLING if fill else _VIDEO,
    )
    _resume(active or bool(context.state.signalling))
    if not active and not was_idle:
        st.rerun()  # the old answer is gone from the component: now it may show START
    if asked.problem:
        show_warning(asked.problem)
    return bool(context.state.playing)


def _resume(active: bool) -> None:
    """Start the video again that another server, or the one before a restart, has shown.

    The browser then comes with a component that plays what nobody sends any more. It is stopped,
    and started once it says that it has stopped. While it is to start it tries a camera that fails
    over and over, shows no START and says nothing: so that ends after `_ATTEMPT_S`.
    """
    state = st.session_state
    played = bool((_in_browser() or {}).get("playing"))
    asked_s = time.monotonic()

    def end_attempt() -> None:
        if time.monotonic() - asked_s >= _ATTEMPT_S / 2:  # not in the run that draws it
            state.pop(_RESUMING, None)
            st.rerun()

    if active:
        state.pop(_RESUMING, None)
    elif played and _RESUMING not in state:
        st.toast(
            "The connection to the server was lost. The video starts again.",
            icon=":material/sync_problem:",
            duration="long",
        )
        state[_RESUMING] = False
        st.rerun()
    elif not played and state.get(_RESUMING) is False:
        state[_RESUMING] = True
        st.rerun()
    elif state.get(_RESUMING):
        st.fragment(end_attempt, run_every=_ATTEMPT_S)()


def _in_browser() -> dict[str, Any] | None:
    """Return what the component has last said; None if it was not on the page before this run."""
    said: dict[str, Any] | None = st.session_state.get(generate_frontend_component_key(WEBCAM))
    return said


def is_playing() -> bool:
    """Return whether the video plays, as the browser has last said."""
    return WEBCAM in st.session_state and bool(st.session_state[WEBCAM].state.playing)


def _is_active() -> bool:
    """Return whether the video plays or is about to."""
    return is_playing() or (
        WEBCAM in st.session_state and bool(st.session_state[WEBCAM].state.signalling)
    )


def show_stop() -> None:
    """Show STOP while the video plays or is about to, bind Q to it, and keep the screen awake."""
    if _is_active():
        st.button(
            "STOP",
            icon=":material/stop_circle:",
            key="live_stop",
            shortcut="Q",
            on_click=st.session_state.update,
            args=({_STOPPING: True},),
        )
        _PLAYING(key="live_playing")


def keep_focus() -> None:
    """Move the focus from START to STOP, so that the page gets the keys, and back."""
    active, state = _is_active(), st.session_state
    if active:
        state.pop(_STOPPED, None)
    if active or state.pop(_STOPPED, False):
        target = ".st-key-live_stop button" if active else ".st-key-live_video iframe"
        script = f"<script>document.querySelector('{target}')?.focus();{_SHOW}</script>"
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
        show_reachability()


def _request(camera: CameraSettings) -> _Request:
    """Return what the next video uses: no STUN or TURN servers if their settings are wrong."""
    try:
        return _Request(camera, *resources.rtc_configurations())
    except UserError as error:
        problem = f"{error} Until then the video uses no STUN or TURN server."
        return _Request(camera, {"iceServers": []}, {"iceServers": []}, problem)
