"""A real browser for tests: Chromium on the machine, driven by Playwright; it writes down whatever goes wrong on a page."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from tests.required import missing

SHOTS = "AETHERIS_TEST_SHOTS"  # a folder for screenshots; none are taken without it
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@dataclass
class Visitor:
    """Somebody at a browser, logged in.

    Args:
        page: their one tab.
        site: the address of the server.
        wrong: console errors, violations of the policy, answers of the server that failed, requests to elsewhere.
    """

    page: Page
    site: str
    wrong: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Go to a page of the site."""
        self.page.goto(self.site + path, wait_until="load")

    def shot(self, name: str) -> None:
        """Keep what the page looks like, where a folder for that is named."""
        if folder := os.environ.get(SHOTS):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=f"{folder}/{name}.png", full_page=True)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of this machine; without one the test is skipped, or fails where it is required."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        missing("browser", "there is no Chromium on PATH; install the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, site: str, user: User, **context: Any) -> Iterator[Visitor]:
    """A tab of somebody's own.

    Args:
        browser: which.
        site: the address of the server.
        user: who is logged in.
        context: what else Playwright lets one say: colour scheme, size of the window, zone, scripts off.
    """
    client = Client()
    client.force_login(user)
    cookie = client.cookies["sessionid"]
    with opened(browser, site, **context) as visitor:
        visitor.page.context.add_cookies([{"name": "sessionid", "value": cookie.value, "url": site}])
        yield visitor


@contextmanager
def opened(browser: Browser, site: str, **context: Any) -> Iterator[Visitor]:
    """A tab of somebody who has not logged in."""
    room = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
    visitor = Visitor(room.new_page(), site)
    _watch(visitor)
    yield visitor
    room.close()


def _watch(visitor: Visitor) -> None:
    page, wrong = visitor.page, visitor.wrong
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: (
            None if request.url.startswith((visitor.site, "data:")) else wrong.append(f"asks {request.url}")
        ),
    )
