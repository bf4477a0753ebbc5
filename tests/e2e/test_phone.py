"""Live on a phone: its camera is upright, and its screen small in one direction."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.browser import launch_with_webcam, unfold, wait_ready, write_face_clip
from tests.e2e.live import button, face, open_tab, start, stop_button, webcam, within

UPRIGHT, ACROSS = {"width": 390, "height": 844}, {"width": 844, "height": 390}
COUNT_LOCKS = """
    window.locks = []
    const request = navigator.wakeLock.request.bind(navigator.wakeLock)
    navigator.wakeLock.request = async (kind) => {
        const lock = await request(kind)
        window.locks.push(lock)
        return lock
    }
"""
HELD = "() => window.locks.filter((lock) => !lock.released).length"


@pytest.fixture
def phone(browser, tmp_path) -> Iterator[Browser]:
    """A Chromium whose camera gives an upright image."""
    phone = launch_with_webcam(
        browser.browser_type, write_face_clip(tmp_path / "upright.mjpeg", 480, 640)
    )
    yield phone
    phone.close()


@pytest.mark.slow
def test_an_upright_camera_works_in_both_orientations_and_keeps_the_screen_awake(
    phone, live_server
):
    context = phone.new_context(viewport=UPRIGHT, has_touch=True)
    page = context.new_page()
    page.add_init_script(COUNT_LOCKS)
    page.goto(f"{live_server.url}/live")
    expect(button(page, "START")).to_be_visible(timeout=60_000)
    wait_ready(page)
    expect(page.get_by_text("12% or more of the video's shorter side")).to_be_visible()
    assert page.evaluate(HELD) == 0
    start(page, 30)
    assert within(10, lambda: page.evaluate(HELD) == 1)
    video = webcam(page).locator("video")
    assert video.evaluate("video => [video.videoWidth, video.videoHeight]") == [480, 640]
    for viewport in (UPRIGHT, ACROSS):
        page.set_viewport_size(viewport)
        expect(stop_button(page)).to_be_in_viewport(ratio=1)
        video.scroll_into_view_if_needed()
        expect(video).to_be_in_viewport(ratio=0.99)
        expect(face(page)).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"]
    stop_button(page).click()
    assert within(10, lambda: page.evaluate(HELD) == 0)


@pytest.mark.slow
def test_the_video_is_in_view_above_the_settings_and_after_presenter_mode(phone, live_server):
    page = open_tab(phone, live_server)
    page.set_viewport_size(ACROSS)
    expect(button(page, "START")).to_be_in_viewport(ratio=1, timeout=60_000)
    page.set_viewport_size(UPRIGHT)
    wait_ready(page)
    start(page, 30)
    video, settings = webcam(page).locator("video"), page.locator(".st-key-live_settings")

    def is_above_settings() -> bool:
        seen = video.bounding_box()
        return 0 <= seen["y"] and seen["y"] + seen["height"] <= settings.bounding_box()["y"]

    assert within(10, is_above_settings)
    page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")
    unfold(settings, "Settings")
    assert within(10, is_above_settings)
    page.get_by_role("button", name="Presenter mode").click()
    page.get_by_role("button", name="Leave").click()
    expect(stop_button(page)).to_be_in_viewport(ratio=1)
    assert within(10, is_above_settings)
    page.context.close()
