"""The dashboard on a server: two replicas behind Caddy, and the video over coturn."""

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline.runs import find_model
from tests.conftest import run_pipeline
from tests.e2e.browser import ALLOW_CAMERA, DESKTOP, Server, launch, serve, unfold, wait_ready
from tests.e2e.front import HOST, caddy, coturn, missing
from tests.e2e.live import IS_PLAYING, button, face, start, stop, stop_button, within

REPLICA = "emotion_replica"


class Site(NamedTuple):
    """Two dashboards behind one address.

    Attributes:
        url: opens one of them.
        replicas: the dashboards.
        ice: the variables of their STUN and TURN servers.
    """

    url: str
    replicas: list[Server]
    ice: dict[str, str]


@pytest.fixture
def site(tmp_path) -> Iterator[Site]:
    if absent := missing():
        pytest.skip(f"not installed: {', '.join(absent)}")
    shutil.copytree(find_model("custom_cnn").path, tmp_path / "workspace" / "runs" / "copied")
    with ExitStack() as stack:
        variables = stack.enter_context(coturn(tmp_path))
        environment = {
            **variables,
            "EMOTION_ICE_TRANSPORT_POLICY": "relay",
            "STREAMLIT_SERVER_ALLOWED_HOSTS": HOST,
            "STREAMLIT_SERVER_COOKIE_SECRET": "of both replicas",
        }
        replicas = []
        for number in (1, 2):
            log = tmp_path / f"server{number}.log"
            replica = stack.enter_context(serve(tmp_path / "workspace", log, environment))
            replicas.append(replica)
        ports = [int(replica.url.rpartition(":")[2]) for replica in replicas]
        yield Site(stack.enter_context(caddy(tmp_path, ports)), replicas, variables)


@pytest.fixture
def visitor(browser, face_clip) -> Iterator[Browser]:
    """A Chromium that finds the site's name on this machine."""
    visitor = launch(
        browser.browser_type,
        ALLOW_CAMERA,
        f"--use-file-for-fake-video-capture={face_clip}",
        f"--host-resolver-rules=MAP {HOST} 127.0.0.1",
    )
    yield visitor
    visitor.close()


def open_live(visitor: Browser, site: Site) -> tuple[Page, str]:
    """Open the Live page, and return it with the cookie that names its replica."""
    context = visitor.new_context(viewport=DESKTOP, ignore_https_errors=True)
    page = context.new_page()
    page.goto(f"{site.url}/live", timeout=60_000)
    expect(button(page, "START")).to_be_visible(timeout=60_000)
    wait_ready(page)
    cookies = {each["name"]: each["value"] for each in context.cookies()}
    return page, cookies[REPLICA]


def video_connections(site: Site) -> dict[str, str]:
    """Return what `doctor` finds."""
    checks = json.loads(run_pipeline("doctor --json", site.replicas[0].workspace, False).stdout)
    return next(each for each in checks if each["check"] == "video connections")


@pytest.mark.slow
def test_two_replicas_show_faces_over_turn_and_a_viewer_outlives_the_one_that_is_killed(
    site, visitor, monkeypatch
):
    for name, value in site.ice.items():
        monkeypatch.setenv(name, value)
    assert video_connections(site)["finding"].startswith("the server finds host, relay")
    monkeypatch.setenv("EMOTION_TURN_SECRET", "wrong")
    refused = video_connections(site)
    assert refused["state"] == "broken" and "secret" in refused["cure"]

    first, replica = open_live(visitor, site)
    unfold(first, "The camera does not start?")
    first.get_by_role("button", name="Is it reachable?").click()
    relay = first.get_by_role("row").filter(has_text="relay")
    expect(relay.get_by_text("found")).to_have_count(2, timeout=30_000)
    expect(first.get_by_text("nearly every network")).to_be_visible()
    start(first, 60)

    second, other = open_live(visitor, site)
    while other == replica:  # whoever has no cookie yet gets any replica
        second.context.close()
        second, other = open_live(visitor, site)
    start(second, 60)
    expect(face(first)).to_be_visible()

    site.replicas[0].process.kill()
    killed_s, seconds = time.monotonic(), {}

    def passed(what: str) -> None:
        seconds[what] = round(time.monotonic() - killed_s, 1)

    def told() -> list[Page]:
        text = "The connection to the server was lost"
        return [tab for tab in (first, second) if tab.get_by_text(text).is_visible()]

    assert within(60, lambda: bool(told()))
    passed("told")
    (moved,) = told()
    expect(stop_button(moved)).to_be_visible(timeout=60_000)
    passed("STOP is shown")
    moved.wait_for_function(IS_PLAYING, timeout=60_000)
    passed("the video plays")
    expect(face(moved)).to_be_visible(timeout=60_000)
    passed("a face is listed")
    print(f"seconds after the replica was killed: {seconds}")
    stop(moved)
    start(moved, 60)
