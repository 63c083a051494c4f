"""What a job, an approval and an unresolved call look like to a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .words import compact, line, moment, named, parked, pretty

Row = Mapping[str, Any]


def job_pairs(job: Row) -> dict[str, str]:
    """A job as names and values."""
    head = job.get("head") or {}
    requester = job.get("requester") or {}
    parent = job.get("parent") or {}
    return {
        "Job": str(job["id"]),
        "Agent": named(job),
        "Status": str(job["status"]),
        "Outcome": _beside(job.get("outcome"), job["status"]),
        "Parked on": "\n".join(parked(wait) for wait in job.get("parked_on") or []),
        "Goal": pretty(job.get("goal")),
        "Output": pretty(job["output"]) if job.get("output") is not None else "",
        "Error": error_text(job.get("error")),
        "On failure": "compensate" if job.get("on_failure") == "compensate" else "",
        "Undone": "\n".join(_effect(each) for each in _effects(job, "undone")),
        "Not undone": "\n".join(_effect(each) for each in _effects(job, "not_undone")),
        "Tags": ", ".join(str(tag) for tag in job.get("tags") or []),
        "Requester": str(requester.get("name") or requester.get("id") or ""),
        "Instance": str(job.get("instance") or ""),
        "Parent": f"{parent['job']} {parent.get('node', '')}" if parent.get("job") else "",
        "Comes from": _source(job),
        "Forks": "\n".join(_fork(each) for each in job.get("forks") or []),
        "Created": moment(job.get("created_at")),
        "Finished": moment(job.get("finished_at")),
        "Head": f"{head.get('seq')} {head.get('hash')}" if head else "",
    }


def _source(job: Row) -> str:
    source = job.get("forked_from")
    return f"{source['how']} of {source['job']} at event {source['seq']}" if source else ""


def _fork(fork: Row) -> str:
    return f"{fork['how']} {fork['job']} from event {fork['seq']} ({fork['status']})"


def _effects(job: Row, which: str) -> list[Row]:
    found: list[Row] = (job.get("compensation") or {}).get(which) or []
    return found


def _effect(each: Row) -> str:
    """An effect that was undone, or was not and why."""
    what = f"{each['node']}: {each.get('tool') or 'job ' + str(each.get('job'))}"
    why = f", {each['reason']} {error_text(each.get('error'))}".rstrip() if each.get("reason") else ""
    return line(what + why)


def named_agent(instance: Row) -> str:
    """The agent of an instance, with its version if it is pinned."""
    return f"{instance['agent']}@{instance['version']}" if instance.get("version") else str(instance["agent"])


def instance_pairs(instance: Row, state: Any) -> dict[str, str]:
    """An agent instance as names and values."""
    return {
        "Instance": str(instance["id"]),
        "Name": str(instance.get("name") or ""),
        "Agent": named_agent(instance),
        "Status": str(instance["status"]),
        "Queue": str(instance.get("queue") or 0),
        "Next due": moment(instance.get("next_due")),
        "Current job": str(instance.get("current_job") or ""),
        "Last job": str(instance.get("last_job") or ""),
        "State": pretty(state),
        "Created": f"{moment(instance.get('created_at'))} by {instance.get('created_by') or '-'}",
        "Paused": moment(instance.get("paused_at")),
        "Deleted": moment(instance.get("deleted_at")),
    }


def error_text(error: Any) -> str:
    """An error in one sentence where it has one, else as it is."""
    if isinstance(error, Mapping) and isinstance(error.get("message"), str):
        kind = error.get("type") or error.get("code")
        return f"{kind}: {error['message']}" if kind else str(error["message"])
    return compact(error)


def approval_pairs(approval: Row) -> dict[str, str]:
    """A question as names and values: all that somebody must have seen who answers it."""
    return {
        "Approval": str(approval["id"]),
        "Job": f"{approval['job']} at {approval['node']}",
        "State": str(approval["state"]),
        "Question": str(approval["question"]),
        "Shown": pretty(approval.get("shown")),
        "Attachments": "\n".join(_attachment(each) for each in approval.get("attachments") or []),
        "Releases": pretty(approval["releases"]) if approval.get("releases") else "",
        "Requester": _person(approval.get("requester")),
        "Answered by": _who(approval),
        "Votes": "\n".join(_vote(vote) for vote in approval.get("votes") or []),
        "Deadline": _deadline(approval),
        "Form": pretty(approval["form"]) if approval.get("form") else "",
        "Digest": str(approval["digest"]),
        "You": "" if approval.get("can_decide", True) else f"cannot decide: {approval.get('why_not')}",
    }


def unresolved_line(line: Row) -> str:
    """An unresolved call in a few words: the tool and its arguments."""
    return f"{line['tool']}({compact(line.get('args'))})"


def _attachment(each: Row) -> str:
    state = {"same": "as it was shown", "elsewhere": "lies elsewhere: compare its digest", None: ""}
    told = state.get(each.get("state"), f"{each.get('state')}: it cannot be approved")
    return f"{each['name']} ({each['media_type']}, {each['size']} bytes, sha256 {each['sha256']}) {each['uri']} {told}".rstrip()


def _who(approval: Row) -> str:
    people = [f"group {each}" for each in approval.get("groups") or []] + list(approval.get("users") or [])
    quorum = approval.get("quorum", 1)
    rule = f"{quorum} of {', '.join(people) or 'anyone allowed to decide'}"
    return f"{rule}, but not the requester" if approval.get("four_eyes") else rule


def _vote(vote: Row) -> str:
    comment = f": {vote['comment']}" if vote.get("comment") else ""
    return f"{vote['decision']} by {_person(vote.get('actor'))} at {moment(vote.get('at'))}{comment}"


def _deadline(approval: Row) -> str:
    if not approval.get("deadline"):
        return ""
    return f"{moment(approval['deadline'])}, then {approval.get('on_timeout', 'reject')}"


def _person(actor: Any) -> str:
    if isinstance(actor, Mapping):
        return str(actor.get("name") or actor.get("id") or "")
    return str(actor or "")


def _beside(outcome: Any, status: str) -> str:
    return str(outcome) if outcome and outcome != status else ""
