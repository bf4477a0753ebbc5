"""Sign-in with a real provider, and what viewers, editors and others then see."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.browser import DESKTOP, Server, serve, wait_ready
from tests.e2e.oidc import CLIENT, SECRET, provider
from tests.e2e.test_pages import ERRORS, PAGES

PEOPLE = {"ann@lab.org": True, "bob@lab.org": True, "eve@evil.org": True, "Bob@Lab.org": False}


@pytest.fixture(scope="module")
def served(imported_sample, tmp_path_factory) -> Iterator[Server]:
    """Serve the sample to viewers of lab.org and one editor."""
    folder = tmp_path_factory.mktemp("sign_in")
    (folder / ".streamlit").mkdir()
    with provider(PEOPLE) as issuer:
        (folder / ".streamlit" / "secrets.toml").write_text(
            f"""\
[auth]
redirect_uri = "http://127.0.0.1:{{port}}/oauth2callback"
cookie_secret = "{"random characters" * 3}"
client_id = "{CLIENT}"
client_secret = "{SECRET}"
server_metadata_url = "{issuer}/.well-known/openid-configuration"

[access]
editors = ["ANN@lab.org"]
viewers = ["@lab.org"]
"""
        )
        with serve(imported_sample, folder / "server.log") as server:
            yield server


@pytest.fixture
def guest(browser: Browser) -> Iterator[Page]:
    """A tab without the cookies of other tests."""
    context = browser.new_context(viewport=DESKTOP)
    yield context.new_page()
    context.close()


def sign_in(page: Page, server: Server, email: str) -> None:
    page.goto(server.url)
    page.get_by_role("button", name="Sign in").click(timeout=60_000)
    page.get_by_role("link", name=email, exact=True).click(timeout=30_000)
    expect(page.get_by_role("button", name="Sign out")).to_be_visible(timeout=60_000)
    wait_ready(page)


def expect_no_page(page: Page) -> None:
    expect(page.get_by_test_id("stSidebarNavLink")).to_have_count(0)
    expect(page.get_by_text("sample")).to_have_count(0)
    expect(page.locator(ERRORS)).to_have_count(0)


@pytest.mark.slow
def test_who_is_not_signed_in_sees_the_sign_in_alone(served, guest):
    for address in PAGES:
        guest.goto(f"{served.url}/{address}")
        expect(guest.get_by_role("button", name="Sign in")).to_be_visible(timeout=60_000)
        expect_no_page(guest)


@pytest.mark.slow
def test_a_viewer_sees_all_pages_and_changes_none_until_the_log_out(served, guest):
    sign_in(guest, served, "bob@lab.org")
    expect(guest.get_by_text("bob@lab.org, viewer")).to_be_visible()
    expect(guest.get_by_test_id("stSidebarNavLink")).to_have_count(len(PAGES))
    for address, title in PAGES.items():
        guest.goto(f"{served.url}/{address}")
        expect(guest.get_by_role("heading", name=title, level=1)).to_be_visible(timeout=60_000)
        expect(guest.get_by_text("you are signed in as a viewer").first).to_be_visible()
        expect(guest.locator(ERRORS)).to_have_count(0)
        wait_ready(guest)
    guest.goto(f"{served.url}/dataset")
    for name in ("Import…", "Manage"):
        expect(guest.get_by_role("button", name=name)).to_be_disabled(timeout=60_000)
    guest.goto(f"{served.url}/train")
    expect(guest.get_by_text("Only editors").last).to_be_visible(timeout=60_000)
    expect(guest.get_by_role("button", name="Start training")).to_have_count(0)

    guest.get_by_role("button", name="Sign out").click()
    for _ in range(2):
        expect(guest.get_by_role("button", name="Sign in")).to_be_visible(timeout=60_000)
        expect_no_page(guest)
        guest.reload()


@pytest.mark.slow
def test_an_editor_imports(served, guest):
    sign_in(guest, served, "ann@lab.org")
    expect(guest.get_by_text("ann@lab.org, editor")).to_be_visible()
    guest.get_by_role("link", name="Dataset").click()
    guest.get_by_role("button", name="Import…").click(timeout=60_000)
    dialog = guest.get_by_role("dialog")
    expect(dialog.get_by_role("textbox", name="Name")).to_have_value("sample-2", timeout=60_000)


@pytest.mark.slow
def test_who_is_on_no_list_or_not_verified_is_told_so(served, guest):
    sign_in(guest, served, "eve@evil.org")
    expect(guest.get_by_text("eve@evil.org is on no list of this server")).to_be_visible()
    expect_no_page(guest)
    guest.goto(f"{served.url}/dataset")
    expect(guest.get_by_text(re.compile("is on no list"))).to_be_visible(timeout=60_000)
    expect_no_page(guest)
    guest.context.clear_cookies()
    sign_in(guest, served, "Bob@Lab.org")
    expect(guest.get_by_text("without a verified address is on no list")).to_be_visible()
    expect_no_page(guest)
