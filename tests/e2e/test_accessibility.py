"""axe-core finds nothing serious on any view of any page: light, dark and on a phone."""

import re
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import DESKTOP, PHONE, Server, serve_copy, wait_ready

EVALUATION = "dataset=sample&{0}_dataset=sample&{0}_split=validation&{0}_view="
EVALUATE = "evaluate?evaluate_model=custom_cnn&" + EVALUATION.format("evaluate")
COMPARE = "compare?" + EVALUATION.format("compare")
VIEWS = {
    "overview": [""],
    "dataset": [f"dataset?view={view}" for view in ("Overview", "Faces", "Audit", "Map", "FER%2B")],
    "train": [f"train?train.view={view}" for view in ("Runs", "New+run", "Experiments")],
    "evaluate": [
        EVALUATE + view
        for view in ("Confusion", "Curves", "Calibration", "Mistakes", "Slices", "Training")
    ],
    "compare": [COMPARE + view for view in ("Metrics", "Pairwise", "Curves", "Config+diff")],
    "live": ["live", "live?live_from=Photo", "live?live_from=Video+file"],
}
SERIOUS = ("serious", "critical")
STREAMLIT_S_OWN = [
    # Its toasts are dialogs, which it gives no name.
    ["aria-dialog-name", "[data-testid=stToast]"],
]
"""Rule and selector of what no theme, option or style of ours can cure, each with the reason."""

FIND = """async ([own, serious, runOnly]) => {
    const rules = { "label-content-name-mismatch": { enabled: true } };
    const found = await axe.run(document, {
        resultTypes: ["violations"],
        elementRef: true,
        ...(runOnly ? { runOnly } : { rules }),
    });
    const counted = ({ id, impact }) => serious.includes(impact) || id === "heading-order";
    return found.violations.filter(counted).flatMap(({ id, nodes }) => nodes
        .filter(({ element }) => !own.some(([rule, s]) => rule === id && element.matches(s)))
        .map(({ html, any }) => `${id}: ${html.slice(0, 160)} ${any[0]?.message ?? ""}`));
}"""

NOTHING_FADES = "document.getAnimations().every((each) => !(each instanceof CSSTransition))"


@pytest.fixture(scope="module")
def served(trained, tmp_path_factory) -> Iterator[Server]:
    """Serve the sample, audited and with a map, two models evaluated on it, and an experiment."""
    (run,) = (trained / "runs").iterdir()
    commands = (
        f"note {run.name} --experiment widths",
        "evaluate custom_cnn --dataset sample --split validation",
        "audit sample",
        "map sample",
    )
    with serve_copy(trained, tmp_path_factory.mktemp("views"), *commands) as server:
        yield server


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A new tab in which nothing moves."""
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def show(page: Page, address: str) -> None:
    """Open an address and wait until all of it is drawn."""
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=30_000)
    wait_ready(page)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    page.wait_for_timeout(500)


def findings(page: Page) -> list[str]:
    """Return what axe finds, without what is Streamlit's own; on dark only colors differ."""
    found = []
    for size, scheme, rules in (
        (PHONE, "light", None),
        (DESKTOP, "light", None),
        (DESKTOP, "dark", ["color-contrast"]),
    ):
        page.set_viewport_size(size)
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(400)  # the theme's colors fade in, later on a busy machine
        page.wait_for_function(NOTHING_FADES)
        page.evaluate(AXE_SCRIPT)
        found += [
            f"{size['width']} px, {scheme}: {each}"
            for each in page.evaluate(FIND, [STREAMLIT_S_OWN, SERIOUS, rules])
        ]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", VIEWS)
def test_axe_finds_nothing_serious_on_a_page(served: Server, tab: Page, name: str) -> None:
    found = {}
    for address in VIEWS[name]:
        show(tab, f"{served.url}/{address}")
        found[address] = findings(tab)
    assert {address: each for address, each in found.items() if each} == {}


def open_face(page: Page) -> None:
    page.locator(".gallery button.tile").first.click()


def open_import(page: Page) -> None:
    page.get_by_role("button", name="Import…").click()


def open_exclusion(page: Page) -> None:
    page.get_by_role("button", name="Exclude").first.click()


DIALOGS: dict[str, tuple[str, Callable[[Page], None]]] = {
    "a face": ("dataset?view=Faces", open_face),
    "an import": ("dataset?view=Overview", open_import),
    "an exclusion": (EVALUATE + "Confusion", open_exclusion),
}


@pytest.mark.slow
def test_axe_finds_nothing_serious_on_a_dialog(served: Server, tab: Page) -> None:
    found = {}
    for name, (address, open_dialog) in DIALOGS.items():
        show(tab, f"{served.url}/{address}")
        open_dialog(tab)
        expect(tab.get_by_role("dialog")).to_be_visible()
        wait_ready(tab)
        found[name] = findings(tab)
    assert {name: each for name, each in found.items() if each} == {}


@pytest.mark.slow
def test_axe_finds_nothing_serious_on_live_at_work(served: Server, tab: Page) -> None:
    show(tab, f"{served.url}/live")
    camera = tab.frame_locator('iframe[title*="webrtc_streamer"]')
    camera.get_by_role("button", name="START").click(timeout=30_000)
    expect(tab.get_by_text(re.compile(r"^Face \d+ · ")).first).to_be_visible(timeout=30_000)
    for part in ("Settings", "Performance", "Record and export"):
        tab.get_by_text(part, exact=True).click()
    expect(tab.get_by_role("cell", name="Frame to faces")).to_be_visible()
    found = {"camera": findings(tab)}
    tab.get_by_role("button", name="STOP Shortcut Q").click()
    expect(camera.get_by_role("button", name="START")).to_be_visible(timeout=30_000)
    tab.get_by_role("radio", name="Photo").click()
    tab.get_by_role("radio", name="Example").click()
    expect(tab.get_by_test_id("stDataFrame")).to_be_visible()
    wait_ready(tab)
    found["photo"] = findings(tab)
    assert {part: each for part, each in found.items() if each} == {}
