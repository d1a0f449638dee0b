"""The page in a real browser: it is styled under its own policy, searchable by keyboard, and runs nothing."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

pytest.importorskip("fastapi", reason='pip install "govkernel[admission]"')
pytest.importorskip("playwright", reason="pip install playwright")

import uvicorn
from playwright.sync_api import Page, sync_playwright

from govkernel.audit import AuditLog
from govkernel.audit.app import create_app
from tests.audit.conftest import NOW
from tests.simulators.records import sample_record

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def address(log: AuditLog) -> Iterator[str]:
    log.append_many([sample_record(n, NOW) for n in range(30)])
    app = create_app(log, clock=lambda: NOW)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not (server.started and server.servers):
        assert thread.is_alive()
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def page() -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("no browser here: install it, e.g. `apt-get install chromium`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 1280, "height": 900})
        browser.close()


@pytest.mark.slow
def test_search_read_and_prove_by_keyboard(address: str, page: Page, key: Ed25519PrivateKey):
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    page.get_by_label("Search").fill("decision:deny door:ci")
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=*")
    assert page.locator("tbody tr").count() == 5
    assert page.locator(".deny").first.evaluate("node => getComputedStyle(node).fontWeight") == "600"
    _keep(page, "results")
    page.get_by_role("link", name="Record 27").click()
    assert page.get_by_role("heading", name="Proof of inclusion").is_visible()
    _keep(page, "record")
    page.goto(f"{address}/?q=colour:red")
    assert "column 1" in page.get_by_role("alert").inner_text()
    _keep(page, "error")
    assert [item for item in complaints if "400" not in item and "favicon" not in item] == []


@pytest.mark.slow
def test_the_page_fits_a_telephone(address: str, page: Page):
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(address)
    _keep(page, "telephone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def _keep(page: Page, name: str) -> None:
    """Screenshots, where somebody wants to look at them."""
    folder = os.environ.get("GOVKERNEL_SCREENSHOTS")
    if folder:
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
