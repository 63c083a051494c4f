"""A provider without a model: it answers from a script, counts its calls, and fails when told to."""

from __future__ import annotations

import inspect
import json
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from ledger.canonical import canonical
from ledger.llm.output import finished
from ledger.llm.values import LLMReply, LLMRequest, ModelRefused, ModelUnavailable
from ledger.outcomes import ToolCall

Answer = str | Mapping[str, Any] | LLMReply
Mode = Literal["function", "order", "digest"]
_FIELDS = {each.name for each in fields(LLMReply)}


@dataclass(frozen=True)
class _Place:
    """Where a call stands: among all calls, and its turn among distinct idempotency keys."""

    number: int
    turn: int


class Scripted:
    """Answers from a function, from a list in order, or from a table by digest of the request.

    In order, a question that comes again with the same idempotency key gets the same answer again,
    as an honest provider would give it. With `calls_file` the count and the order are shared by all
    processes that name the file: each call appends one line to it.
    """

    name = "scripted"

    def __init__(
        self,
        script: Callable[[LLMRequest], Any] | Sequence[Answer] | Mapping[str, Answer] | str | Path,
        *,
        calls_file: str | Path | None = None,
        fail_times: int = 0,
    ) -> None:
        """Read the script.

        Args:
            script: a function (may be async) of the request; a list; a mapping from digest; or the
                path of a JSON or JSONL file with a list, a mapping, or lines `{digest, reply}`.
            calls_file: where every call appends the line `{key, model, digest}`.
            fail_times: so many first calls raise `ModelUnavailable`.

        Raises:
            ValueError: the script has none of these forms.
        """
        source = load_script(script) if isinstance(script, (str, Path)) else script
        self.mode: Mode = _mode(source)
        self._source: Any = source
        self._file = Path(calls_file) if calls_file is not None else None
        self._fail_times = fail_times
        self._keys: list[str] = []
        self._lock = threading.Lock()
        self.calls = 0

    async def complete(self, request: LLMRequest, call: ToolCall) -> LLMReply:
        """Answer from the script.

        Raises:
            ModelUnavailable: one of the first `fail_times` calls.
            ModelRefused: the script has no answer; the message holds digest and messages.
        """
        place = self._note(request, call)
        if place.number < self._fail_times:
            raise ModelUnavailable(
                f"model {request.model!r}: scripted failure {place.number + 1} of {self._fail_times}"
            )
        answer = self._answer(request, place)
        if inspect.isawaitable(answer):
            answer = await answer
        return finished(request, _reply(answer, request))

    def _answer(self, request: LLMRequest, place: _Place) -> Any:
        if self.mode == "function":
            return self._source(request)
        if self.mode == "digest":
            if request.digest() in self._source:
                return self._source[request.digest()]
            raise _missing(request, "no answer for this digest")
        if place.turn < len(self._source):
            return self._source[place.turn]
        raise _missing(
            request, f"it holds {len(self._source)} answers in order and this is question {place.turn + 1}"
        )

    def _note(self, request: LLMRequest, call: ToolCall) -> _Place:
        with self._lock:
            self.calls += 1
            if self._file is None:
                self._keys.append(call.idempotency_key)
                return _place(self._keys, len(self._keys) - 1)
            return self._note_in_file(self._file, request, call)

    def _note_in_file(self, file: Path, request: LLMRequest, call: ToolCall) -> _Place:
        mark = f"{os.getpid()}.{id(self)}.{self.calls}"
        line = {"key": call.idempotency_key, "model": request.model, "digest": request.digest(), "mark": mark}
        with file.open("ab", buffering=0) as out:  # one write to an append-only handle: never torn
            out.write(canonical(line).encode("ascii") + b"\n")
        lines = [
            json.loads(each) for each in file.read_text("ascii").splitlines(keepends=True) if each[-1] == "\n"
        ]
        mine = next(index for index, each in enumerate(lines) if each["mark"] == mark)
        return _place([each["key"] for each in lines], mine)


def _place(keys: list[str], number: int) -> _Place:
    distinct = list(dict.fromkeys(keys[: number + 1]))
    return _Place(number, distinct.index(keys[number]))


def _mode(source: object) -> Mode:
    if callable(source):
        return "function"
    if isinstance(source, Mapping):
        return "digest"
    if isinstance(source, Sequence) and not isinstance(source, (str, bytes)):
        return "order"
    raise ValueError(f"a script is a function, a list, a mapping from digest or a file, not {source!r:.200}")


def _reply(answer: Any, request: LLMRequest) -> LLMReply:
    if isinstance(answer, LLMReply):
        return answer
    base: dict[str, Any] = {"model": request.model, "provider": Scripted.name}
    if isinstance(answer, str):
        return LLMReply(text=answer, **base)
    if not isinstance(answer, Mapping) or not set(answer) <= _FIELDS:
        known = ", ".join(sorted(_FIELDS))
        raise ModelRefused(
            f"model {request.model!r}: scripted answer {answer!r:.200} is no text and no object of {known}"
        )
    calls = tuple(dict(each) for each in answer.get("tool_calls", ()))
    reason = "tool_calls" if calls else "stop"
    return LLMReply(**{**base, "finish_reason": reason, **answer, "tool_calls": calls})


def _missing(request: LLMRequest, why: str) -> ModelRefused:
    messages = canonical(request.to_json()["messages"])
    return ModelRefused(
        f"the script of model {request.model!r} has no answer: {why}; request digest {request.digest()}, messages {messages:.2000}"
    )


def load_script(path: str | Path) -> list[Any] | dict[str, Any]:
    """Read a script file.

    Args:
        path: `*.jsonl` (answers in order, or `{digest, reply}` a line) or JSON (a list or a mapping).

    Returns:
        A list to answer in order, or a mapping from digest.

    Raises:
        ValueError: the file is no such script, naming file and line.
    """
    file = Path(path)
    text = file.read_text("utf-8")
    if file.suffix != ".jsonl":
        return _whole(file, text)
    lines = [_line(file, number, each) for number, each in enumerate(text.splitlines(), 1) if each.strip()]
    keyed = [isinstance(each, dict) and set(each) == {"digest", "reply"} for each in lines]
    if any(keyed) and not all(keyed):
        wrong = keyed.index(False) + 1
        raise ValueError(
            f"script {file}: answer {wrong} has no digest while others have; use one form for all"
        )
    return {each["digest"]: each["reply"] for each in lines} if any(keyed) else lines


def _whole(file: Path, text: str) -> list[Any] | dict[str, Any]:
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ValueError(f"script {file} is no JSON: {error}") from None
    if not isinstance(data, (list, dict)):
        raise ValueError(f"script {file} holds neither a list of answers nor a mapping from digest")
    return data


def _line(file: Path, number: int, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"script {file}, line {number} is no JSON: {error}") from None
