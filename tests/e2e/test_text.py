"""Names of runs, and addresses, as a browser shows them."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import Server, serve, wait_ready
from tests.evaluation.makers import make_dataset, make_run

NAME = (
    "![i](http://evil.example/i.png) [l](http://evil.example) http://evil.example www.evil.example "
    "a@evil.example <img src=http://evil.example> :material/home: :smile: :red[x] $x^2$ a -> b &lt;"
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def named_badly(tmp_path_factory) -> Iterator[Server]:
    """Serve a workspace whose runs have a name that is Markdown."""
    folder = tmp_path_factory.mktemp("named_badly")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMOTION_WORKSPACE", str(folder / "workspace"))
        dataset = make_dataset()
        for seed in range(2):
            run = make_run(dataset, seed=seed)
            run.change_notes(name=NAME, note=NAME, tags=[NAME], experiment=NAME)
        with serve(folder / "workspace", folder / "server.log") as server:
            yield server


def test_names_and_addresses_make_no_link_no_image_and_no_request(named_badly, page: Page):
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    address = quote("![i](http://evil.example/i.png) http://evil.example")
    for path, shown in (
        (f"dataset?dataset={address}", "Ignored in this page's address: dataset=![i](http://evil"),
        (f"?{address}={address}", "Ignored in this page's address: ![i](http://evil"),
        ("train", NAME[:60]),
        ("train?train.view=Experiments", "accuracy"),
        ("compare?compare_view=Config%20diff", "Compare"),
        ("evaluate?evaluate_view=", "Ignored in this page's address: evaluate_view=."),
    ):
        page.goto(f"{named_badly.url}/{path}")
        expect(page.get_by_text(shown).first).to_be_visible(timeout=60_000)
        wait_ready(page)
        for element in (
            "a[href*='evil']:not([href^='#'])",
            "img[src*='evil']",
            "[role=img][aria-label*='home']",
        ):
            shown_in_page = page.get_by_test_id("stMain").locator(element)
            expect(shown_in_page).to_have_count(0)
    assert not [url for url in requested if named_badly.url not in url and "data:" not in url[:5]]
