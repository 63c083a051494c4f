"""Models: who answers for which name, scripts, and the tool through which the engine asks."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.hand import Touch, touch
from ledger.llm import (
    LLM_TOOL,
    BadOutput,
    LLMReply,
    LLMRequest,
    ModelRefused,
    ModelUnavailable,
    Scripted,
    UnknownModel,
    configure,
    provider_for,
    register_model,
)
from ledger.outcomes import ToolCall
from ledger.schema import validate_args
from ledger.tools import get_tool

HELLO = LLMRequest("scripted/toy", [{"role": "user", "content": "hello"}])


def ask(provider: Scripted, request: LLMRequest = HELLO, key: str = "k") -> LLMReply:
    return asyncio.run(provider.complete(request, ToolCall(idempotency_key=key)))


def ask_engine(args: dict[str, Any], key: str = "k") -> Touch:
    checked = validate_args(LLM_TOOL, args)
    return touch(LLM_TOOL, checked, ToolCall(idempotency_key=key), timeout=30, lease_ok=lambda: True)


@pytest.fixture(autouse=True)
def _no_models_left_behind() -> Iterator[None]:
    yield
    configure({})


def test_a_list_answers_in_order_and_repeats_itself_for_the_same_key() -> None:
    script = Scripted(["one", {"text": "two", "usage": {"input_tokens": 3, "output_tokens": 4}}])
    assert script.mode == "order"
    assert [ask(script, key=key).text for key in ("a", "a", "b", "a")] == ["one", "one", "two", "one"]
    assert script.calls == 4
    with pytest.raises(ModelRefused, match=r"holds 2 answers in order and this is question 3.*hello"):
        ask(script, key="c")


def test_a_mapping_answers_by_digest_and_says_the_digest_it_lacks() -> None:
    script = Scripted({HELLO.digest(): "hi"})
    assert (script.mode, ask(script).text) == ("digest", "hi")
    other = LLMRequest("scripted/toy", [{"role": "user", "content": "bye"}])
    with pytest.raises(ModelRefused, match=f"(?s)'scripted/toy'.*{other.digest()}.*bye") as caught:
        ask(script, other)
    assert caught.value.permanent


def test_a_function_answers_from_the_request_also_an_async_one() -> None:
    async def later(request: LLMRequest) -> str:
        return f"async {request.messages[0]['content']}"

    assert ask(Scripted(lambda request: request.messages[0]["content"].upper())).text == "HELLO"
    assert ask(Scripted(later)).text == "async hello"


def test_wished_tool_calls_are_passed_on_and_name_the_reason() -> None:
    wish = {"id": "1", "name": "pay", "arguments": {"cents": 1}}
    reply = ask(Scripted([{"tool_calls": [wish]}]))
    assert (reply.tool_calls, reply.finish_reason, reply.text) == ((wish,), "tool_calls", "")
    assert json.loads(json.dumps(reply.to_json()))["tool_calls"] == [wish]


def test_the_first_calls_fail_as_often_as_told_and_use_up_no_answer() -> None:
    script = Scripted(["one", "two"], fail_times=2)
    for number in (1, 2):
        with pytest.raises(ModelUnavailable, match=f"scripted failure {number} of 2"):
            ask(script, key="a")
    assert [ask(script, key=key).text for key in ("a", "b")] == ["one", "two"]


@pytest.mark.parametrize(
    ("name", "text", "mode"),
    [
        ("s.json", '["hi"]', "order"),
        ("s.jsonl", '"hi"\n\n{"text": "two"}\n', "order"),
        ("s.json", json.dumps({HELLO.digest(): "hi"}), "digest"),
        ("s.jsonl", json.dumps({"digest": HELLO.digest(), "reply": {"text": "hi"}}), "digest"),
    ],
)
def test_a_script_file_is_a_list_or_a_table(tmp_path: Path, name: str, text: str, mode: str) -> None:
    (tmp_path / name).write_text(text)
    script = Scripted(tmp_path / name)
    assert (script.mode, ask(script).text) == (mode, "hi")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("s.json", "{", "s.json is no JSON"),
        ("s.json", "3", "neither a list"),
        ("s.jsonl", '"a"\n{', "line 2 is no JSON"),
        ("s.jsonl", '{"digest": "d", "reply": "r"}\n"a"', "answer 2 has no digest"),
    ],
)
def test_a_broken_script_file_is_refused_by_name(tmp_path: Path, name: str, text: str, said: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=said):
        Scripted(tmp_path / name)


CHILD = """
import asyncio, sys
from ledger.llm import LLMRequest, Scripted
from ledger.outcomes import ToolCall
script = Scripted(["one", "two", "three"], calls_file=sys.argv[1])
for key in sys.argv[2:]:
    print(asyncio.run(script.complete(LLMRequest("m", []), ToolCall(idempotency_key=key))).text)
"""


def test_a_calls_file_counts_and_orders_over_processes(tmp_path: Path) -> None:
    calls = tmp_path / "calls.jsonl"

    def child(*keys: str) -> list[str]:
        command = [sys.executable, "-c", CHILD, str(calls), *keys]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.split()

    assert child("a", "b") == ["one", "two"]
    assert child("b", "c") == ["two", "three"]  # the same key after a take-over: the same answer
    assert [json.loads(line)["key"] for line in calls.read_text().splitlines()] == ["a", "b", "b", "c"]


SCHEMA = {"type": "object", "properties": {"cents": {"type": "integer"}}, "required": ["cents"]}


def test_output_is_read_from_the_text_and_checked() -> None:
    request = LLMRequest("m", [], output=SCHEMA)
    assert ask(Scripted(['{"cents": 3}']), request).output == {"cents": 3}
    assert ask(Scripted([{"output": {"cents": 4}}]), request).output == {"cents": 4}
    assert (
        ask(Scripted([{"tool_calls": [{"id": "1", "name": "t", "arguments": {}}]}]), request).output is None
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"cents": "3"}', r"\$\.cents: '3' is not of type 'integer'"),
        ("soon", "answered 'soon'"),
        ('{"cents": NaN}', "NaN"),
    ],
)
def test_output_that_breaks_the_schema_is_bad_and_may_be_asked_again(text: str, said: str) -> None:
    with pytest.raises(BadOutput, match=said) as caught:
        ask(Scripted([text]), LLMRequest("m", [], output=SCHEMA))
    assert not caught.value.permanent


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a library that would fetch it
def test_a_schema_that_is_invalid_or_points_outside_is_refused_for_good(tmp_path: Path) -> None:
    outside = tmp_path / "schema.json"
    outside.write_text("{}")  # could be read, and must not be
    for schema in ({"type": "nonsense"}, {"$ref": outside.as_uri()}):
        with pytest.raises(ModelRefused, match="output schema given for model 'm'"):
            ask(Scripted(["{}"]), LLMRequest("m", [], output=schema))


def test_the_exact_name_wins_then_the_longest_pattern_then_nobody() -> None:
    exact, long, short = Scripted(["e"]), Scripted(["l"]), Scripted(["s"])
    register_model("tl/a", exact)
    register_model("tl/a*", long)
    register_model("tl/*", short)
    assert provider_for("tl/a") is exact
    assert provider_for("tl/ab") is long
    assert provider_for("tl/b") is short
    with pytest.raises(UnknownModel, match=r"'gpt-x'.*configured: .*tl/\*.*register_model"):
        provider_for("gpt-x")


def test_settings_make_providers_and_replace_each_other_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text('["from file"]')
    openai = {"provider": "openai", "base_url": "https://models.test/v1", "api_key_env": "TOY_KEY"}
    script = {"provider": "scripted", "file": str(tmp_path / "s.json"), "fail_times": 0}
    configure({"models": {"toy-*": openai, "settings/s": script}})
    assert type(provider_for("toy-4")).__name__ == "OpenAIHTTP"
    provider = provider_for("settings/s")
    assert isinstance(provider, Scripted)
    assert ask(provider).text == "from file"
    configure({"models": {"settings/f": {"provider": "scripted", "function": "json:dumps"}}})
    with pytest.raises(UnknownModel):
        provider_for("settings/s")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"model": {}}, "unknown key 'model'"),
        ({"models": {"m": {"provider": "oracle"}}}, "model 'm'.*openai, scripted"),
        ({"models": {"m": {"provider": "scripted"}}}, "model 'm'.*exactly one of"),
        ({"models": {"m": {"provider": "scripted", "replies": [], "speed": 1}}}, "model 'm'.*speed"),
        ({"models": {"m": {"provider": "scripted", "file": "nowhere.json"}}}, "model 'm'.*nowhere.json"),
        ({"models": {"m": {"provider": "scripted", "function": "json"}}}, "model 'm'.*module:name"),
        ({"models": {"m": {"provider": "openai", "base_url": "ftp://x"}}}, "model 'm'.*base_url"),
        ({"models": {"m": {"provider": "openai", "base_url": "https://u:p@x/v1"}}}, "model 'm'.*base_url"),
        ({"models": {"*m": {"provider": "scripted", "replies": []}}}, r"'\*m'"),
    ],
)
def test_settings_that_are_wrong_are_refused_and_change_nothing(settings: dict[str, Any], said: str) -> None:
    configure({"models": {"kept": {"provider": "scripted", "replies": ["x"]}}})
    with pytest.raises(ValueError, match=said):
        configure(settings)
    assert provider_for("kept")


def test_the_engine_asks_through_a_registered_idempotent_tool() -> None:
    assert get_tool("aetheris.llm") is LLM_TOOL
    assert LLM_TOOL.effect == "idempotent"
    register_model("scripted/engine", Scripted(lambda request: f"{len(request.messages)} {request.params}"))
    found = ask_engine({"model": "scripted/engine", "messages": "hi", "params": {"temperature": 0}})
    assert found.kind == "returned"
    assert isinstance(found.value, dict)
    assert found.value["text"] == "1 {'temperature': 0}"
    assert set(found.value) >= {"text", "output", "tool_calls", "usage", "model"}


def test_a_plain_provider_is_asked_too_and_its_refusal_is_permanent() -> None:
    class Plain:
        def complete(self, request: LLMRequest, call: ToolCall) -> LLMReply:
            if request.messages[0]["content"] == "no":
                raise ModelRefused("no")
            return LLMReply(text=call.idempotency_key)

    register_model("plain/x", Plain())
    found = ask_engine({"model": "plain/x", "messages": "yes"}, key="key-1")
    assert isinstance(found.value, dict)
    assert found.value["text"] == "key-1"
    refused = ask_engine({"model": "plain/x", "messages": "no"})
    assert refused.kind == "raised"
    assert refused.error is not None
    assert refused.error["permanent"] is True


def test_a_model_that_nobody_answers_for_fails_for_good() -> None:
    found = ask_engine({"model": "nobody", "messages": []})
    assert found.kind == "raised"
    assert found.error is not None
    assert found.error["class"] == "ledger.llm.values.UnknownModel"
    assert found.error["permanent"] is True
