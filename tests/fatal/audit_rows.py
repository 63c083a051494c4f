"""The auditor holds the derived rows of a job against its own fold: job, agenda, approvals, ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.fatal import audit_mailbox
from tests.fatal.audit_books import Event, Row, arguments, canonical, digest
from tests.fatal.audit_chain import TERMINALS
from tests.fatal.audit_story import ENDS, Call, Step, Story

SECONDS_OF_GRACE = 5
RELEASES = {"not_landed", "not_sent", "failed", "no_answer", "abandoned", "absent"}
ANSWERS = {"landed": "landed", "absent": "absent", "fail": "given_up"}


def differences(found: Row, wanted: Row, what: str) -> Iterator[str]:
    """Each column that is not what the events say."""
    for name, value in wanted.items():
        if found[name] != value:
            yield f"{what}: {name} is {found[name]!r:.200}, the events say {value!r:.200}"


def later(at: str, seconds: float) -> str:
    """A moment so much later."""
    told = datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC) + timedelta(seconds=seconds)
    return told.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def job(row: Row, events: list[Event], story: Story) -> Iterator[str]:
    """The row of the job itself."""
    born = events[0].body
    parent, origin = born.get("parent") or {}, born.get("forked_from") or {}
    last = next((event for event in reversed(events) if event.kind in TERMINALS), None)
    failing = next((event for event in reversed(events) if event.kind == "job_failing"), None)
    ended = last is not None and last.kind == "job_completed"
    wanted: Row = {
        "agent": born["agent"], "version": born["version"], "goal": canonical(born["goal"]),
        "tenant": born["tenant"], "origin": born["origin"], "requester": born["actor"]["id"],
        "priority": born["priority"], "tags": canonical(born["tags"]), "parent_job": parent.get("job"),
        "parent_node": parent.get("node", ""), "created_at": events[0].at, "updated_at": events[-1].at,
        "finished_at": last.at if last else None, "phase": story.phase, "status": status(story),
        "outcome": last.body["outcome"] if ended and last else "",
        "output": canonical(last.body["output"]) if ended and last else None,
        "compensation": canonical(last.body["compensation"]) if last and "compensation" in last.body else None,
        "generation": born.get("generation", 1), "forked_from": origin.get("job"), "forked_seq": origin.get("seq"),
        "error": canonical(failing.body["error"]) if failing and story.phase in ("failing", "failed") else None,
        "parked_on": canonical(parked_on(story)) if status(story) == "parked" else "[]",
        **audit_mailbox.columns(events, ended=last is not None, phase=story.phase),
    }  # fmt: skip
    yield from differences(row, wanted, "the job")


def status(story: Story) -> str:
    """The one word for a job."""
    if story.phase in ENDS:
        return story.phase
    if story.paused:
        return "paused"
    listed = story.listed()
    if listed and all(step.status == "parked" for step in listed):
        return "parked"
    return "running" if story.begun else "pending"


def parked_on(story: Story) -> list[dict[str, Any]]:
    """What a parked job waits for."""
    found: list[dict[str, Any]] = []
    for step in story.listed():
        if step.status == "parked":
            found += _held(story, step)
            calls = [
                call
                for call in story.calls_of(step)
                if call.status == "unknown" or not _given_up(story, step)
            ]
            found += [entry for call in calls for entry in _waits(call)]
    return found


def _given_up(story: Story, step: Step) -> bool:
    """What a step of an ending job waits for matters no more, but for the outcomes that nobody knows."""
    return story.phase != "open" and step.status == "parked" and step.hold is None and not step.undoes


def _held(story: Story, step: Step) -> list[dict[str, Any]]:
    if step.hold is None or story.created is None:
        return []
    kind, name = step.hold
    when = step.wake if kind == "limit" else None
    if kind == "agent":  # a message that is to be taken later than it came
        due = story.created.body["instance"]["due"]
        when = due if due > story.created.at else None
    entry: dict[str, Any] = {"node": step.name, "kind": kind, "name": name}
    return [{**entry, "deadline": when} if when else entry]


def _waits(call: Call) -> list[dict[str, Any]]:
    if call.status == "unknown":
        return [{"node": call.path, "kind": "unknown_outcome", "name": call.invocation}]
    if call.status != "waiting":
        return []
    more: dict[str, Any] = {"deadline": call.wake} if call.wake else {}
    if call.kind == "approval":
        more["approval"] = call.approval
    return [{"node": call.path, "kind": call.kind, "name": call.name, **more}]


# --- the agenda --------------------------------------------------------------------------------------------


def agenda(rows: list[Row], born: Event, story: Story) -> Iterator[str]:
    """The steps that somebody has to look at, and when."""
    wanted = {step.name: step for step in story.listed() if _has_a_row(story, step)}
    found = {row["node"]: row for row in rows}
    if set(found) != set(wanted):
        yield f"the agenda holds {sorted(found)}, by the events {sorted(wanted)}"
        return
    who = f"{born.body['agent']}@{born.body['version']}"
    for name, step in wanted.items():
        row: Row = {
            "state": step.status, "fence": step.fence, "attempt": step.attempt, "kind": step.kind,
            "worker": step.worker if step.status == "running" else None, "wake_at": wake_at(story, step, born),
            "tenant": born.body["tenant"], "priority": born.body["priority"],
            "needs": _needs(story, step, who),
            "requires": ",".join(_requires(story, step)),
            "hold": step.hold[0] if step.hold else "",
        }  # fmt: skip
        yield from differences(found[name], row, f"step {name}")


def _needs(story: Story, step: Step, who: str) -> str:
    """What a worker must know to run a step: this very agent, or the tool."""
    if step.kind in ("plan", "workflow"):
        return who
    if step.undoes:
        return f"tool:{story.calls[step.undoes].name}"
    return f"tool:{story.plan[step.parent or step.name]['tool']}" if step.kind == "tool" else ""


def _requires(story: Story, step: Step) -> list[str]:
    """The capabilities it takes; to undo a call takes the same as to make it."""
    return (
        story.calls[step.undoes].requires if step.undoes else story.requires.get(step.parent or step.name, [])
    )


def _has_a_row(story: Story, step: Step) -> bool:
    if step.status not in ("ready", "backoff"):
        return True
    if story.phase == "open":
        return not story.paused
    return step.kind == "compensation" or any(call.status == "unknown" for call in story.calls_of(step))


def wake_at(story: Story, step: Step, born: Event) -> str | None:
    """When somebody has to look."""
    calls = story.calls_of(step)
    overdue = [later(call.deadline, SECONDS_OF_GRACE) for call in calls if call.status == "open"]
    if step.status == "ready":
        return born.at
    if step.status == "running":
        waits = [call.wake for call in calls if call.status == "waiting" and call.wake]
        return min(overdue + (waits if story.phase == "open" else []), default=None)
    if step.status == "backoff" or (step.hold is not None and step.hold[0] == "limit"):
        return step.wake
    if _given_up(story, step):
        return min((call.wake for call in calls if call.status == "unknown" and call.wake), default=None)
    return story.first_wake(step)


# --- approvals ---------------------------------------------------------------------------------------------


def approvals(rows: list[Row], events: list[Event]) -> Iterator[str]:
    """The questions that were put, and what people said."""
    found = {row["id"]: row for row in rows}
    asked = {event.body["approval"]: event for event in events if event.kind == "approval_requested"}
    if set(found) != set(asked):
        yield f"approvals {sorted(set(found) ^ set(asked))} are either a row or an event, not both"
        return
    for key, event in asked.items():
        votes = [e for e in events if e.kind == "approval_decided" and e.body["approval"] == key]
        yield from differences(found[key], _approval(event, votes, events[0]), f"approval {event.node}")


def _approval(asked: Event, votes: list[Event], born: Event) -> Row:
    body = asked.body
    last = [vote for vote in votes if vote.body["effect"] in ("approved", "rejected", "withdrawn")]
    escalated = any(vote.body["effect"] == "escalated" for vote in votes)
    return {
        "node": asked.node, "state": last[0].body["effect"] if last else "open", "digest": body["digest"],
        "shown": canonical(body["shown"]), "releases": canonical(body["releases"]), "quorum": body["quorum"],
        "groups": canonical(body["escalate_to"] if escalated else body["groups"]),
        "users": canonical([] if escalated else body["users"]), "requester": born.body["actor"]["id"],
        "deadline": None if last or escalated else body["deadline"], "requested_at": asked.at,
        "decided_at": last[0].at if last else None, "votes": canonical([vote.body for vote in votes]),
        "voters": canonical([vote.body["actor"]["id"] for vote in votes if vote.body["actor"]]), "four_eyes": body["four_eyes"], "on_timeout": body["on_timeout"], "tenant": born.body["tenant"],
    }  # fmt: skip


# --- the ledger --------------------------------------------------------------------------------------------


def ledger(rows: list[Row], events: list[Event]) -> Iterator[str]:
    """The lines of a job's calls."""
    found = {row["id"]: row for row in rows}
    wanted: dict[str, Row] = {}
    args: dict[str, Any] = {}
    for event in events:
        if event.kind == "command_emitted":
            args.setdefault(event.node, arguments(event))
        elif "invocation" in event.body and event.kind in LINES:
            key = event.body["compensates" if event.kind == "compensation_finished" else "invocation"]
            wanted[key] = {
                **wanted.get(key, {}),
                **LINES[event.kind](event, args.get(event.node), wanted.get(key)),
            }
    if set(found) != set(wanted):
        yield f"calls {sorted(set(found) ^ set(wanted))} stand either in the ledger or in the events, not in both"
        return
    for key, line in wanted.items():
        yield from differences(found[key], line, f"call {found[key]['node']}")


def _promised(event: Event, args: Any, before: Row | None) -> Row:
    body = event.body
    anew: Row = {
        "state": "open", "attempt": body["attempt"], "fence": body["fence"], "holds": body["holds"],
        "deadline": body["deadline"], "promised_at": event.at, "settled_at": None, "error": "",
    }  # fmt: skip
    return (
        anew
        if before
        else {
            **anew,
            **_named(event, args, body),
            "probe": body["probe"],
            "result": None,
            "compensates": body.get("compensates"),
        }
    )


def _named(event: Event, args: Any, body: Row) -> Row:
    told = canonical(args)
    return {
        "node": event.node, "tool": event.body["tool"], "effect": body["effect"], "idempotency_key": body["key"],
        "version": body["version"], "schema": body["schema"], "business_key": body["business_key"] or None,
        "args": told, "args_digest": digest(args),
    }  # fmt: skip


def _finished(event: Event, args: Any, before: Row | None) -> Row:
    body = event.body
    if body["status"] != "recalled":
        return _settled(event, body["status"])
    source = body["recalled_from"]
    return {
        **_named(event, args, source), "state": "recalled", "holds": False, "settled_at": event.at,
        "result": canonical(body["result"]), "recalled_from": source["invocation"], "fence": body["fence"],
        "attempt": max(1, body["attempt"]), "probe": False, "deadline": event.at, "promised_at": event.at,
    }  # fmt: skip


def _settled(event: Event, state: str) -> Row:
    body = event.body
    error = canonical(body["error"]) if "error" in body else ""
    if "unstorable" in body:
        error = canonical({"code": "result_unstorable", **body["unstorable"]})
    line: Row = {"state": state, "settled_at": event.at, "error": error}
    if "result" in body:
        line["result"] = canonical(body["result"])
    return {**line, "holds": False} if state in RELEASES else line


def _undone(event: Event, args: Any, before: Row | None) -> Row:
    return {"state": "compensated"}


def _unknown(event: Event, args: Any, before: Row | None) -> Row:
    why = {"reason": event.body["reason"], "evidence": event.body.get("evidence", {})}
    return {"state": "unknown", "settled_at": None, "error": canonical(why)}


def _resolved(event: Event, args: Any, before: Row | None) -> Row:
    return _settled(event, ANSWERS[event.body["verdict"]])


LINES = {
    "tool_invocation_started": _promised,
    "tool_invocation_finished": _finished,
    "outcome_unknown": _unknown,
    "outcome_resolved": _resolved,
    "compensation_finished": _undone,
}
