"""The HTTP provider against a real server on this machine."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ledger.llm import BadOutput, LLMReply, LLMRequest, ModelRefused, ModelUnavailable, OpenAIHTTP
from ledger.llm.openai_http import retry_after
from ledger.llm.openai_wire import wire_name
from ledger.outcomes import ToolCall

KEY = "toy-secret-key"
REQUEST = LLMRequest("gpt-toy", [{"role": "user", "content": "hello"}], params={"temperature": 0})


@dataclass
class Server:
    """Answers every POST with `status`, `headers` and `answer`, and notes what it saw."""

    address: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    answer: Any = None
    raw: bytes | None = None
    seen: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.seen.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            raw = server.raw if server.raw is not None else json.dumps(server.answer).encode()
            self.send_response(server.status)
            for name, value in {**server.headers, "Content-Length": str(len(raw))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep the test's output clean."""

    return Handler


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("TOY_KEY", KEY)
    state = Server(answer=completion("hi"))
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(state)) as http:
        state.address = f"http://127.0.0.1:{http.server_address[1]}/v1"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        http.shutdown()
        thread.join()


def completion(content: Any, **message: Any) -> dict[str, Any]:
    choice = {"message": {"role": "assistant", "content": content, **message}, "finish_reason": "stop"}
    return {
        "model": "gpt-toy-2026",
        "choices": [choice],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7},
    }


def ask(
    server: Server, request: LLMRequest = REQUEST, call: ToolCall | None = None, **options: Any
) -> LLMReply:
    provider = OpenAIHTTP(**({"base_url": server.address, "api_key_env": "TOY_KEY"} | options))
    return asyncio.run(provider.complete(request, call or ToolCall(idempotency_key="key-1")))


def test_a_question_goes_out_with_key_and_idempotency_key_and_comes_back_as_a_reply(server: Server) -> None:
    reply = ask(server)
    path, headers, body = server.seen[0]
    assert path == "/v1/chat/completions"
    assert (headers["authorization"], headers["idempotency-key"]) == (f"Bearer {KEY}", "key-1")
    assert body == {"temperature": 0, "model": "gpt-toy", "messages": [{"role": "user", "content": "hello"}]}
    assert (reply.text, reply.model, reply.provider, reply.finish_reason) == (
        "hi",
        "gpt-toy-2026",
        "openai",
        "stop",
    )
    assert reply.usage == {"input_tokens": 5, "output_tokens": 7}
    assert reply.raw_digest == hashlib.sha256(json.dumps(server.answer).encode()).hexdigest()
    assert KEY not in json.dumps(reply.to_json())


def test_another_name_and_a_key_from_a_function_or_none_can_be_set(server: Server) -> None:
    ask(server, model="real-name", api_key=lambda: " other\n", api_key_env=None)
    ask(server, api_key_env=None)
    assert server.seen[0][2]["model"] == "real-name"
    assert server.seen[0][1]["authorization"] == "Bearer other"
    assert "authorization" not in server.seen[1][1]


def test_tools_are_offered_under_names_the_form_allows_and_wishes_come_back_under_ours(
    server: Server,
) -> None:
    tool = {"name": "pay.refund", "description": "Refund.", "parameters": {"type": "object"}}
    function = {"name": wire_name("pay.refund"), "arguments": '{"cents": 3}'}
    server.answer = completion(None, tool_calls=[{"id": "c1", "type": "function", "function": function}])
    wish = {"id": "c0", "name": "pay.refund", "arguments": {"cents": 1}}
    talk: list[dict[str, Any]] = [
        {"role": "assistant", "content": "", "tool_calls": [wish]},
        {"role": "tool", "tool_call_id": "c0", "content": {"ok": True}},
    ]
    reply = ask(server, LLMRequest("gpt-toy", talk, tools=[tool]))
    body = server.seen[0][2]
    assert body["tools"] == [{"type": "function", "function": tool | {"name": wire_name("pay.refund")}}]
    sent = {"name": wire_name("pay.refund"), "arguments": '{"cents":1}'}
    assert body["messages"][0]["tool_calls"] == [{"id": "c0", "type": "function", "function": sent}]
    assert body["messages"][1]["content"] == '{"ok":true}'
    assert reply.tool_calls == ({"id": "c1", "name": "pay.refund", "arguments": {"cents": 3}},)


def test_wire_names_are_allowed_short_and_distinct() -> None:
    names = ["plain_name-1", "a.b", "a_b", "x" * 120, "x" * 119 + "y"]
    written = [wire_name(each) for each in names]
    assert written[0] == names[0]
    assert len(set(written)) == len(names)
    assert all(len(each) <= 64 and "." not in each for each in written)


def test_an_output_schema_is_sent_and_the_answer_is_held_against_it(server: Server) -> None:
    schema = {"type": "object", "required": ["cents"]}
    request = LLMRequest("gpt-toy", [], output=schema)
    server.answer = completion([{"type": "text", "text": '{"cents": 3}'}])
    assert ask(server, request).output == {"cents": 3}
    shape = {"type": "json_schema", "json_schema": {"name": "output", "schema": schema}}
    assert server.seen[0][2]["response_format"] == shape
    server.answer = completion("{}")
    with pytest.raises(BadOutput, match="'cents' is a required property"):
        ask(server, request)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
def test_a_request_that_is_wrong_is_refused_for_good(server: Server, status: int) -> None:
    server.status, server.raw = status, f"bad key {KEY}".encode()
    with pytest.raises(ModelRefused, match=f"'gpt-toy'.*answered {status}: bad key \\*\\*\\*") as caught:
        ask(server)
    assert caught.value.permanent
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_a_server_that_cannot_now_may_be_asked_again_when_it_says(server: Server, status: int) -> None:
    server.status, server.headers = status, {"Retry-After": "7"}
    with pytest.raises(ModelUnavailable, match=f"answered {status}") as caught:
        ask(server)
    assert caught.value.retry_after == 7
    assert not caught.value.permanent


@pytest.mark.parametrize(
    "raw", [b"<html>", b"[]", b"{}", b'{"choices": []}', b'{"choices": [{"message": null}]}', b"\xff"]
)
def test_an_answer_that_is_no_completion_may_be_asked_again(server: Server, raw: bytes) -> None:
    server.raw = raw
    with pytest.raises(ModelUnavailable, match="no chat completion"):
        ask(server)


@pytest.mark.parametrize("arguments", ["{", "[1]", None, 3])
def test_a_wish_that_cannot_be_read_is_bad_output(server: Server, arguments: Any) -> None:
    call = {"id": "c", "function": {"name": "pay", "arguments": arguments}}
    server.answer = completion(None, tool_calls=[call])
    if arguments is None:
        assert ask(server).tool_calls[0]["arguments"] == {}
        return
    with pytest.raises(BadOutput, match="'gpt-toy' wished"):
        ask(server)


def test_a_refusal_of_the_model_is_told_as_its_text(server: Server) -> None:
    server.answer = completion(None, refusal="I will not")
    reply = ask(server)
    assert (reply.text, reply.finish_reason) == ("I will not", "refusal")


def test_nobody_at_the_address_is_unavailable(server: Server) -> None:
    with pytest.raises(ModelUnavailable, match=r"'gpt-toy': no answer from .*ConnectError"):
        ask(server, base_url="http://127.0.0.1:9/v1")


def test_a_missing_or_impossible_key_is_named_and_nothing_is_sent(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOY_KEY", "")
    with pytest.raises(ModelRefused, match="environment variable TOY_KEY is empty"):
        ask(server)
    monkeypatch.setenv("TOY_KEY", "sec\nret")
    with pytest.raises(ModelRefused, match="no HTTP header can carry") as caught:
        ask(server)
    assert "ret" not in str(caught.value).replace("carry", "")
    assert server.seen == []


def test_a_deadline_that_has_passed_sends_nothing(server: Server) -> None:
    late = ToolCall(idempotency_key="k", deadline=datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))
    with pytest.raises(ModelUnavailable, match="deadline 2020-01-01"):
        ask(server, call=late)
    assert server.seen == []


def test_params_may_not_overwrite_what_the_runtime_sets(server: Server) -> None:
    with pytest.raises(ModelRefused, match="params may not set messages, stream"):
        ask(server, LLMRequest("gpt-toy", [], params={"stream": True, "messages": []}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("12", 12),
        ("999999999", 86_400),
        ("soon", None),
        ("-3", None),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, expected: float | None) -> None:
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    assert retry_after(text, now) == expected
