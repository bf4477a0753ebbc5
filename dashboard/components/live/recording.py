"""A recording and a still picture to take along; nothing is kept unless it is asked for."""

from datetime import datetime
from functools import partial

import cv2
import streamlit as st

from dashboard.charts.timeline import timeline
from pipeline.vision.live import LiveProcessor
from pipeline.vision.timeline import MOST_ROWS, Timeline, to_csv

_STILL = "live.still"
_BEGAN = "live.recording_began"


def recording_panel(processor: LiveProcessor, playing: bool) -> None:
    """Offer to record what the faces show, and to take a picture."""
    st.caption(
        "A recording holds times, faces' numbers and probabilities, no pictures. It and a picture "
        "you take stay in this session's memory until you discard them or close the page."
    )
    record, still = st.columns(2, gap="medium")
    with record:
        _recording(processor.timeline, playing)
    with still:
        _still(processor, playing)


def _recording(kept: Timeline, playing: bool) -> None:
    if kept.recording:
        st.markdown(f":red[●] Recording: {kept.rows:,} rows")
        st.button("Stop recording", icon=":material/stop:", on_click=kept.stop_recording)
        return
    if st.button("Record", icon=":material/fiber_manual_record:", disabled=not playing):
        _record(kept)
        st.rerun()  # the whole page: it refreshes the count of rows from now on
    if not kept.rows:
        return
    if kept.rows >= MOST_ROWS:
        st.warning(f"The recording has ended: {MOST_ROWS:,} rows are as many as fit.")
    name = f"emotions-{st.session_state[_BEGAN]}"
    st.caption(f"{kept.rows:,} rows")
    with st.container(horizontal=True):
        for label, file, mime, make in (
            ("Table, CSV", f"{name}.csv", "text/csv", _csv),
            ("Timeline, HTML", f"{name}.html", "text/html", _html),
        ):
            st.download_button(
                label, partial(make, kept), file, mime, on_click="ignore",
                icon=":material/download:", key=f"live.{mime}",
            )  # fmt: skip
        st.button(
            "Discard", icon=":material/delete:", key="live.discard_recording",
            on_click=kept.discard_recording,
        )  # fmt: skip


def _record(kept: Timeline) -> None:
    kept.start_recording()
    st.session_state[_BEGAN] = f"{datetime.now():%Y%m%d-%H%M%S}"


def _csv(kept: Timeline) -> str:
    return to_csv(kept.recorded())


def _html(kept: Timeline) -> str:
    recorded = kept.recorded()
    times = [seen.time_s for seen in recorded] or [0.0]
    figure = timeline(recorded, times[0], times[-1])
    figure.update_layout(paper_bgcolor="white", plot_bgcolor="white")
    return str(figure.to_html())


def _still(processor: LiveProcessor, playing: bool) -> None:
    if st.button("Take a picture", icon=":material/photo_camera:", disabled=not playing):
        picture = processor.picture()
        if picture is not None:
            st.session_state[_STILL] = cv2.imencode(".png", picture)[1].tobytes()
    if _STILL not in st.session_state:
        return
    st.image(st.session_state[_STILL], width=320)
    with st.container(horizontal=True):
        st.download_button(
            "Picture, PNG", st.session_state[_STILL], "emotion-detector.png", "image/png",
            on_click="ignore", icon=":material/download:",
        )  # fmt: skip
        st.button(
            "Discard", icon=":material/delete:", key="live.discard_still",
            on_click=st.session_state.pop, args=(_STILL, None),
        )  # fmt: skip
