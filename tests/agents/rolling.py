"""An agent whose versions are deployed one after the other: `rolling_v1`, `rolling_v2`."""

from __future__ import annotations

import time
from typing import Any

from jobs import agent, workflow
from ledger import NotLanded, Retry, tool
from tests.agents import world

PATIENT = Retry(max_attempts=100, backoff=2, factor=1, jitter=0)


@tool(name="rolling.work", effect="idempotent")
def work(word: str) -> str:
    """Work at once."""
    world.did(word)
    return word


@tool(name="rolling.until", effect="idempotent")
def work_until(word: str) -> str:
    """Work until a file of that name is there."""
    world.did(word)
    while not world.there(word):
        time.sleep(0.05)
    return word


@tool(name="rolling.try", effect="idempotent", retry=PATIENT)
def try_again(word: str) -> str:
    """Succeed once a file of that name is there."""
    world.did(word)
    if not world.there(word):
        raise NotLanded("not yet")
    return word


def rolling(version: str, *, default: bool = False) -> None:
    """Register the agent in one version."""

    def body(ctx: Any, goal: dict[str, Any]) -> dict[str, Any]:
        word = goal["word"]
        ctx.state["begun"] = version
        match goal["form"]:
            case "approval":
                ctx.approval("Go on?", groups=["finance"])
            case "signal":
                ctx.signal("go")
            case "timer":
                ctx.sleep(goal["seconds"])
            case "backoff":
                ctx.tool(try_again, word=word)
            case "running":
                ctx.tool(work_until, word=word)
        ctx.tool(work, word=f"{word}-end")
        return {"version": version, "begun": ctx.state["begun"]}

    agent("rolling", version=version, default=default)(workflow(name=f"rolling_{version}")(body))
