"""One Chromium with a fake webcam and two served workspaces for all browser tests.

Without a browser these tests skip.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from pipeline.runs import find_model
from tests.e2e.browser import (
    DESKTOP,
    Server,
    chromium_path,
    launch,
    launch_with_webcam,
    serve,
    serve_copy,
    wait_ready,
    write_face_clip,
)
from tests.e2e.live import button, open_tab

expect.set_options(timeout=15_000)  # a page answers later while other work runs beside


@pytest.fixture(scope="session")
def two_models(trained, tmp_path_factory) -> Iterator[Server]:
    """Serve a copy of the workspace with a trained run; a bundled model is evaluated, too."""
    evaluate = "evaluate custom_cnn --dataset sample --split validation"
    with serve_copy(trained, tmp_path_factory.mktemp("two_models"), evaluate) as server:
        yield server


@pytest.fixture(scope="session")
def writable(trained, tmp_path_factory) -> Iterator[Server]:
    """Serve a workspace with the synthetic sample alone, for tests that import and train."""
    folder = tmp_path_factory.mktemp("writable")
    shutil.copytree(trained / "datasets", folder / "workspace" / "datasets")
    with serve(folder / "workspace", folder / "server.log") as server:
        yield server


@pytest.fixture
def server(two_models) -> str:
    """The address of a dashboard that the test only looks at."""
    return two_models.url


@pytest.fixture(scope="session")
def face_clip(tmp_path_factory) -> Path:
    """What the fake webcam shows: one real face that moves."""
    return write_face_clip(tmp_path_factory.mktemp("clip") / "face.mjpeg")


@pytest.fixture(scope="session")
def browser(face_clip) -> Iterator[Browser]:
    """Headless Chromium whose webcam shows the face clip."""
    with sync_playwright() as playwright:
        if chromium_path(playwright.chromium) is None:
            pytest.skip("no browser: install chromium, or run `playwright install chromium`")
        browser = launch_with_webcam(playwright.chromium, face_clip)
        yield browser
        browser.close()


@pytest.fixture
def denying_browser(browser) -> Iterator[Browser]:
    """Headless Chromium that gives no page its camera."""
    denying = launch(browser.browser_type, "--deny-permission-prompts")
    yield denying
    denying.close()


@pytest.fixture
def page(browser) -> Iterator[Page]:
    """A new tab of a desktop's size."""
    context = browser.new_context(viewport=DESKTOP)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def live_server(tmp_path_factory) -> Iterator[Server]:
    """Serve two viewers a workspace with one run, a copy of the bundled model."""
    folder = tmp_path_factory.mktemp("live")
    shutil.copytree(find_model("custom_cnn").path, folder / "workspace" / "runs" / "copied")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_VIEWERS", "2")
        with serve(folder / "workspace", folder / "server.log") as server:
            yield server


@pytest.fixture
def live_tab(browser, live_server) -> Iterator[Page]:
    """A new tab with the Live page."""
    page = open_tab(browser, live_server)
    expect(button(page, "START")).to_be_visible(timeout=30_000)
    wait_ready(page)
    yield page
    page.context.close()
