"""Clicks on the Dataset page: from a mark to its faces, to one of them, and onto a list."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from pipeline.data.audit import audit, load_audit, save_audit
from pipeline.data.exclusions import exclusion_names, load_exclusions
from pipeline.data.store import dataset_info, load_dataset, remove_dataset
from tests.conftest import run_pipeline
from tests.dashboard.made_runs import make_running
from tests.data.dataset_makers import store_repeated_faces
from tests.data.source_makers import noise_file, write_zip
from tests.e2e.browser import Server, serve_copy, wait_ready
from tests.e2e.plots import hover_point, points


@pytest.fixture(scope="module")
def served(imported_sample, tmp_path_factory) -> Iterator[Server]:
    """Serve a copy of the sample, and audited faces that repeat."""
    folder = tmp_path_factory.mktemp("audited")
    with serve_copy(imported_sample, folder) as server:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("EMOTION_WORKSPACE", str(server.workspace))
            for faces in (load_dataset("sample"), store_repeated_faces()):
                save_audit(faces, audit(faces))
        yield server


@pytest.fixture
def audited(served, monkeypatch) -> Server:
    """The server, with its workspace as the test's own."""
    monkeypatch.setenv("EMOTION_WORKSPACE", str(served.workspace))
    return served


def open_view(page: Page, server: Server, view: str, dataset: str = "sample") -> None:
    page.goto(f"{server.url}/dataset?dataset={dataset}&view={view}")
    expect(page.get_by_text("fingerprint")).to_be_visible(timeout=30_000)
    wait_ready(page)


def expect_heading(page: Page, faces: int) -> None:
    expect(page.get_by_role("heading", name=f"{faces:,} faces")).to_be_visible()


def texts(page: Page, line: str) -> list[str]:
    """Return a line below each face of the gallery, which is the last one on the page."""
    lines = page.locator(".gallery").last.locator(line)
    expect(lines.first).to_be_visible()
    return lines.all_inner_texts()


def expect_chips(page: Page, *words: str) -> None:
    chips = page.locator("button", has=page.get_by_text("close", exact=True))
    expect(chips).to_contain_text(list(words))


def click_at(where: Locator, across: float, down: float) -> None:
    """Click a place in an element, given as shares of its size, as a hand does: moving there."""
    box = where.bounding_box()
    assert box is not None
    x, y = across * box["width"], down * box["height"]
    where.hover(position={"x": x - 3, "y": y})
    where.page.wait_for_timeout(150)
    where.click(position={"x": x, "y": y})


@pytest.mark.slow
def test_bars_boxes_mean_images_and_rows_open_their_faces(audited, page: Page) -> None:
    open_view(page, audited, "Overview")
    plots = page.locator(".js-plotly-plot")
    contrast = plots.nth(4).locator(".nsewdrag").first
    expect(contrast).to_be_visible(timeout=30_000)
    plots.first.locator(".barlayer .point path").nth(3).click(force=True)
    expect_heading(page, 140)
    assert set(texts(page, ".caption")) == {"happy"}
    page.get_by_role("button", name="labeled happy").click()  # its chip, which drops the filter
    expect_heading(page, 980)

    click_at(contrast, across=0.05, down=2.5 / 7)  # in the row of fear, left of its box
    expect_chips(page, "labeled fear")
    page.locator(".gallery button.tile").nth(4).click()
    expect_chips(page, "labeled sad")
    page.locator(".gallery button.tile").nth(7 + 5).click()
    expect_chips(page, "labeled surprise")
    click_at(page.get_by_test_id("stDataFrame"), across=0.5, down=4.5 / 8)  # below the head
    expect_chips(page, "train", "labeled happy")


@pytest.mark.slow
def test_a_face_opens_and_faces_picked_by_hand_become_an_exclusion_list(
    audited, page: Page
) -> None:
    open_view(page, audited, "Faces")
    expect_heading(page, 1400)
    tiles, dialog = page.locator(".gallery button.tile"), page.get_by_role("dialog")
    ids = load_dataset("sample").ids
    tiles.nth(5).click()
    expect(dialog.get_by_text(str(ids[5]))).to_be_visible()
    dialog.get_by_role("button", name=re.compile("Recognize with")).click()
    expect(dialog.get_by_test_id("stDataFrame")).to_be_visible(timeout=30_000)
    for key, number in (("ArrowRight", 6), ("ArrowRight", 7), ("ArrowLeft", 6)):
        page.keyboard.press(key)
        expect(dialog.get_by_text(str(ids[number]))).to_be_visible()
    dialog.get_by_role("button", name="Previous").click()
    expect(dialog.get_by_text(str(ids[5]))).to_be_visible()
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    expect(tiles.nth(5)).to_be_focused()

    page.get_by_text("Pick by hand").click()
    for number in (0, 2):
        tiles.nth(number).click()
        expect(tiles.nth(number)).to_have_class("tile picked")
    page.get_by_role("button", name="Exclude 2…").click()
    dialog.get_by_role("combobox", name="List").fill("strange faces")
    dialog.get_by_role("combobox", name="List").press("Enter")
    expect(dialog.get_by_text("It will be called strange-faces")).to_be_visible()
    dialog.get_by_role("button", name="Exclude 2 faces").click()
    expect(dialog).to_be_hidden()
    assert exclusion_names("sample") == ["strange-faces"]
    assert list(load_exclusions("sample", "strange-faces").reasons) == ids[[0, 2]].tolist()


@pytest.mark.slow
def test_a_training_that_begins_or_ends_closes_no_dialog_and_loses_nothing_typed(
    audited, page: Page
) -> None:
    open_view(page, audited, "Faces")
    page.get_by_role("textbox", name="Id").click()
    page.keyboard.type("sample0")
    run = make_running()
    progress = page.get_by_test_id("stSidebar").get_by_test_id("stProgress")
    expect(progress).to_be_visible()
    expect(page.get_by_role("textbox", name="Id")).to_have_value("sample0")
    run.update_status(state="finished")
    run.remove()
    page.reload()
    wait_ready(page)
    expect(progress).to_have_count(0)

    page.locator(".gallery button.tile").first.click()
    dialog, reason = page.get_by_role("dialog"), page.get_by_role("textbox", name="Reason")
    dialog.get_by_role("button", name="Exclude…").click()
    reason.fill("half a ")
    run = make_running()
    page.wait_for_timeout(6_000)  # the page looks for a new run every 5 s
    run.update_status(state="finished")
    page.wait_for_timeout(3_000)
    page.keyboard.type("reason")
    expect(reason).to_have_value("half a reason")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    run.remove()


@pytest.mark.slow
def test_a_finding_and_a_lasso_on_the_map_open_their_faces(audited, page: Page) -> None:
    run_pipeline("map sample", audited.workspace)
    findings = load_audit(load_dataset("faces"))
    assert findings is not None
    open_view(page, audited, "Audit", "faces")
    page.locator(".st-key-show-Near-duplicates").get_by_role("button").click()
    expect(page.get_by_role("button", name="near-duplicates")).to_be_visible()
    expect_heading(page, np.count_nonzero(findings.mask("near_duplicates")))
    assert all("group" in mark for mark in texts(page, ".mark"))

    open_view(page, audited, "Map")
    plot = page.locator(".js-plotly-plot .nsewdrag").first
    expect(plot).to_be_visible(timeout=30_000)
    box = plot.bounding_box()
    assert box is not None
    point = points(page, 0, 0)[0]
    hover_point(page, 0, point["x"], point["y"])
    shown = page.locator(".preview img")
    expect(shown).to_be_visible()
    expect(shown).to_have_attribute("src", re.compile("^data:image/png"))

    left, top, bottom = box["x"] + 2, box["y"] + 2, box["y"] + box["height"] - 2
    middle = box["x"] + box["width"] / 2
    page.mouse.move(left, top)
    page.mouse.down()
    for x, y in ((middle, top), (middle, bottom), (left, bottom), (left, top)):
        page.mouse.move(x, y, steps=8)
    page.mouse.up()
    chip = page.get_by_role("button", name="points of the map")
    expect(chip).to_be_visible()
    n = int(re.sub(r"\D", "", chip.inner_text().split("points")[0]))
    assert 100 < n < 1400
    expect_heading(page, n)


@pytest.mark.slow
def test_an_upload_is_looked_at_its_classes_are_assigned_and_it_is_imported(
    writable, page: Page, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("EMOTION_WORKSPACE", str(writable.workspace))
    folders = ("fold1/1", "fold1/2", "fold1/7", "fold2/1", "fold2/other")
    images = {f"{name}/{n}.png": noise_file(n) for n, name in enumerate(folders)}
    open_view(page, writable, "Faces")  # a view that stands in the address
    page.get_by_role("button", name="Import…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Upload", exact=True).click()
    dialog.locator("input[type=file]").set_input_files(write_zip(tmp_path / "raf.zip", images))
    start = dialog.get_by_role("button", name="Import", exact=True)
    expect(start).to_be_disabled()
    dialog.get_by_text("RAF-DB", exact=True).click()
    expect(dialog.get_by_role("combobox", name="What 2 means")).to_have_value("fear")
    for name, answer in (("other", "Skip"), ("fold1", "train"), ("fold2", "test")):
        field = dialog.get_by_role("combobox", name=f"What {name} means")
        field.press_sequentially(answer)
        field.press("Enter")
    expect(start).to_be_enabled()
    dialog.get_by_role("textbox", name="Name").press("Enter")

    expect(page.get_by_text("raf is imported: 4 faces")).to_be_visible(timeout=60_000)
    expect(page.get_by_text("skipped class other: 1")).to_be_visible()
    counts = dataset_info("raf").counts
    assert {s: {e: n for e, n in c.items() if n} for s, c in counts.items()} == {
        "train": {"surprise": 1, "fear": 1, "neutral": 1},
        "test": {"surprise": 1},
    }
    page.get_by_role("button", name="Train on this").click()
    expect(page.get_by_role("combobox", name="Data set")).to_have_value("raf")
    remove_dataset("raf")  # other tests train on what this server has
