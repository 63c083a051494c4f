"""What the walk along the events notes for the book and the questions, which repeat parts of them: ids, no bodies."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from jobs.bodies import ASIDE
from jobs.core.chain import canonical
from jobs.core.events import TERMINALS

from ..redaction import GONE, Redactor

TELLS = frozenset(
    {"tool_invocation_started", "tool_invocation_finished", "outcome_unknown", "outcome_resolved"}
)
GONE_QUESTION = {"erased": True}  # what is left of one that was erased
SHOWN = ("question", "shown", "releases", "form", "groups", "users")


class Notes:
    """Which repeated members stand outside their event, and of which kind the event was that told them."""

    def __init__(self, *, redacting: bool) -> None:
        self.redacting = redacting
        self.parts: set[str] = set()
        self.first: dict[str, Any] = {}
        self.ended: str | None = None
        self._aside: dict[tuple[str, str], tuple[str, ...]] = {}
        self._told: dict[tuple[str, str], tuple[int, str]] = {}
        self._votes: dict[str, dict[int, tuple[str, ...]]] = {}
        self._escalated: set[str] = set()
        self._left: set[str] = set()

    def take(self, event: dict[str, Any]) -> None:
        """Note what a line of the package's events says."""
        body = event["body"]
        if event["type"] in TERMINALS:
            self.ended = event["type"]
        if not isinstance(body, dict):
            return
        aside = tuple(body.get(ASIDE, ()))
        self.parts |= {body[name]["sha256"] for name in aside}
        kind = event["type"]
        if kind == "job_created":
            self._begun(body)
        elif kind == "command_emitted":
            self._note(event["node"], "args", aside)
        elif kind in TELLS:
            self._call(event["seq"], kind, body, aside)
        elif kind.startswith("approval_"):
            self._question(event["seq"], kind, body, aside)

    def take_left(self, seq: int, kind: str, body: dict[str, Any]) -> None:
        """Note what an afterword says is left of an erased event; nothing of it stands outside."""
        if kind == "job_created":
            self._begun(body)
        elif kind in TELLS:
            self._tell(seq, kind, body)
        elif kind == "approval_decided":
            self._question(seq, kind, body, ())
        elif kind == "approval_requested":
            self._left.add(body["approval"])

    def _begun(self, body: dict[str, Any]) -> None:
        actor = body.get("actor")
        self.first = {**{name: body.get(name) for name in ("agent", "version", "tenant")},
                      "requester": actor.get("id") if isinstance(actor, dict) else None}  # fmt: skip

    def _note(self, key: str, name: str, aside: Iterable[str]) -> None:
        if name in aside:
            self._aside[key, name] = (name,)
        else:
            self._aside.pop((key, name), None)

    def _call(self, seq: int, kind: str, body: dict[str, Any], aside: tuple[str, ...]) -> None:
        key = body["invocation"]
        for name in ("result", "error", "evidence"):
            if name in body:
                self._note(key, name, aside)
        self._tell(seq, kind, body)

    def _tell(self, seq: int, kind: str, body: dict[str, Any]) -> None:
        """Which event told a member last; what is left of an erased one comes out of its turn."""
        if not self.redacting:
            return
        key, names = body["invocation"], ["error"]
        if "result" in body or kind == "tool_invocation_finished":
            names.append("result")
        if kind == "tool_invocation_started" or "business_key" in body.get("recalled_from", {}):
            names.append("business_key")
        for name in names:
            self._told[key, name] = max(self._told.get((key, name), (0, "")), (seq, kind))

    def _teller(self, key: str, name: str, otherwise: str) -> str:
        return self._told.get((key, name), (0, otherwise))[1]

    def _question(self, seq: int, kind: str, body: dict[str, Any], aside: tuple[str, ...]) -> None:
        key = body["approval"]
        if kind == "approval_requested":
            for name in (*SHOWN, "escalate_to"):
                self._note(key, name, aside)
            return
        self._votes.setdefault(key, {})[seq] = aside
        if body["effect"] == "escalated":
            self._escalated.add(key)

    def aside_of(self, key: str, node: str) -> list[str]:
        """The members of a line that stand outside their event."""
        names = [name for name in ("result", "error", *SHOWN) if (key, name) in self._aside]
        if key in self._escalated:
            names = [name for name in names if name not in ("groups", "users")]
            names += ["groups"] if (key, "escalate_to") in self._aside else []
        return [*names, *(["args"] if node and (node, "args") in self._aside else [])]

    def aside_of_vote(self, key: str, number: int) -> tuple[str, ...]:
        """The members of a vote that stand outside its event."""
        votes = self._votes.get(key, {})
        return votes[sorted(votes)[number]] if number < len(votes) else ()

    def evidence_outside(self, line: dict[str, Any]) -> bool:
        """Whether the reason of an unknown outcome has its evidence outside the event."""
        key = line["id"]
        return (
            line["state"] == "unknown"
            and (key, "evidence") in self._aside
            and isinstance(line.get("error"), dict)
        )

    def redact_line(self, redactor: Redactor, line: dict[str, Any]) -> None:
        """Withhold from a line of the book what the same rules withhold from the events that tell it."""
        key = line["id"]
        line["args"], hit = redactor.member("command_emitted", "args", line["args"])
        if hit:
            line["args_digest"] = redactor.digest(line["args_digest"])
        told = self._teller(key, "business_key", "tool_invocation_started")
        place = ("recalled_from",) if told == "tool_invocation_finished" else ()
        line["business_key"], _ = redactor.member(told, "business_key", line["business_key"], place)
        if "result" in line:
            told = self._teller(key, "result", "tool_invocation_finished")
            line["result"], _ = redactor.member(told, "result", line["result"])
        if "error" in line:
            self._redact_error(redactor, line)
        _drop_the_gone(line)
        line.setdefault("business_key", None)

    def _redact_error(self, redactor: Redactor, line: dict[str, Any]) -> None:
        told = self._teller(line["id"], "error", "tool_invocation_finished")
        error = line["error"]
        if told == "outcome_unknown" and isinstance(error, dict):
            evidence, _ = redactor.member(told, "evidence", error.get("evidence"))
            line["error"] = {**error, "evidence": {} if evidence is GONE else evidence}
        elif isinstance(error, dict) and error.get("code") == "result_unstorable":
            inner = {name: value for name, value in error.items() if name != "code"}
            shown, _ = redactor.member(told, "unstorable", inner)
            line["error"] = {"code": error["code"], **shown} if isinstance(shown, dict) else shown
        else:
            line["error"], _ = redactor.member(told, "error", error)

    def redact_question(
        self, redactor: Redactor, line: dict[str, Any], votes: list[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """The same for a question; returns its votes."""
        if line["id"] in self._left and line["question"] == canonical(GONE_QUESTION):
            line["question"] = dict(GONE_QUESTION)  # as the event has it; the row has a column of text
        for name in SHOWN:
            told = "escalate_to" if name == "groups" and line["id"] in self._escalated else name
            line[name], _ = redactor.member("approval_requested", told, line[name])
        if line["question"] == GONE_QUESTION:
            line["question"] = canonical(GONE_QUESTION)
        if line["id"] in redactor.asked:
            line["digest"] = redactor.digest(line["digest"])
        if self.first:  # of an erased first event the row has what stayed legible
            line["requester"] = self.first.get("requester")
        _drop_the_gone(line)
        return [redactor.body("approval_decided", vote)[0] for vote in votes]


def refer(line: dict[str, Any], names: Iterable[str]) -> None:
    """Say of members only where they stand, as the event does whose members they are."""
    aside = sorted(name for name in names if name in line)
    for name in aside:
        line[name] = place_of(line[name])
    if aside:
        line[ASIDE] = aside


def place_of(value: Any) -> dict[str, Any]:
    """Where a value stands that stands outside."""
    content = canonical(value)
    return {"sha256": sha256(content.encode("ascii")).hexdigest(), "size": len(content)}


def _drop_the_gone(line: dict[str, Any]) -> None:
    for name in [name for name, value in line.items() if value is GONE]:
        del line[name]
