"""The refund story in two browsers on a real stack, and the way of a newcomer who has a browser and the README.

Every page is looked at in light, dark and narrow: no accessibility rule broken, no console error, no violation of the
policy, nothing asked of elsewhere.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from aetheris_site.stack import checkout, ports, processes, register
from aetheris_site.stack.parts import PAYMENTS_URL
from aetheris_site.stack.place import ROOT, Place
from tests.faces.browsing import Visitor, chromium, opened

pytestmark = [pytest.mark.fatal, pytest.mark.timeout(400)]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
SOON = 30_000  # milliseconds
TAKEN_OVER = 90_000  # a lease must run out first


@pytest.fixture
def said() -> list[str]:
    """What `make run` printed."""
    return []


@pytest.fixture
def place(tmp_path: Path, said: list[str]) -> Iterator[Place]:
    """A stack of its own, as `make run` starts it."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("AETHERIS_")}
    env |= {
        "AETHERIS_VAR": str(tmp_path / "var"),
        "AETHERIS_AGENTS": "tests.agents.formed",
        PAYMENTS_URL: f"http://127.0.0.1:{ports.any_free()}",
    }
    (tmp_path / "bin").mkdir()
    found = Place(ROOT, tmp_path / "bin", tmp_path / "var", ports.any_free(), env)
    try:
        checkout.run(found, said.append)
        yield found
    finally:
        checkout.stop(found, said.append)


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def password_of(said: list[str], name: str) -> str:
    """The password that was printed beside a name."""
    return next(found[1] for line in said if (found := re.search(rf"{name}\s+password (\S+)", line)))


@contextmanager
def somebody(browser: Browser, place: Place, said: list[str], name: str) -> Iterator[Visitor]:
    """A tab of somebody who has logged in by hand."""
    with opened(browser, place.url, timezone_id="Europe/Berlin", locale="en-GB") as visitor:
        visitor.open("/")
        visitor.page.get_by_label("User name").fill(name)
        visitor.page.get_by_label("Password").fill(password_of(said, name))
        visitor.page.get_by_role("button", name="Log in").click()
        expect(visitor.page.get_by_role("heading", name="Overview")).to_be_visible()
        yield visitor
        assert visitor.wrong == []


def looked_at(visitor: Visitor, name: str) -> None:
    """The page in light, dark and narrow: accessible, nothing wider than the screen, and kept as pictures."""
    page = visitor.page
    for look, scheme, width in (("light", "light", 1280), ("dark", "dark", 1280), ("narrow", "light", 390)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        broken = [
            (each["id"], each["nodes"][0]["html"][:200])
            for each in Axe().run(page, options=RULES).response["violations"]
        ]
        assert not broken, (name, look, broken)
        assert page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), (
            name,
            look,
        )
        visitor.shot(f"story-{name}-{look}")
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})


def step(visitor: Visitor, name: str) -> None:
    """Wait until the open page of a job, which nobody reloads, shows `pay` in a state."""
    box = visitor.page.locator("svg.graph a[href$='/nodes/pay'] g.step")
    expect(box).to_have_class(re.compile(f"is-{name}"), timeout=TAKEN_OVER)


def let_the_operator_resolve(place: Place) -> None:
    """In this story it is the operator who finds out what became of the call."""
    words = (
        "from django.contrib.auth.models import Permission, User; "
        "User.objects.get(username='operator').user_permissions.add(Permission.objects.get(codename='resolve_effect'))"
    )
    command = [sys.executable, "-m", "django", "shell", "-v", "0", "-c", words]
    subprocess.run(command, cwd=place.root, env=place.of_part(""), check=True, timeout=60)


def start(visitor: Visitor, agent: str, order: str) -> None:
    """Ask for a refund."""
    page = visitor.page
    page.get_by_role("link", name="Start a job").click()
    page.get_by_role("link", name=re.compile(f"^{agent}\\b")).click()
    page.get_by_label("Order id").fill(order)
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("status")).to_contain_text("has begun")


def test_the_refund_story_clicked_through_by_an_operator_and_an_approver(
    place: Place, said: list[str], browser: Browser
) -> None:
    let_the_operator_resolve(place)
    with (
        somebody(browser, place, said, "operator") as operator,
        somebody(browser, place, said, "approver") as approver,
    ):
        looked_at(approver, "nothing-waits")
        expect(approver.page.locator("#waiting")).to_contain_text("Nothing waits for your decision.")
        start(operator, "refund_formed", "A-1001")
        expect(operator.page.locator("#head")).to_contain_text("waits for", timeout=SOON)
        looked_at(operator, "job-waits")
        _approve(place, operator, approver)
        worker = register.living(place)["worker"]
        processes.kill(worker.process)
        httpx.post(f"{place.env[PAYMENTS_URL]}/release", trust_env=False)
        checkout.run(place, said.append)
        step(operator, "parked")
        step(approver, "parked")
        _resolve(place, operator)
        step(approver, "done")
        expect(approver.page.locator("#head h1")).to_contain_text("completed", timeout=SOON)
        looked_at(approver, "completed")
    stats = httpx.get(f"{place.env[PAYMENTS_URL]}/stats", trust_env=False).json()
    assert stats["refunds"] == 1


def _approve(place: Place, operator: Visitor, approver: Visitor) -> None:
    page = approver.page
    link = page.locator("#waiting").get_by_role("link", name=re.compile("Refund this order"))
    expect(link).to_be_visible(timeout=SOON)  # of itself: nobody reloads
    looked_at(approver, "waits-for-me")
    link.click()
    expect(page.locator("main")).to_contain_text("A-1001")
    expect(page.locator("main")).to_contain_text("formed_refund")
    looked_at(approver, "question")
    page.get_by_role("button", name="Approve").click()  # the browser asks for what is missing
    expect(page).to_have_url(re.compile("/approvals/"))
    page.get_by_label("Cost centre").fill("4711")
    page.get_by_label("Reason").select_option("damaged")
    page.get_by_role("textbox", name=re.compile("^Comment")).fill("seen the photos")
    hang = {"mode": "hang", "times": 1}
    httpx.post(f"{place.env[PAYMENTS_URL]}/mode", json=hang, trust_env=False).raise_for_status()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status")).to_have_text("Your decision is recorded: approved.")
    looked_at(approver, "decided")
    page.get_by_role("link", name="See what became of it").click()
    step(operator, "running")
    step(approver, "running")
    looked_at(operator, "running")


def _resolve(place: Place, operator: Visitor) -> None:
    page = operator.page
    expect(page.locator("#head")).to_contain_text("the outcome of call", timeout=SOON)
    looked_at(operator, "unknown")
    page.locator("#head").get_by_role("link", name=re.compile("the outcome of call")).click()
    expect(page.locator("main")).to_contain_text("Nobody knows whether this call happened")
    looked_at(operator, "effect")
    page.get_by_role("radio", name=re.compile("^Landed")).check()
    page.get_by_role("textbox", name=re.compile("^Result")).fill('{"refund": "R-1"}')
    page.get_by_role("textbox", name=re.compile("^Comment")).fill(
        "the payment service lists it under this key"
    )
    page.get_by_role("button", name="Go on…").click()
    expect(page.get_by_role("heading", name="You say: landed")).to_be_visible()
    looked_at(operator, "sure")
    page.get_by_role("button", name="Record it").dblclick()
    expect(page.get_by_role("status")).to_be_visible()
    expect(page.locator("main")).to_contain_text("operator said landed")
    looked_at(operator, "resolved")


def test_a_newcomer_with_the_readme_and_a_browser_finds_decides_and_sees(
    place: Place, said: list[str], browser: Browser
) -> None:
    readme = (ROOT / "README.md").read_text()
    for words in ("log in as", "Start a job", "`refund`", "A-1001", "Waits for you"):
        assert words in readme, words
    with somebody(browser, place, said, "operator") as operator:
        looked_at(operator, "newcomer-overview")
        operator.page.get_by_role("link", name="Start a job").click()
        looked_at(operator, "newcomer-start")
        operator.page.get_by_role("link", name=re.compile(r"^refund\b(?!_)")).click()
        looked_at(operator, "newcomer-goal")
        operator.page.keyboard.press("Tab")
        operator.page.get_by_label("Order id").press_sequentially("A-1001")
        operator.page.keyboard.press("Enter")
        expect(operator.page.locator("#head")).to_contain_text("approval", timeout=SOON)
        operator.page.get_by_role("button", name="Log out").click()
        expect(operator.page.get_by_role("heading", name="Log in")).to_be_visible()
    with somebody(browser, place, said, "approver") as approver:
        page = approver.page
        card = page.locator("#waiting").get_by_role("link").first
        expect(card).to_contain_text("refund")
        expect(card).to_contain_text("operator")
        card.click()
        main = page.locator("main")
        for words in ("A-1001", "12000", "issue_refund", "Requested by", "operator", "What it is for"):
            expect(main).to_contain_text(words)
        shown = page.locator("time").first
        assert "UTC" not in shown.inner_text()
        looked_at(approver, "newcomer-question")
        page.get_by_role("textbox", name=re.compile("^Comment")).fill("order checked")
        page.get_by_role("button", name="Approve").click()
        page.get_by_role("link", name="See what became of it").click()
        expect(page.locator("#head h1")).to_contain_text("completed", timeout=SOON)
        looked_at(approver, "newcomer-end")
        expect(page.locator("main")).to_contain_text("approver")
