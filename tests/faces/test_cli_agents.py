"""`agents` and `chat`: what they ask the API, and how a conversation reads with and without a terminal."""

from __future__ import annotations

import io
from typing import Any

import httpx
import pytest

from tests.faces.command_line import Desk, aetheris, job, ok, page, problem

ID = "0197c1a2-0000-7000-8000-00000000000a"
JOB = job()["id"]
AT = "2026-11-22T17:18:56.123456Z"
TEXT = {"properties": {"goal": {"$ref": "#/$defs/Goal"}},
        "$defs": {"Goal": {"type": "object", "properties": {"words": {"type": "string"}}, "required": ["words"]}}}  # fmt: skip


def instance(**changes: Any) -> dict[str, Any]:
    made = {
        "id": ID, "name": "desk", "agent": "support", "version": None, "status": "parked", "queue": 2, "next_due": None,
        "current_job": JOB, "last_job": None, "created_at": AT, "created_by": "ann", "heard_at": AT, "paused_at": None,
        "deleted_at": None,
    }  # fmt: skip
    return made | changes


def definition(schema: Any) -> httpx.Response:
    return ok({"name": "support", "versions": [{"version": "1", "schema": schema}]})


def conversation(schema: Any, *ends: dict[str, Any], **more: Any) -> Desk:
    """A server with one instance, whose jobs end in this way, one after the other."""
    return Desk({
        f"GET /api/agents/{ID}": ok(instance()), "GET /api/agents/desk": ok(instance()),
        "GET /api/definitions/support": definition(schema),
        f"POST /api/agents/{ID}/message": ok({"job_id": JOB, "agent_id": ID}, 202),
        f"GET /api/jobs/{JOB}": [ok(job(status="completed") | end) for end in ends], **more,
    })  # fmt: skip


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put lines into the pipe that the command reads."""

    def put(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))

    return put


def messages(desk: Desk) -> list[Any]:
    return [body["message"] for body in desk.bodies() if "message" in body]


def test_bare_it_lists_instances() -> None:
    desk = Desk({"GET /api/agents": page(instance(), instance(id="b", name=None, version="2"))})
    first, second, third = aetheris("agents", "--agent", "support", desk=desk).out.splitlines()
    assert first.split() == ["INSTANCE", "NAME", "AGENT", "STATUS", "QUEUE", "CURRENT", "JOB", "CREATED"]
    assert second.split()[:6] == [ID, "desk", "support", "parked", "2", JOB]
    assert third.split()[:2] == ["b", "support@2"]
    assert dict(desk.asked[0].url.params) == {"agent": "support"}
    assert len(aetheris("agents", "--json", desk=desk).json) == 2
    assert "create AGENT" in aetheris("agents", desk=Desk({"GET /api/agents": page()})).err


def test_an_instance_is_created_and_its_id_printed() -> None:
    desk = Desk({"POST /api/agents": ok(instance(), 201)})
    ended = aetheris("agents", "create", "support", "--name", "desk", "--state", '{"a": 1}', desk=desk)
    assert (ended.code, ended.out) == (0, f"{ID}\n")
    assert desk.bodies() == [{"agent": "support", "name": "desk", "state": {"a": 1}}]


def test_an_instance_is_shown_with_what_it_keeps() -> None:
    state = ok({"id": ID, "state": {"heard": ["one"]}, "after": JOB})
    desk = Desk({"GET /api/agents/desk": ok(instance()), "GET /api/agents/desk/state": state})
    text = aetheris("agents", "show", "desk", desk=desk).out
    assert "Status       parked" in text
    assert '"one"' in text
    assert aetheris("agents", "show", "desk", "--json", desk=desk).json["state"] == {"heard": ["one"]}
    assert aetheris("agents", "show", "nobody", desk=desk).code == 3


def test_a_message_carries_an_id_and_prints_its_job() -> None:
    desk = Desk({"POST /api/agents/desk/message": ok({"job_id": JOB, "agent_id": ID}, 202)})
    ended = aetheris("agents", "message", "desk", '{"n": 1}', "--not-before", "10m", desk=desk)
    assert (ended.code, ended.out) == (0, f"{JOB}\n")
    (body,) = desk.bodies()
    assert (body["message"], body["not_before"], len(body["id"])) == ({"n": 1}, "10m", 36)
    aetheris("agents", "message", "desk", "null", "--id", "mine", desk=desk)
    assert desk.bodies()[1] == {"message": None, "id": "mine"}


def test_a_message_whose_answer_was_lost_names_the_id_to_send_it_again_with() -> None:
    def lost(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("gone", request=request)

    ended = aetheris(
        "agents", "message", "desk", "1", "--id", "mine", desk=Desk({"POST /api/agents/desk/message": lost})
    )
    assert ended.code == 1
    assert "--id mine" in ended.err


@pytest.mark.parametrize("verb", ["pause", "resume"])
def test_an_instance_is_paused_and_resumed(verb: str) -> None:
    desk = Desk({f"POST /api/agents/desk/{verb}": ok(instance())})
    ended = aetheris("agents", verb, "desk", desk=desk)
    assert (ended.code, "desk" in ended.out) == (0, True)


def test_an_instance_is_deleted() -> None:
    desk = Desk({"DELETE /api/agents/desk": ok(instance(status="deleted"))})
    assert aetheris("agents", "delete", "desk", "--json", desk=desk).json["status"] == "deleted"


def test_a_conversation_through_a_pipe_sends_each_line_and_prints_each_answer(typed: Any) -> None:
    desk = conversation(
        TEXT, {"output": {"text": "good\x1b morning", "x": 1}}, {"output": "bye"}, {"output": {"n": 1}}
    )
    typed("hello", "", "  ", "and now?", "again")
    ended = aetheris("chat", "desk", desk=desk)
    assert ended.code == 0
    assert ended.out == 'good\\x1b morning\nbye\n{\n  "n": 1\n}\n'
    assert messages(desk) == [{"words": "hello"}, {"words": "and now?"}, {"words": "again"}]


def test_a_message_that_fails_is_said_and_the_conversation_goes_on(typed: Any) -> None:
    failed = {"status": "failed", "error": {"code": "raised", "message": "no such order"}}
    desk = conversation(TEXT, failed, {"output": "well"})
    typed("one", "two")
    ended = aetheris("chat", ID, desk=desk)
    assert (ended.code, ended.out) == (1, "well\n")
    assert "no such order" in ended.err
    assert "1 of 2 messages" in ended.err


def test_a_conversation_in_json_is_one_document(typed: Any) -> None:
    typed("one")
    ended = aetheris("chat", "desk", "--json", desk=conversation(TEXT, {"output": "yes"}))
    assert ended.json["agent"] == ID
    assert [turn["output"] for turn in ended.json["turns"]] == ["yes"]
    assert ended.json["turns"][0] | {"message": "one", "status": "completed"} == ended.json["turns"][0]


@pytest.mark.parametrize(
    ("schema", "args", "sent"),
    [
        ({"properties": {"goal": {"type": "string"}}}, (), "hi"),
        ({"properties": {"goal": {"type": "object", "properties": {"a": {"type": "string"}, "text": {"type": "string"}}}}},
         (), {"text": "hi"}),
        ({"properties": {"goal": {"type": "object"}}}, (), {"text": "hi"}),
        (TEXT, ("--field", "other"), {"other": "hi"}),
    ],
)  # fmt: skip
def test_a_line_becomes_the_member_that_the_goal_has_for_words(
    schema: Any, args: Any, sent: Any, typed: Any
) -> None:
    desk = conversation(schema, {"output": "ok"})
    typed("hi")
    assert aetheris("chat", "desk", *args, desk=desk).code == 0
    assert messages(desk) == [sent]


def test_a_line_of_json_is_sent_as_it_is_where_no_member_is_for_words(typed: Any) -> None:
    desk = conversation({"properties": {"goal": {"type": "object"}}}, {"output": "ok"})
    typed('{"n": 1}')
    aetheris("chat", "desk", desk=desk)
    assert messages(desk) == [{"n": 1}]


def test_a_new_instance_is_made_of_an_agent_that_has_none_by_that_name(typed: Any) -> None:
    desk = conversation(TEXT, {"output": "ok"}, **{"POST /api/agents": ok(instance(), 201)})
    typed("hi")
    ended = aetheris("chat", "support", desk=desk)
    assert f"aetheris chat {ID}" in ended.err
    assert desk.bodies()[0] == {"agent": "support", "name": None}
    again = conversation(TEXT, {"output": "ok"})
    typed("hi")
    assert aetheris("chat", "support", "--name", "desk", desk=again).code == 0  # there is one of that name
    assert len(again.bodies()) == 1


def test_an_agent_that_nobody_has_is_refused(typed: Any) -> None:
    typed("hi")
    refusal = problem(422, "unknown_agent", "there is no agent 'nobody'")
    assert aetheris("chat", "nobody", desk=Desk({"POST /api/agents": refusal})).code == 4
