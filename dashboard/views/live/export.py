"""Record predictions and video, or take a still image, in memory and only on request."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error
from pipeline.report.charts.timeline import timeline as timeline_chart
from pipeline.vision.face_snapshot import draw_snapshot
from pipeline.vision.live.processor import LiveProcessor
from pipeline.vision.live.recording import MAX_VIDEO_BYTES, MAX_VIDEO_S, VideoRecording
from pipeline.vision.live.timeline import MAX_ROWS, Timeline, to_csv

_STILL = "live.still"
_STARTED = "live.recording_started"
_VIDEO_LIMIT = f"{MAX_VIDEO_S // 60} minutes or {MAX_VIDEO_BYTES // 1_000_000} MB"

_File = tuple[str, str, str, Callable[[], str | bytes]]  # label, name, kind, content


def show_export(processor: LiveProcessor, playing: bool, refreshing: bool) -> None:
    """Offer to record predictions and video, and to take a still image.

    Args:
        processor: of the video.
        playing: whether the video plays.
        refreshing: whether this fragment refreshes, as it does while it records.
    """
    if processor.timeline.recording and not refreshing:
        st.rerun()  # the whole page, which then refreshes the number of rows
    st.caption(
        "A recording holds times, face numbers and probabilities, and the video only if you ask "
        "for it. It and a still image stay in this session's memory until you discard them or "
        "close the page."
    )
    recording, still = st.columns(2, gap="medium")
    with recording:
        _show_recording(processor, playing)
    with still:
        _show_still(processor, playing)


def has_export(processor: LiveProcessor) -> bool:
    """Return whether there is a recording or a still image."""
    return bool(processor.timeline.rows or processor.video or _STILL in st.session_state)


def _show_recording(processor: LiveProcessor, playing: bool) -> None:
    timeline, video = processor.timeline, processor.video
    if timeline.recording:
        st.markdown(f":red[●] Recording: {_length(processor)}")
        _show_video_ended(video)
        st.button("Stop recording", icon=":material/stop:", on_click=processor.stop_recording)
        return
    with_video = st.toggle(
        "With video",
        key="live.with_video",
        persist_state="session",
        disabled=not playing,
        help=f"Also records the video as you see it, for up to {_VIDEO_LIMIT}. This takes about a "
        "tenth of a processor core.",
    )
    # A press is lost if another fragment runs first; a callback is not.
    st.button(
        "Record",
        icon=":material/fiber_manual_record:",
        disabled=not playing,
        on_click=_start_recording,
        args=(processor, with_video),
    )
    if processor.recording_cut:
        st.warning("The recording has ended: the camera stopped, or sent nothing for 5 seconds.")
    if timeline.rows or video:
        _show_recorded(processor)


def _start_recording(processor: LiveProcessor, with_video: bool) -> None:
    processor.record(with_video=with_video)
    st.session_state[_STARTED] = f"{datetime.now():%Y%m%d-%H%M%S}"


def _length(processor: LiveProcessor) -> str:
    video = processor.video
    seconds = f", {video.seconds:.0f} s of video" if video else ""
    return f"{processor.timeline.rows:,} rows{seconds}"


def _show_video_ended(video: VideoRecording | None) -> None:
    """Say why the video has ended before the rows, if it has."""
    if video and video.problem:
        show_error(f"The video could not be recorded ({video.problem}): record again.")
    elif video and video.full:
        st.warning(f"The video has ended: it reached the limit of {_VIDEO_LIMIT}.")


def _show_recorded(processor: LiveProcessor) -> None:
    timeline, video = processor.timeline, processor.video
    if timeline.rows >= MAX_ROWS:
        st.warning(f"The recording has ended: it reached the limit of {MAX_ROWS:,} rows.")
    _show_video_ended(video)
    name = f"emotions-{st.session_state[_STARTED]}"
    st.caption(_length(processor))
    files: list[_File] = [
        ("Table, CSV", f"{name}.csv", "text/csv", partial(_csv, timeline)),
        ("Timeline, HTML", f"{name}.html", "text/html", partial(_html, timeline)),
    ]
    if video and not video.problem:
        files.append(("Video, MP4", f"{name}.mp4", "video/mp4", video.content))
    with st.container(horizontal=True):
        for label, file, mime, content in files:
            st.download_button(
                escape_markdown(label),
                content,
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
            on_click=processor.discard_recording,
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
    st.button(
        "Take a still image",
        icon=":material/photo_camera:",
        disabled=not playing,
        on_click=_take_still,
        args=(processor,),
    )
    if _STILL not in st.session_state:
        return
    images: dict[str, bytes] = st.session_state[_STILL]
    st.image(images["Image, PNG"], width=320, alt="The still image")
    with st.container(horizontal=True):
        for label, content in images.items():
            name = label.removesuffix(", PNG").lower().replace(" ", "-")
            st.download_button(
                escape_markdown(label),
                content,
                f"emotion-detector-{name}.png",
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


def _take_still(processor: LiveProcessor) -> None:
    frame_bgr, faces = processor.last_frame(), processor.snapshot().faces
    if frame_bgr is not None:
        hidden = st.session_state.get("live_hide")
        st.session_state[_STILL] = {
            "Image, PNG": _png(frame_bgr),
            **{
                f"Face {face.number}, PNG": _png(draw_snapshot(face))
                for face in faces
                if face.number and not hidden
            },
        }


def _png(image_bgr: NDArray[np.uint8]) -> bytes:
    return cv2.imencode(".png", image_bgr)[1].tobytes()
