"""The files of records: events, their large parts, the book, the questions; each streamed, none held in memory."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from jobs.bodies import ASIDE, hydrated
from jobs.core.chain import canonical
from jobs.core.moments import text
from jobs.models import Approval, Blob, Event, Job
from ledger.models import Invocation

from ..proof import Break, Head, Row, against_head, walk
from ..record import FIELDS, UNREADABLE
from ..redaction import Redactor
from ..standalone import Evidence
from .notes import Notes, place_of, refer
from .zipping import Sink

BATCH = 200
PARTS_AT_ONCE = 8
EARLY = 4 << 20  # bytes of redacted parts that stay in memory
Each = TypeVar("Each")


def batches(values: Iterable[Each], size: int) -> Iterator[list[Each]]:
    """Values in lists of some size."""
    turn = iter(values)
    while some := list(islice(turn, size)):
        yield some


def line(value: Any) -> bytes:
    """A value as a line of a file."""
    return (canonical(value) + "\n").encode("ascii")


class Records:
    """Writes the records of one job, in one snapshot of the database.

    Args:
        job: the row.
        redactor: what withholds; None where nothing is withheld.
        tell: told after every batch how many events have been written.
    """

    def __init__(self, job: Job, redactor: Redactor | None, tell: Callable[[int], None]) -> None:
        self.job, self.redactor, self.tell = job, redactor, tell
        self.notes = Notes(redacting=redactor is not None)
        self.problem: Break | None = None
        self.head = Head(0, "")
        self.graph = Evidence(self.part)
        self.withheld: dict[tuple[str, str, str], list[int]] = {}
        self._made = tempfile.SpooledTemporaryFile(max_size=EARLY)
        self._places: dict[str, tuple[int, int]] = {}
        self._gone: dict[int, str] = {}

    def close(self) -> None:
        """Give the spooled parts back."""
        self._made.close()

    def events(self, sink: Sink) -> None:
        """Every event, one a line; on the way the chain is checked at rest."""
        written = self._written(sink)
        self.head, self.problem = walk(str(self.job.id), written)
        for _ in written:  # behind a break too: a package that is marked as broken holds all there is
            continue
        self.problem = self.problem or against_head(self.head, self.job.head_seq, self.job.head_hash)

    def _written(self, sink: Sink) -> Iterator[Row]:
        rows = Event.objects.filter(job_id=self.job.id).order_by("seq").values_list(*FIELDS).iterator(BATCH)
        count = 0
        for some in batches((Row(*each) for each in rows), BATCH):
            for row, event in zip(some, self._shown(some), strict=True):
                sink.write(line(event))
                self._note(event)
                with suppress(
                    *UNREADABLE
                ):  # a broken record tells no graph, and verifying the package says where
                    self.graph.take(event)
                yield row
            count += len(some)
            self.tell(count)

    def _note(self, event: dict[str, Any]) -> None:
        self.notes.take(event)
        if event["type"] == "payload_erased" and isinstance(event["body"], dict):
            with suppress(*UNREADABLE):  # verifying the package says where
                seqs, left = (self._whole(event["body"], name) for name in ("seq", "legible"))
                for seq, body in zip(seqs, left, strict=True):
                    self.notes.take_left(seq, self._gone.get(seq, ""), body)

    def _whole(self, body: dict[str, Any], name: str) -> Any:
        return self.part(body[name]["sha256"]) if name in body.get(ASIDE, ()) else body[name]

    def _shown(self, rows: list[Row]) -> Iterator[dict[str, Any]]:
        whole = self._hydrated(rows) if self.redactor else [None] * len(rows)
        for row, body in zip(rows, whole, strict=True):
            event = {"job": str(self.job.id), "seq": row.seq, "type": row.type, "node": row.node, "at": row.at,
                     "body": _read(row.body), "raw": row.body, "salt": row.salt, "digest": row.digest, "prev": row.prev,
                     "hash": row.hash}  # fmt: skip
            if row.body is None:
                self._gone[row.seq] = row.type
            if self.redactor is not None and body is not None:
                self._redact(self.redactor, event, body)
            yield event

    def _hydrated(self, rows: list[Row]) -> list[dict[str, Any] | None]:
        try:
            return hydrated([row.body for row in rows], self.job.tenant)
        except (LookupError, TypeError, ValueError):  # verifying the package says where
            return [None] * len(rows)

    def _redact(self, redactor: Redactor, event: dict[str, Any], body: dict[str, Any]) -> None:
        aside = set(event["body"].get(ASIDE, ()))
        afterword = event["type"] == "payload_erased"
        new, found = redactor.erased(body, self._gone) if afterword else redactor.body(event["type"], body)
        if not found:
            return
        for name in sorted(aside & set(new)):
            new[name] = self._aside(canonical(new[name]))
        if aside & set(new):
            new[ASIDE] = sorted(aside & set(new))
        event |= {"body": new, "raw": None, "salt": None}
        for each in found:
            seqs = self.withheld.setdefault((each.path, each.how, each.what), [])
            if seqs[-1:] != [event["seq"]]:
                seqs.append(event["seq"])

    def _aside(self, content: str) -> dict[str, Any]:
        digest = sha256(content.encode("ascii")).hexdigest()
        if digest not in self._places:
            self._made.seek(0, 2)
            self._places[digest] = self._made.tell(), len(content)
            self._made.write(content.encode("ascii"))
        return {"sha256": digest, "size": len(content)}

    def parts(self, sink: Sink) -> None:
        """Every large part that an event names, in the order of their digests."""
        for some in batches(sorted(self.notes.parts), PARTS_AT_ONCE):
            stored = Blob.objects.filter(
                tenant=self.job.tenant, sha256__in=[each for each in some if each not in self._places]
            )
            texts = dict(stored.values_list("sha256", "text"))
            for digest in some:
                content = self._spooled(digest) if digest in self._places else texts.get(digest)
                if content is not None:  # a missing one is found when the package is verified
                    sink.write(line({"sha256": digest, "text": content}))

    def forget_graph(self) -> None:
        """The graph is written; its memory is for others."""
        self.graph = Evidence(self.part)

    def part(self, digest: str) -> Any:
        """The value of one large part as the package shows it; None where it is missing."""
        if digest in self._places:
            return _read(self._spooled(digest))
        stored = Blob.objects.filter(tenant=self.job.tenant, sha256=digest).values_list("text", flat=True)
        return _read(stored.first())

    def _spooled(self, digest: str) -> str:
        offset, size = self._places[digest]
        self._made.seek(offset)
        return self._made.read(size).decode("ascii")

    def ledger(self, sink: Sink) -> None:
        """The lines of the book, in the order of their ids."""
        for row in Invocation.objects.filter(job_id=self.job.id).order_by("id").iterator(BATCH):
            sink.write(line(self._ledger_line(row)))

    def _ledger_line(self, row: Invocation) -> dict[str, Any]:
        key = str(row.id)
        told: dict[str, Any] = {
            "id": key, "tenant": row.tenant, "job": str(row.job_id), "node": row.node, "tool": row.tool,
            "version": row.version, "schema": row.schema, "effect": row.effect, "idempotency_key": row.idempotency_key,
            "business_key": row.business_key, "holds": row.holds, "args": _read(row.args), "args_digest": row.args_digest,
            "state": row.state, "attempt": row.attempt, "fence": row.fence, "probe": row.probe, "deadline": text(row.deadline),
            "promised_at": text(row.promised_at), "settled_at": text(row.settled_at) if row.settled_at else None,
            "recalled_from": _id(row.recalled_from), "compensates": _id(row.compensates),
        }  # fmt: skip
        if row.result is not None:
            told["result"] = _read(row.result)
        if row.error:
            told["error"] = _read(row.error)
        if self.redactor is not None:
            self.notes.redact_line(self.redactor, told)
        if self.notes.evidence_outside(told):
            told["error"]["evidence"] = place_of(told["error"]["evidence"])
        refer(told, self.notes.aside_of(key, row.node))
        return told

    def approvals(self, sink: Sink) -> None:
        """The questions to people, in the order of their ids."""
        for row in Approval.objects.filter(job_id=self.job.id).order_by("id").iterator(BATCH):
            sink.write(line(self._approval_line(row)))

    def _approval_line(self, row: Approval) -> dict[str, Any]:
        key, votes = str(row.id), _read(row.votes)
        told: dict[str, Any] = {
            "id": key, "tenant": row.tenant, "job": str(row.job_id), "node": row.node, "state": row.state,
            "question": row.question, "shown": _read(row.shown), "releases": _read(row.releases), "digest": row.digest,
            "groups": _read(row.groups), "users": _read(row.users), "quorum": row.quorum, "four_eyes": row.four_eyes,
            "requester": row.requester, "deadline": text(row.deadline) if row.deadline else None,
            "on_timeout": row.on_timeout, "form": _read(row.form), "requested_at": text(row.requested_at),
            "decided_at": text(row.decided_at) if row.decided_at else None,
        }  # fmt: skip
        if self.redactor is not None:
            votes = self.notes.redact_question(self.redactor, told, votes)
        for number, vote in enumerate(votes):
            refer(vote, self.notes.aside_of_vote(key, number))
        refer(told, self.notes.aside_of(key, ""))
        return {**told, "votes": votes}


def _id(value: UUID | None) -> str | None:
    return str(value) if value else None


def _read(stored: str | None) -> Any:
    """A stored text as its value; one that is no JSON stands as the text, and verifying says so."""
    if stored is None:
        return None
    try:
        return json.loads(stored)
    except (ValueError, RecursionError):
        return stored
