"""`chat`: talk to an agent instance, a line for a message; also from a pipe."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click

from .failures import Failure, Missing
from .instances import instance_path, send
from .options import DURATION, Verb
from .output import document, note
from .paths import part
from .reading import error_text
from .session import Session
from .words import clean, pretty

if TYPE_CHECKING:
    from .client import Api

_FIELDS = ("text", "message", "prompt", "question", "input")  # what the words of a person are often called
_SAID = ("text", "reply", "answer", "message", "output")


@click.command(cls=Verb, example="aetheris chat support --name desk")
@click.argument("agent")
@click.option("--name", help="Go on with the instance of that name, or give it to the new one.")
@click.option(
    "--field", help="The member of the message that a line becomes; found by itself where it can be."
)
@click.option(
    "--timeout", type=DURATION, help="Stop waiting for an answer after this time (the job goes on)."
)
@click.pass_obj
def chat(session: Session, agent: str, name: str | None, field: str | None, timeout: float | None) -> None:
    """Talk to AGENT: the id or name of an instance, or the name of an agent, of which a new one is made.

    Every line is a message, and its job's output is printed. Without a terminal the lines come from standard input;
    exit 1 if one of them failed. With --json the conversation is one document at the end.
    """
    from .waiting import until_end

    api = session.api()
    instance = _instance(api, agent, name)
    written = _form(api, instance, field)
    note(f"Agent instance {instance['name'] or instance['id']} of {instance['agent']}; an empty line says nothing, "
         "the end of the input ends it.")  # fmt: skip
    turns: list[dict[str, Any]] = []
    for line in _lines(session):
        sent = send(api, instance["id"], written(line))
        job = until_end(api, sent["job_id"], timeout=timeout)
        turns.append({"message": line, "job": job["id"], "status": job["status"], "output": job["output"],
                      "error": job["error"]})  # fmt: skip
        if not session.json:
            _answer(job)
    if session.json:
        document({"agent": instance["id"], "turns": turns})
    failed = [turn for turn in turns if turn["status"] != "completed"]
    if failed:
        raise Failure(f"{len(failed)} of {len(turns)} messages did not complete", code="messages_failed",
                      advice=f"`aetheris trace {failed[0]['job']}` tells how the first one ended.")  # fmt: skip


def _instance(api: Api, agent: str, name: str | None) -> Mapping[str, Any]:
    """The instance that is meant, else a new one."""
    for known in (name,) if name else (agent,):
        try:
            found: Mapping[str, Any] = api.get(instance_path(known))
            return found
        except Missing:
            continue
    made: Mapping[str, Any] = api.post("/api/agents", {"agent": agent, "name": name})
    if name is None:
        note(f"A new instance. Go on with it later: aetheris chat {made['id']}")
    return made


def _form(api: Api, instance: Mapping[str, Any], field: str | None) -> Callable[[str], Any]:
    """How a line becomes a message that the agent takes."""
    if field is not None:
        return lambda line: {field: line}
    goal = _goal_schema(api, instance)
    if goal.get("type") == "string":
        return lambda line: line
    members = goal.get("properties", {})
    texts = [each for each, told in members.items() if told.get("type") == "string"]
    wanted = [each for each in goal.get("required", ()) if each in texts]
    usual = [each for each in _FIELDS if each in texts]
    chosen = wanted if len(wanted) == 1 else usual[:1] or (texts if len(texts) == 1 else [])
    return (lambda line: {chosen[0]: line}) if chosen else _json


def _goal_schema(api: Api, instance: Mapping[str, Any]) -> Mapping[str, Any]:
    versions = api.get(f"/api/definitions/{part(instance['agent'])}")["versions"]
    pinned = [each for each in versions if each["version"] == instance.get("version")]
    default = [each for each in versions if each.get("default")]
    schema: dict[str, Any] = (pinned or default or versions[-1:])[0]["schema"]
    goal = schema.get("properties", {}).get("goal", {})
    target = schema.get("$defs", {}).get(str(goal.get("$ref", "")).removeprefix("#/$defs/"))
    found: Mapping[str, Any] = target if target is not None else goal
    return found


def _json(line: str) -> Any:
    """Where the agent's form does not say which member a person's words are, the line is the whole message."""
    import json

    try:
        return json.loads(line)
    except ValueError:
        return {"text": line}


def _lines(session: Session) -> Iterator[str]:
    """What a person types, or what comes from a pipe; empty lines are passed over."""
    while True:
        try:
            line = input("> ") if session.has_person else sys.stdin.readline()
        except EOFError:
            return
        if not session.has_person and not line:
            return
        if line.strip():
            yield line.rstrip("\r\n")


def _answer(job: Mapping[str, Any]) -> None:
    if job["status"] != "completed":
        note(f"Job {job['id']} {job['status']}: {error_text(job.get('error'))}")
        return
    click.echo(_said(job["output"]))


def _said(output: Any) -> str:
    """The words of an answer where it has some, else all of it."""
    if isinstance(output, str):
        return clean(output)
    if isinstance(output, Mapping):
        words = [output[name] for name in _SAID if isinstance(output.get(name), str)]
        if words:
            return clean(words[0])
    return pretty(output)
