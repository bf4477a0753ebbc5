"""Clicks on the Dataset page: from a mark to its faces, to one of them, and onto a list."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from pipeline.data.audit import kept_audit
from pipeline.data.exclusions import exclusion_names, load_exclusions
from pipeline.data.store import load_dataset
from tests.conftest import run_pipeline
from tests.e2e.conftest import Server, serve, wait_ready


@pytest.fixture(scope="module")
def served(trained, tmp_path_factory) -> Iterator[tuple[Server, Path]]:
    """Serve a copy of the shared workspace, audited and with a map of its pixels."""
    workspace = tmp_path_factory.mktemp("audited") / "workspace"
    shutil.copytree(trained, workspace)
    run_pipeline("audit sample", workspace)
    run_pipeline("map sample", workspace)
    with serve(workspace, workspace.parent / "server.log") as server:
        yield server, workspace


@pytest.fixture
def audited(served, monkeypatch) -> Server:
    """The served workspace, which is the test's own, too."""
    server, workspace = served
    monkeypatch.setenv("EMOTION_WORKSPACE", str(workspace))
    return server


def open_view(page: Page, server: Server, view: str) -> None:
    page.goto(f"{server.url}/dataset?view={view}")
    expect(page.get_by_text("fingerprint")).to_be_visible(timeout=30_000)
    wait_ready(page)


def captions(page: Page) -> list[str]:
    """Return what stands below each face of the gallery, which is the last one on the page."""
    tiles = page.locator(".gallery").last.locator(".caption")
    expect(tiles.first).to_be_visible()
    return tiles.all_inner_texts()


def test_a_click_on_a_bar_opens_just_its_faces_and_a_chip_widens_them(audited, page: Page) -> None:
    open_view(page, audited, "Overview")
    bars = page.locator(".js-plotly-plot").first.locator(".barlayer .point path")
    expect(bars.first).to_be_visible(timeout=30_000)
    bars.nth(3).click(force=True)
    expect(page.get_by_role("heading", name="140 faces")).to_be_visible()
    assert set(captions(page)) == {"happy"}
    page.get_by_role("button", name="labelled happy").click()
    expect(page.get_by_role("heading", name="980 faces")).to_be_visible()


def test_a_face_opens_to_its_detail_with_what_the_model_said(audited, page: Page) -> None:
    open_view(page, audited, "Faces")
    expect(page.get_by_role("heading", name="1,400 faces")).to_be_visible()
    page.locator(".gallery button.tile").nth(5).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(str(load_dataset("sample").ids[5]))).to_be_visible()
    dialog.get_by_role("button", name=re.compile("Recognise with")).click()
    expect(dialog.get_by_test_id("stDataFrame")).to_be_visible(timeout=30_000)


def test_faces_picked_by_hand_become_an_exclusion_list(audited, page: Page) -> None:
    open_view(page, audited, "Faces")
    page.get_by_text("Pick by hand").click()
    for number in (0, 2):
        page.locator(".gallery button.tile").nth(number).click()
        expect(page.locator(".gallery button.tile").nth(number)).to_have_class("tile picked")
    page.get_by_role("button", name="Exclude 2…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="List").fill("strange")
    dialog.get_by_role("combobox", name="List").press("Enter")
    dialog.get_by_role("button", name="Exclude 2 faces").click()
    expect(dialog).to_be_hidden()
    assert exclusion_names("sample") == ["strange"]
    dataset = load_dataset("sample")
    assert list(load_exclusions("sample", "strange").reasons) == dataset.ids[[0, 2]].tolist()


def test_a_finding_opens_its_faces(audited, page: Page) -> None:
    found = kept_audit(load_dataset("sample"))
    assert found is not None
    n = np.count_nonzero(found.faces("near_identical"))
    open_view(page, audited, "Audit")
    page.get_by_role("button", name="Show faces").first.click()
    expect(page.get_by_role("button", name="near identical")).to_be_visible()
    expect(page.get_by_role("heading", name=f"{n:,} faces")).to_be_visible()
    assert all(
        "group" in mark for mark in page.locator(".gallery").last.locator(".mark").all_inner_texts()
    )


def test_a_lasso_on_the_map_opens_the_faces_inside(audited, page: Page) -> None:
    open_view(page, audited, "Map")
    plot = page.locator(".js-plotly-plot .nsewdrag").first
    expect(plot).to_be_visible(timeout=30_000)
    box = plot.bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2
    page.mouse.move(box["x"] + 2, box["y"] + 2)
    page.mouse.down()
    for x, y in (
        (middle, box["y"] + 2),
        (middle, box["y"] + box["height"] - 2),
        (box["x"] + 2, box["y"] + box["height"] - 2),
        (box["x"] + 2, box["y"] + 2),
    ):
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
    chip = page.get_by_role("button", name="points of the map")
    expect(chip).to_be_visible()
    n = int(re.sub(r"\D", "", chip.inner_text().split("points")[0]))
    assert 100 < n < 1400
    expect(page.get_by_role("heading", name=f"{n:,} faces")).to_be_visible()
