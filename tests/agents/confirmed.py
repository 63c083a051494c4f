"""Toy tools whose effects can be confirmed: the script of `confirm WORD` says what the world shows."""

from __future__ import annotations

from typing import Any

from ledger import Tool, ToolCall, tool
from tests.agents import world


def _made(name: str, **options: Any) -> Tool:
    def act(word: str) -> Any:
        return world.answer(word, {"word": word, "n": world.did(word)})

    made = tool(name=name)(act)

    def stands(call: ToolCall, result: Any) -> Any:
        word = call.args["word"]
        world.did(f"confirm {word} of {result['n']}")
        world.did(f"confirm {word}")
        return world.answer(f"confirm {word}", True)

    made.confirm(**options)(stands) if options else made.confirm(stands)
    return made


strict = _made("confirm_strict")
parking = _made("confirm_park", on_mismatch="park")
warning = _made("confirm_warn", on_mismatch="warn")
BY_MODE = {"strict": strict, "park": parking, "warn": warning}
