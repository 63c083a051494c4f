"""Copies of a job's rows: every id, key, moment and link of the chain is the copy's own, all else is the same text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from django.db.models import Model

from ledger.models import Invocation

from ..core.chain import GENESIS, body_digest, link
from ..core.ids import approval_id, idempotency_key, invocation_id
from ..core.moments import parse, text
from ..models import Addressee, Approval, Event, Job, Step
from ..models.agenda import NEVER

TABLES: tuple[type[Model], ...] = (Job, Event, Step, Approval, Addressee, Invocation)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
Row = list[Any]
Cell = Callable[[Mapping[str, str], timedelta], Any]


class Template:
    """The rows of one job, cut at everything that a copy has for itself.

    Args:
        rows: of each table, by column.
        job: its id.
        words: texts that a copy must not share: business keys and idempotency keys.
    """

    def __init__(
        self, rows: Mapping[type[Model], list[dict[str, Any]]], job: str, words: Iterable[str]
    ) -> None:
        self.job = job
        self.begin: datetime = rows[Job][0]["created_at"]
        self.lines = [(str(row["id"]), row["node"], row["idempotency_key"]) for row in rows[Invocation]]
        self.asked = [(str(row["id"]), row["node"]) for row in rows[Approval]]
        self.words = [word for word in words if word not in {key for _, _, key in self.lines}]
        self.events = len(rows[Event])
        stored = "\n".join(str(row["body"]) for row in rows[Event])
        moments = {*_MOMENT.findall(stored), *(row["at"] for row in rows[Event])}
        self.moments = [(each, parse(each)) for each in sorted(moments)]
        ids = [job, *(id for id, _, _ in self.lines), *(id for id, _ in self.asked)]
        named = [*ids, *(key for _, _, key in self.lines), *self.words, *(each for each, _ in self.moments)]
        self._cut = re.compile(
            "(" + "|".join(re.escape(each) for each in sorted(named, key=len, reverse=True)) + ")"
        )
        self.rows = {model: [self._cells(row) for row in rows[model]] for model in TABLES}
        self.places = {model: list(rows[model][0]) if rows[model] else [] for model in TABLES}

    def _cells(self, row: Mapping[str, Any]) -> list[Any]:
        return [self._cell(value) for value in row.values()]

    def _cell(self, value: Any) -> Any:
        """A constant, or a function of what a copy is called and how much later it is."""
        if isinstance(value, datetime):
            return value if value == NEVER else lambda named, later: value + later
        if isinstance(value, UUID):
            known = str(value)
            return (lambda named, later: named[known]) if self._cut.fullmatch(known) else known
        if isinstance(value, str) and self._cut.search(value):
            parts = self._cut.split(value)
            return lambda named, later: "".join([named.get(part, part) for part in parts])
        return value

    def copy(self, job: str, at: datetime, dice: Random) -> dict[type[Model], list[Row]]:
        """The rows of one copy.

        Args:
            job: its id.
            at: when it was asked for.
            dice: for salts and keys.
        """
        later = at - self.begin
        named = {self.job: job}
        named |= {old: invocation_id(job, node) for old, node, _ in self.lines}
        named |= {key: idempotency_key(job, node) for _, node, key in self.lines}
        named |= {old: approval_id(job, node) for old, node in self.asked}
        named |= {word: f"seed:{dice.getrandbits(64):016x}" for word in self.words}
        named |= {old: text(moment + later) for old, moment in self.moments}
        made = {
            model: [[cell(named, later) if callable(cell) else cell for cell in row] for row in rows]
            for model, rows in self.rows.items()
        }
        head = self._chain(made[Event], job, dice)
        made[Job][0][self.places[Job].index("head_hash")] = head
        return made

    def _chain(self, events: list[Row], job: str, dice: Random) -> str:
        """Salt, digest and link of every event; gives the head."""
        place = {name: index for index, name in enumerate(self.places[Event])}
        last = GENESIS
        for row in events:
            salt = f"{dice.getrandbits(128):032x}"
            digest = body_digest(salt, row[place["body"]])
            hash = link(job=job, seq=row[place["seq"]], type=row[place["type"]], node=row[place["node"]], at=row[place["at"]],
                        digest=digest, prev=last)  # fmt: skip
            for name, value in (("salt", salt), ("digest", digest), ("prev", last), ("hash", hash)):
                row[place[name]] = value
            last = hash
        return last
