"""What `@tool.compensate` keeps and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from ledger import Absent, Retry, Tool, ToolCall, tool


def test_a_compensation_has_options_and_a_probe_of_its_own() -> None:
    @tool(timeout=7, retry=Retry(max_attempts=5), requires=["gpu"], key=lambda **_: "k", rate="1/s")
    def tt_undone() -> None: ...

    @tt_undone.compensate(effect="idempotent", timeout="2s")
    async def undo(call: ToolCall, result: object) -> object:
        return result

    @undo.probe(final=True)
    def probe(call: ToolCall) -> Absent:
        return Absent()

    assert tt_undone.compensation is undo
    assert (undo.effect, undo.timeout, undo.retry.max_attempts, undo.probe_fn) == ("idempotent", 2, 5, probe)
    with pytest.raises(ValueError, match="has a probe already"):
        undo.probe(lambda call: Absent())
    with pytest.raises(ValueError, match="decorates a function"):
        undo.probe(3)  # type: ignore[call-overload]
    made = undo.of({"n": 1})
    assert (made.name, made.effect, made.timeout, made.requires) == ("tt_undone", "idempotent", 2, ("gpu",))
    assert (made.probe_fn, made.probe_final, made.rate, made.key) == (probe, True, None, None)
    assert (made.is_async, made.wants_call, made.compensation) == (True, True, None)


def test_the_result_that_a_compensation_is_told_is_a_copy() -> None:
    @tool
    def tt_copied() -> None: ...

    @tt_copied.compensate
    def spoil(call: ToolCall, result: list[int]) -> None:
        result.append(2)

    kept = [1]
    spoil.of(kept).fn(call=ToolCall(idempotency_key="k"))
    assert kept == [1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"effect": "pure"}, "effect is 'pure'"),
        ({"effect": "transactional"}, "effect is 'transactional'"),
        ({"timeout": 0}, "timeout of the compensation of tool 'tt_odd' is 0"),
        ({"retry": 3}, "retry is 3"),
    ],
)
def test_wrong_options_of_a_compensation_are_refused(options: dict[str, Any], said: str) -> None:
    made = Tool(name="tt_odd", fn=lambda: None)
    with pytest.raises(ValueError, match=said):
        made.compensate(**options)(lambda call, result: None)
    assert made.compensation is None


@pytest.mark.parametrize("fn", [lambda call: None, lambda: None, 7])
def test_a_compensation_takes_the_call_and_the_result(fn: Any) -> None:
    made = Tool(name="tt_odd", fn=lambda: None)
    with pytest.raises(ValueError, match="compensation of tool 'tt_odd'"):
        made.compensate(fn)
    made.compensate(lambda call, result: None)
    with pytest.raises(ValueError, match="has a compensation already"):
        made.compensate(lambda call, result: None)
