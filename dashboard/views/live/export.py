"""Record predictions or take a still image, in memory and only on request."""

from datetime import datetime
from functools import partial

import cv2
import streamlit as st

from pipeline.report.charts.timeline import timeline as timeline_chart
from pipeline.vision.live.processor import LiveProcessor
from pipeline.vision.live.timeline import MAX_ROWS, Timeline, to_csv

_STILL = "live.still"
_STARTED = "live.recording_started"


def show_export(processor: LiveProcessor, playing: bool) -> None:
    """Offer to record the predictions, and to take a still image."""
    st.caption(
        "A recording holds times, track ids and probabilities, no images. It and a still image "
        "stay in this session's memory until you discard them or close the page."
    )
    recording, still = st.columns(2, gap="medium")
    with recording:
        _show_recording(processor.timeline, playing)
    with still:
        _show_still(processor, playing)


def _show_recording(timeline: Timeline, playing: bool) -> None:
    if timeline.recording:
        st.markdown(f":red[●] Recording: {timeline.rows:,} rows")
        st.button("Stop recording", icon=":material/stop:", on_click=timeline.stop_recording)
        return
    if st.button("Record", icon=":material/fiber_manual_record:", disabled=not playing):
        timeline.start_recording()
        st.session_state[_STARTED] = f"{datetime.now():%Y%m%d-%H%M%S}"
        st.rerun()  # the whole page, which then starts to refresh the number of rows
    if not timeline.rows:
        return
    if timeline.rows >= MAX_ROWS:
        st.warning(f"The recording has ended: it reached the limit of {MAX_ROWS:,} rows.")
    name = f"emotions-{st.session_state[_STARTED]}"
    st.caption(f"{timeline.rows:,} rows")
    with st.container(horizontal=True):
        for label, file, mime, content in (
            ("Table, CSV", f"{name}.csv", "text/csv", _csv),
            ("Timeline, HTML", f"{name}.html", "text/html", _html),
        ):
            st.download_button(
                label,
                partial(content, timeline),
                file,
                mime,
                on_click="ignore",
                icon=":material/download:",
                key=f"live.{mime}",
            )
        st.button(
            "Discard",
            icon=":material/delete:",
            key="live.discard_recording",
            on_click=timeline.discard_recording,
        )


def _csv(timeline: Timeline) -> str:
    return to_csv(timeline.recorded())


def _html(timeline: Timeline) -> str:
    faces = timeline.recorded()
    times = [face.time_s for face in faces] or [0.0]
    figure = timeline_chart(faces, times[0], times[-1])
    figure.update_layout(paper_bgcolor="white", plot_bgcolor="white")
    return str(figure.to_html())


def _show_still(processor: LiveProcessor, playing: bool) -> None:
    if st.button("Take a still image", icon=":material/photo_camera:", disabled=not playing):
        frame_bgr = processor.last_frame()
        if frame_bgr is not None:
            st.session_state[_STILL] = cv2.imencode(".png", frame_bgr)[1].tobytes()
    if _STILL not in st.session_state:
        return
    st.image(st.session_state[_STILL], width=320, alt="The still image")
    with st.container(horizontal=True):
        st.download_button(
            "Image, PNG",
            st.session_state[_STILL],
            "emotion-detector.png",
            "image/png",
            on_click="ignore",
            icon=":material/download:",
        )
        st.button(
            "Discard",
            icon=":material/delete:",
            key="live.discard_still",
            on_click=st.session_state.pop,
            args=(_STILL, None),
        )
