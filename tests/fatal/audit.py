"""An auditor that shares no code with the runtime: plain SQL, hashlib, its own fold, and the counts of the world.

Where to look: `audit_books` reads, `audit_chain` follows the links, `audit_story` and `audit_fold` fold a second
time, `audit_rows` compares every derived row, `audit_world` counts effects and watches claims, `audit_mailbox` the turns of agent instances, `audit_kept` holds
the doors to what they accepted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.fatal import audit_chain, audit_mailbox, audit_rows, audit_world
from tests.fatal.audit_books import Books, Row, query, read, text, writer_stands_aside
from tests.fatal.audit_fold import fold

__all__ = ["Books", "Row", "audit", "findings", "query", "read", "rows_of", "text", "writer_stands_aside"]


def audit(url: str, counts: Mapping[str, int]) -> None:
    """Check every job of a database.

    Args:
        url: the database.
        counts: how often each effect really happened, by idempotency key; other databases' effects may be among them.

    Raises:
        AssertionError: naming each job and what is wrong with it.
    """
    books = read(url)
    ours = {line["idempotency_key"] for lines in books.lines.values() for line in lines}
    found = findings(books, {key: count for key, count in counts.items() if key in ours})
    assert not found, "\n".join(found)


def findings(books: Books, counts: Mapping[str, int]) -> list[str]:
    """Everything that is wrong: in single jobs, and between them and the world.

    Args:
        books: what the database holds.
        counts: how often each effect really happened, by idempotency key; every one of them must have been promised.
    """
    told = rows_of(books)
    for job, row in books.jobs.items():
        told += _about(job, row, audit_world.settled(row, books.lines.get(job, [])))
        told += _about(job, row, audit_world.undone(books.lines.get(job, [])))
    return [*told, *audit_world.everywhere(books, counts)]


def rows_of(books: Books) -> list[str]:
    """What is wrong with streams and derived rows alone; this holds at every moment, whatever is under way."""
    told = [f"job {job} has events and no row" for job in sorted(set(books.events) - set(books.jobs))]
    for table in (books.steps, books.approvals, books.lines):
        lost = sorted(job for job in set(table) - set(books.jobs) if not _closed(books, job, table[job]))
        told += [f"job {job} does not exist, but has rows" for job in lost]
    for job, row in books.jobs.items():
        told += _about(job, row, _job(books, job, row))
    return [*told, *audit_mailbox.instances(books)]


def _closed(books: Books, job: str, rows: list[Row]) -> bool:
    """Whether rows are what a pruned job may leave: lines of the ledger without a word in them."""
    said = {(row.get("args"), row.get("result"), row.get("error")) for row in rows}
    return job in books.tombstones and said == {('{"erased":true}', None, "")}


def _about(job: str, row: Row, problems: Iterator[str]) -> list[str]:
    return [f"job {job} ({row['agent']}, {row['status']}): {problem}" for problem in problems]


def _job(books: Books, job: str, row: Row) -> Iterator[str]:
    events = books.events.get(job)
    if not events:
        yield "it has no events"
        return
    broken = [*audit_chain.chain(job, row, events), *audit_chain.order(row, events)]
    yield from broken
    if broken:
        return  # a fold of a torn stream says nothing more
    try:
        story = fold(events)
    except (KeyError, TypeError) as lost:
        yield f"its events cannot be folded: {lost!r}"
        return
    yield from story.broken
    yield from audit_world.claims(events)
    yield from audit_rows.job(row, events, story)
    yield from audit_rows.agenda(books.steps.get(job, []), events[0], story)
    yield from audit_rows.approvals(books.approvals.get(job, []), events)
    yield from audit_rows.ledger(books.lines.get(job, []), events)
