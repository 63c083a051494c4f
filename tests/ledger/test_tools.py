"""What the `@tool` decorator keeps, refuses and registers."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ledger import (
    Absent,
    BadArguments,
    BadSignature,
    DuplicateTool,
    Landed,
    Retry,
    Tool,
    ToolCall,
    UnknownTool,
    all_tools,
    get_tool,
    tool,
)
from ledger.rate import Rate


def test_a_bare_tool_is_at_most_once_and_named_after_its_function() -> None:
    @tool
    def tt_bare(order_id: str) -> str:
        """Refund an order.

        At length.
        """
        return f"refunded {order_id}"

    assert (tt_bare.name, tt_bare.effect, tt_bare.timeout) == ("tt_bare", "at_most_once", 60)
    assert (tt_bare.retry, tt_bare.requires, tt_bare.version) == (Retry(), (), "1")
    assert tt_bare.description == "Refund an order."
    assert not tt_bare.is_async
    assert not tt_bare.wants_call
    assert tt_bare("A-1") == "refunded A-1"
    assert get_tool("tt_bare") is tt_bare
    assert all_tools()["tt_bare"] is tt_bare


def test_options_are_kept() -> None:
    @tool(
        effect="idempotent",
        name="tt.pay-now",
        timeout="1.5m",
        retry=Retry(max_attempts=5),
        requires=["gpu", "browser"],
        key=lambda order_id, **_: f"refund:{order_id}",
        version="2",
        description="Pays.",
    )
    async def pay(order_id: str, call: ToolCall) -> None: ...

    assert (pay.name, pay.timeout, pay.requires, pay.version) == ("tt.pay-now", 90, ("browser", "gpu"), "2")
    assert pay.is_async
    assert pay.wants_call
    assert pay.retry.max_attempts == 5
    assert pay.business_key({"order_id": "A-1"}) == "refund:A-1"
    assert pay.schema["properties"] == {"order_id": {"type": "string"}}
    assert len(pay.schema_digest) == 64
    assert pay.for_model() == {"name": "tt.pay-now", "description": "Pays.", "parameters": pay.schema}


def test_probe_confirm_and_compensate_are_kept_with_their_tool() -> None:
    @tool
    def tt_probed() -> None: ...

    @tt_probed.probe(final=True)
    def probe(call: ToolCall) -> Absent:
        return Absent()

    @tt_probed.confirm
    def confirm(call: ToolCall, result: object) -> bool:
        return True

    @tt_probed.compensate
    def compensate(call: ToolCall, result: object) -> None: ...

    assert (tt_probed.probe_fn, tt_probed.probe_final) == (probe, True)
    assert (tt_probed.confirm_fn, tt_probed.compensation) == (confirm, compensate)


def test_a_bare_probe_is_not_final_and_a_second_one_is_refused() -> None:
    @tool
    def tt_probed_once() -> None: ...

    @tt_probed_once.probe
    def _(call: ToolCall) -> Landed:
        return Landed(1)

    assert not tt_probed_once.probe_final
    with pytest.raises(ValueError, match="tt_probed_once' has a probe already"):
        tt_probed_once.probe(lambda call: Landed(2))


def test_a_pure_tool_takes_no_compensation() -> None:
    @tool(effect="pure")
    def tt_pure() -> None: ...

    with pytest.raises(ValueError, match="tt_pure' is pure"):
        tt_pure.compensate(lambda call, result: None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"effect": "sometimes"}, "effect is 'sometimes'"),
        ({"name": "with space"}, "with space"),
        ({"name": ""}, "tool name"),
        ({"name": "x" * 121}, "tool name"),
        ({"timeout": 0}, "timeout of tool 'tt_wrong' is 0"),
        ({"timeout": float("inf")}, "timeout of tool 'tt_wrong'"),
        ({"timeout": None}, "timeout of tool 'tt_wrong'"),
        ({"retry": 3}, "retry is 3"),
        ({"requires": "gpu"}, "requires is 'gpu'"),
        ({"requires": ["a b"]}, "'a b'"),
        ({"key": "order_id"}, "key is 'order_id'"),
        ({"version": 1}, "version is 1"),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(options: dict[str, Any], said: str) -> None:
    def tt_wrong() -> None: ...

    with pytest.raises(ValueError, match=said):
        tool(**options)(tt_wrong)
    assert "tt_wrong" not in all_tools()


@pytest.mark.parametrize(
    ("text", "calls", "seconds"), [("10/s", 10, 1), ("100/m", 100, 60), ("5/30s", 5, 30), ("1/2h", 1, 7200)]
)
def test_a_rate_is_calls_per_period(text: str, calls: int, seconds: float) -> None:
    rate = Rate.parse(text, "tool 'x'")
    assert (rate.calls, rate.seconds) == (calls, seconds)


@pytest.mark.parametrize(
    "text", ["10", "0/s", "ten/s", "10/", "10/0s", "10/y", "-1/s", "1.5/s", "", 10, "１/s"]
)
def test_another_word_for_a_rate_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="tool 'x': rate is"):
        Rate.parse(text, "tool 'x'")


def test_a_transactional_tool_is_no_coroutine() -> None:
    async def tt_async() -> None: ...

    with pytest.raises(ValueError, match=r"'tt_async'.*write `def`"):
        tool(effect="transactional")(tt_async)


def test_a_transactional_tool_writes_to_the_stores_own_database_only() -> None:
    def tt_elsewhere() -> None: ...

    with pytest.raises(ValueError, match=r"'tt_elsewhere'.*using='reports'"):
        tool(effect="transactional", using="reports")(tt_elsewhere)
    assert tool(effect="transactional", using="default")(tt_elsewhere).effect == "transactional"


def test_using_belongs_to_transactional_tools() -> None:
    def tt_using() -> None: ...

    with pytest.raises(ValueError, match="'tt_using': using= belongs to effect='transactional'"):
        tool(using="default")(tt_using)


def test_a_transactional_tool_cannot_be_probed_but_confirmed_and_compensated() -> None:
    @tool(effect="transactional")
    def tt_booked() -> None: ...

    with pytest.raises(ValueError, match=r"'tt_booked' is transactional.*nothing to probe"):
        tt_booked.probe(lambda call: Landed())
    tt_booked.confirm(lambda call, result: True)
    tt_booked.compensate(lambda call, result: None)
    assert tt_booked.probe_fn is None


def test_parameters_that_no_name_reaches_are_refused_at_once() -> None:
    def star(*order_ids: str) -> None: ...
    def slash(order_id: str, /) -> None: ...

    with pytest.raises(BadSignature, match=r"tool 'star': \*order_ids"):
        tool(star)
    with pytest.raises(BadSignature, match="tool 'slash': 'order_id' is positional-only"):
        tool(slash)


def _module(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.py").write_text(textwrap.dedent(text))


@pytest.fixture
def run_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def run(name: str, text: str) -> None:
        _module(tmp_path, name, text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        __import__(name)

    return run


def test_a_name_used_by_two_functions_is_an_import_error_naming_both(run_module: Callable[..., None]) -> None:
    run_module("tt_first", "from ledger import tool\n@tool(name='tt.twice')\ndef a(): ...\n")
    with pytest.raises(ImportError, match=r"'tt.twice'.*tt_first\.a.*tt_second\.b") as caught:
        run_module("tt_second", "from ledger import tool\n@tool(name='tt.twice')\ndef b(): ...\n")
    assert isinstance(caught.value, DuplicateTool)
    assert get_tool("tt.twice").fn.__module__ == "tt_first"


def test_a_name_written_twice_in_one_module_is_an_import_error(run_module: Callable[..., None]) -> None:
    with pytest.raises(DuplicateTool, match=r"tt_copied\.py:3.*tt_copied\.py:5"):
        run_module(
            "tt_copied", "from ledger import tool\n\n@tool\ndef tt_same(): ...\n@tool\ndef tt_same(): ...\n"
        )


def test_a_module_imported_again_replaces_its_own_tools(run_module: Callable[..., None]) -> None:
    run_module("tt_again", "from ledger import tool\n@tool\ndef tt_reloaded(): return 1\n")
    first = get_tool("tt_reloaded")
    run_module("tt_again", "from ledger import tool\n\n\n@tool\ndef tt_reloaded(): return 222\n")
    assert get_tool("tt_reloaded") is not first
    assert get_tool("tt_reloaded")() == 222


def test_an_unknown_tool_is_named_with_its_neighbours() -> None:
    @tool
    def tt_issue_refund() -> None: ...

    with pytest.raises(UnknownTool, match=r"'tt_isue_refund'.*did you mean tt_issue_refund"):
        get_tool("tt_isue_refund")


@pytest.mark.parametrize("key", ["", 7, "a\x00b", "x" * 513])
def test_a_business_key_that_cannot_be_kept_is_refused(key: object) -> None:
    made = Tool(name="tt_key", fn=lambda: None, key=lambda: key)
    with pytest.raises(BadArguments, match="tt_key.*key= gave"):
        made.business_key({})


def test_a_business_key_that_raises_is_a_bad_argument_of_the_tool() -> None:
    made = Tool(name="tt_key", fn=lambda: None, key=lambda: [][0])
    with pytest.raises(BadArguments, match="tt_key.*IndexError"):
        made.business_key({})


def test_citations_are_collected_and_must_be_text() -> None:
    call = ToolCall(idempotency_key="k", tool="read")
    call.cite("doc-1", digest="ab", source="crm")
    assert call.citations == [{"doc_id": "doc-1", "digest": "ab", "source": "crm"}]
    with pytest.raises(ValueError, match="tool 'read': doc_id is empty"):
        call.cite("")
    with pytest.raises(ValueError, match="source is 3"):
        call.cite("doc-1", source=3)  # type: ignore[arg-type]


def test_a_call_knows_when_it_was_given_up() -> None:
    call = ToolCall(idempotency_key="k")
    assert not call.cancelled()
    call.cancel()
    assert call.cancelled()
