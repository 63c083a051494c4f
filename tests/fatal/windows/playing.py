"""Play a window, look at what it has left, and hold it against the table."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.fatal.audit import Row
from tests.fatal.stage import Stage
from tests.fatal.windows.attending import Attendant
from tests.fatal.windows.plots import PLOTS
from tests.fatal.windows.table import RESULTS
from tests.fatal.windows.window import (
    LATE_ABSENT,
    LATE_LANDED,
    NOTHING_OPEN,
    PERSON_ABSENT,
    PERSON_FAIL,
    PERSON_LANDED,
    PROBE_ABSENT,
    PROBE_LANDED,
    ROLLED_BACK,
    RUN_AGAIN,
    SAME_KEY,
    TAKEN_OVER,
    TRACES,
    Window,
)

ANSWERS = {
    ("person", "landed"): PERSON_LANDED,
    ("person", "absent"): PERSON_ABSENT,
    ("person", "fail"): PERSON_FAIL,
    ("probe", "landed"): PROBE_LANDED,
    ("probe", "absent"): PROBE_ABSENT,
    ("claim", "landed"): LATE_LANDED,
    ("claim", "absent"): LATE_ABSENT,
}


@dataclass(frozen=True)
class Result:
    """What a window came to."""

    id: str
    database: str
    found: tuple[str, ...]
    effects: tuple[int, ...]
    resolved: tuple[str, ...]
    ends: str
    seconds: float
    problem: str = ""


def play(stage: Stage, window: Window) -> None:
    """Play a window on an empty stage.

    Raises:
        AssertionError: it did not end as the table says, or the audit found something.
    """
    began = time.monotonic()
    problem = "it was not played to its end"
    job = ""
    try:
        attendant = PLOTS[window.plot](stage, window)
        job = attendant.job
        attendant.until_ended()
        attendant.afterwards()
        compare(stage, window, attendant)
        stage.check()
        problem = ""
    except Exception as error:
        problem = str(error).splitlines()[0][:200] or type(error).__name__
        raise
    finally:
        keep(result(stage, window, job, time.monotonic() - began, problem))


def compare(stage: Stage, window: Window, attendant: Attendant) -> None:
    """Hold what there is against what must be."""
    got = result(stage, window, attendant.job, 0.0, "")
    found, resolved = set(got.found), set(got.resolved)
    assert window.found <= found <= window.found | window.may, f"found {sorted(found)}\n{stage.story()}"
    assert window.resolved <= resolved <= window.resolved | window.perhaps, (
        f"resolved {sorted(resolved)}\n{stage.story()}"
    )
    assert got.effects == window.effects, f"effects {got.effects}\n{stage.story()}"
    if window.calls is not None:
        assert arrived(stage, attendant.job) == window.calls, (
            f"calls {arrived(stage, attendant.job)}\n{stage.story()}"
        )
    assert got.ends == window.ends, f"it ended as {got.ends}\n{stage.story()}"
    assert_the_output_is_of_what_happened(stage, window, attendant.job)


def arrived(stage: Stage, job: str) -> tuple[int, ...]:
    """How many calls arrived for each effect."""
    calls = stage.effects.calls()
    return tuple(sorted(calls.get(line["idempotency_key"], 0) for line in stage.lines(job)))


def assert_the_output_is_of_what_happened(stage: Stage, window: Window, job: str) -> None:
    """Every refund that was made stands in the job's output."""
    if window.ends != "completed":
        return
    told = str(stage.job(job)["output"])
    for line in stage.lines(job):
        for refund in stage.effects.refunds(line["idempotency_key"]):
            assert refund["id"] in told, f"{refund['id']} is missing in {told}\n{stage.story()}"


def result(stage: Stage, window: Window, job: str, seconds: float, problem: str) -> Result:
    """What there is to see of the job."""
    database = stage.database.partition(":")[0].partition("+")[0]
    if not job:
        return Result(window.id, database, (), (), (), "", seconds, problem)
    events = [event for row in stage.family(job) for event in stage.events(str(row["id"]))]
    found = sorted({event["type"] for event in events} & TRACES)
    return Result(
        window.id, database, tuple(found), tuple(sorted(stage.counts(job))),
        tuple(sorted(how(events, stage.lines(job, pure=True)))), stage.status(job), round(seconds, 2), problem,
    )  # fmt: skip


def how(events: list[Row], lines: list[Row]) -> set[str]:
    """How what was open came right, as the history tells it."""
    told = {_answer(json.loads(event["body"])) for event in events if event["type"] == "outcome_resolved"}
    again = {line["effect"] for line in lines if line["attempt"] > 1}
    if "idempotent" in again:
        told.add(SAME_KEY)
    if "transactional" in again:
        told.add(ROLLED_BACK)
    if "pure" in again:
        told.add(RUN_AGAIN)
    if not told:
        told.add(TAKEN_OVER if any(event["type"] == "lease_lost" for event in events) else NOTHING_OPEN)
    return told


def _answer(body: dict[str, Any]) -> str:
    who = "person" if body["by"]["kind"] == "user" else "probe"
    if str(body["by"]["id"]).startswith("claim:"):
        who = "claim"
    return ANSWERS[who, body["verdict"]]


def keep(told: Result) -> None:
    """Write a result to where the run collects them; one write, so that processes may share the file."""
    path = os.environ.get(RESULTS)
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(told)) + "\n")
