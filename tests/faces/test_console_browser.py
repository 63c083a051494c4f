"""The console in a real browser: no error, no violation, nothing asked of elsewhere; people decide on its pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_django
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from jobs import store
from jobs.core.commands import Actor, LoseLease, Pause, StartNode
from jobs.models import Approval, Job
from ledger.models import Invocation
from tests import databases, factories
from tests.faces import admin_stage as stage
from tests.faces import live
from tests.faces.browsing import Visitor, chromium, visiting

pytestmark = [pytest.mark.usefixtures("engine_db"), pytest.mark.timeout(600)]
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "narrow": {"color_scheme": "light", "viewport": {"width": 390, "height": 800}},
}


@pytest.fixture(scope="module")
def site(
    django_db_setup: None,
    django_db_blocker: pytest_django.DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The address of a server on the test database."""
    from django.conf import settings
    from django.db import connection

    with django_db_blocker.unblock():
        address = databases.url_of(connection.settings_dict)
        connection.close()
    # The same key: the test logs people in, and the server is to know them.
    with live.api(address, tmp_path_factory.mktemp("api"), AETHERIS_SECRET_KEY=settings.SECRET_KEY) as url:
        yield url


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Chromium. Playwright's loop runs in this thread, where Django would refuse to speak with the database."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    with chromium() as found:
        yield found


@dataclass(frozen=True)
class Scene:
    """A group with somebody in it, and jobs that are worth a look."""

    group: str
    job: str
    unknown: str
    taken: str

    @property
    def approval(self) -> str:
        return stage.approval_of(self.job)


@pytest.fixture
def scene() -> Scene:
    group = stage.person().username
    fork = {"id": "size", "kind": "branch", "cond": True, "then": ["large"], "otherwise": ["small"]}
    large, small = stage.waiting("large"), stage.waiting("small")
    box = {"id": "news", "kind": "receive", "channel": "news", "after": ["ask"]}
    nodes = [
        fork,
        {**large, "id": "large"},
        {**small, "id": "small"},
        box,
        stage.waiting("go", after=["pay"]),
    ]
    job = stage.job(
        stage.asking(groups=[group]), stage.paying(), *nodes, goal={"order": "A-7", "note": "x" * 90}
    )
    unknown, _ = stage.unknown_call()
    return Scene(group, job, unknown, _taken_over())


def _taken_over() -> str:
    """A job whose step a second worker finished."""
    first, second = factories.a_worker(), factories.a_worker()
    job = factories.a_planned_job(factories.one_tool(), first)
    store.commit(job, LoseLease("pay", factories.claim(job, first, effect="idempotent"), "worker_dead", True))
    promise = factories.promise(job, effect="idempotent")
    fence = store.commit(job, StartNode("pay", second, promise), worker=second).state.nodes["pay"].fence
    store.commit(job, factories.told(fence, {"paid": 5}, attempt=2))
    return job


def _pages(scene: Scene) -> dict[str, str]:
    return {
        "overview": "/", "jobs": "/jobs", "job": f"/jobs/{scene.job}", "unknown": f"/jobs/{scene.unknown}",
        "step": f"/jobs/{scene.unknown}/nodes/pay", "event": f"/jobs/{scene.job}/events/2",
        "effects": "/effects", "effect": f"/effects/{Invocation.objects.get(job_id=scene.unknown).id}",
        "start": "/start", "compare": f"/jobs/{scene.job}/compare", "compared": f"/jobs/{scene.job}/compare/{scene.unknown}",
        "verb": f"/jobs/{scene.job}/do/cancel", "taken": f"/jobs/{scene.taken}", "attempts": f"/jobs/{scene.taken}/nodes/pay", "approvals": "/approvals", "approval": f"/approvals/{scene.approval}",
    }  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_whole_without_error_and_accessible(
    look: str, site: str, browser: Browser, scene: Scene
) -> None:
    user = stage.person(*stage.OPERATOR, group=scene.group)
    with visiting(browser, site, user, **LOOKS[look]) as visitor:
        for name, path in {**_pages(scene), "login": "/login"}.items():
            visitor.open(path)
            assert visitor.page.url == site + path
            visitor.shot(f"{name}-{look}")
            found = Axe().run(visitor.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]})
            wrong = [
                (each["id"], [node["html"][:200] for node in each["nodes"][:3]])
                for each in found.response["violations"]
            ]
            assert not wrong, (name, wrong)
            wide = visitor.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            assert wide <= 0, name
        assert visitor.wrong == []


def test_an_approver_decides_on_the_page_and_an_open_job_page_shows_it(
    site: str, browser: Browser, scene: Scene
) -> None:
    approver, watcher = stage.person(group=scene.group, staff=False), stage.person()
    with visiting(browser, site, watcher) as watching, visiting(browser, site, approver) as visitor:
        watching.open(f"/jobs/{scene.job}")
        step = watching.page.locator("svg.graph a[href$='/nodes/ask'] g.step")
        expect(step).to_have_class(re.compile("is-parked"))
        details = watching.page.locator("details[data-key=goal]")
        details.locator("summary").click()
        folded = details.evaluate("each => each.open")
        visitor.open("/")
        visitor.page.get_by_role("link", name=re.compile("Refund")).first.click()
        visitor.page.get_by_role("textbox", name=re.compile("Comment")).fill("looked at the order")
        visitor.page.get_by_role("button", name="Approve").click()
        expect(visitor.page.get_by_role("status")).to_have_text("Your decision is recorded: approved.")
        visitor.shot("decided")
        expect(step).to_have_class(re.compile("is-done"), timeout=10_000)
        assert details.evaluate("each => each.open") == folded
        visitor.page.get_by_role("link", name="See what became of it").click()
        expect(visitor.page.locator("#head h1")).to_contain_text("stage@1")
        assert visitor.wrong == watching.wrong == []
    assert Approval.objects.get(job_id=scene.job).state == "approved"


def test_the_first_click_of_two_decides_and_the_other_person_sees_who_did(
    site: str, browser: Browser, scene: Scene
) -> None:
    first, second = (stage.person(group=scene.group, staff=False) for _ in range(2))
    with visiting(browser, site, first) as one, visiting(browser, site, second) as two:
        for visitor in (one, two):
            visitor.open(f"/approvals/{scene.approval}")
        one.page.get_by_role("button", name="Reject").click()
        expect(one.page.get_by_role("status")).to_be_visible()
        two.page.get_by_role("button", name="Approve").click()
        expect(two.page.get_by_role("alert")).to_contain_text(f"{first.username} decided reject at")
        two.shot("too-late")
    assert Approval.objects.get(job_id=scene.job).state == "rejected"


def test_times_are_those_of_the_readers_zone_and_utc_without_a_script(
    site: str, browser: Browser, scene: Scene
) -> None:
    user = stage.person()
    said = {}
    for zone in ("Asia/Tokyo", "America/New_York"):
        with visiting(browser, site, user, timezone_id=zone, locale="en-GB") as visitor:
            visitor.open(f"/jobs/{scene.job}")
            said[zone] = visitor.page.locator(".facts time").first.inner_text()
            assert visitor.page.locator(".facts time").first.get_attribute("title", timeout=1_000)
    assert len(set(said.values())) == 2
    with visiting(browser, site, user, java_script_enabled=False) as visitor:
        visitor.open(f"/jobs/{scene.job}")
        assert visitor.page.locator(".facts time").first.inner_text().endswith("UTC")
        expect(visitor.page.locator("svg.graph")).to_be_visible()


def test_the_whole_page_of_a_job_can_be_walked_with_the_keyboard(
    site: str, browser: Browser, scene: Scene
) -> None:
    with visiting(browser, site, stage.operator()) as visitor:
        visitor.open(f"/jobs/{scene.job}")
        visitor.page.keyboard.press("Tab")
        assert visitor.page.evaluate("document.activeElement.className") == "skip"
        visitor.page.keyboard.press("Enter")
        seen: list[str] = []
        for _ in range(40):
            visitor.page.keyboard.press("Tab")
            seen.append(str(visitor.page.evaluate("document.activeElement.getAttribute('href') || ''")))
            outline = visitor.page.evaluate(
                "(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' ||"
                " !!document.activeElement.closest('svg') })()"
            )
            assert outline, seen[-1]
        assert f"/jobs/{scene.job}/do/cancel" in seen
        assert f"/jobs/{scene.job}/nodes/ask" in seen


def shown_state(visitor: Visitor) -> str:
    """The badge beside the title."""
    return visitor.page.locator("#head .aetheris-badge").inner_text()


def test_a_paused_job_is_resumed_by_buttons_alone(site: str, browser: Browser) -> None:
    job = stage.job(stage.waiting("go"))
    store.commit(job, Pause(actor=Actor(id="a", name="a")))
    with visiting(browser, site, stage.operator()) as visitor:
        visitor.open(f"/jobs/{job}")
        assert shown_state(visitor) == "paused"
        visitor.page.get_by_role("link", name="Resume…").click()
        visitor.page.get_by_role("button", name="Resume").click()
        expect(visitor.page.get_by_role("status")).to_have_text("Job resumed.")
        assert shown_state(visitor) == "parked"
        assert visitor.wrong == []
    assert Job.objects.get(pk=job).status == "parked"
