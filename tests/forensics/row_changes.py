"""Changes of every column of every row that a job has, and of whole rows: each with what is to be found, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F, Model

from jobs.core.chain import canonical
from jobs.models import Approval, Event, Job, Step
from ledger.models import Invocation
from tests.forensics.tampering import another, columns_of, events_of, put

KINDS: dict[type[Model], str] = {
    Job: "derived_row", Step: "derived_row", Approval: "derived_row", Invocation: "ledger_line",
}  # fmt: skip
OF_EVENTS = {
    "job_id": {"missing"}, "seq": {"reordered"}, "tenant": {"derived_row"}, "type": {"changed_header"},
    "node": {"changed_header"}, "at": {"changed_header", "bad_form"}, "body": {"changed_body"}, "salt": {"changed_body"},
    "digest": {"changed_body"}, "prev": {"changed_header"}, "hash": {"changed_header"},
}  # fmt: skip
OF_HEADS = {"head_seq": {"missing", "extra"}, "head_hash": {"forked_head"}}


@dataclass(frozen=True)
class Change:
    """One change of the database.

    Args:
        name: what is changed, and how.
        make: does it.
        kinds: as which kind of break it may be found.
        table: where; empty where that is told by the kind.
        seq: at which event, where only one is right.
        column: which column is named, if any is.
    """

    name: str
    make: Callable[[], object]
    kinds: frozenset[str]
    table: str = ""
    seq: int | None = None
    column: str = ""


def changes_of(job: str) -> Iterator[Change]:
    """Every change of one job that is tried."""
    yield from _columns_of_events(job)
    for model in KINDS:
        yield from _columns_of_rows(job, model)
    for model in (Step, Approval, Invocation):
        yield from _whole_rows(job, model)
    yield from _streams(job)


def rows_of(job: str, model: type[Model]) -> list[Any]:
    """The rows of a job in one table."""
    return list(model._default_manager.filter(**{"id" if model is Job else "job_id": job}).order_by("pk"))


def _columns_of_events(job: str) -> Iterator[Change]:
    events, table = events_of(job), Event._meta.db_table
    for number, column in enumerate(columns_of(Event)):
        event = events[number * 7 % len(events)]
        for how, value in _values(event, column):
            kinds = frozenset(OF_EVENTS[column])
            if column == "seq":
                value, kinds = event.seq + len(events) + 7, frozenset({"reordered"})
            elif column == "job_id":
                kinds = frozenset({"missing"})
            yield Change(
                f"event {event.seq}.{column} {how}", _putting(event, column, value), kinds, table, event.seq
            )


def _columns_of_rows(job: str, model: type[Model]) -> Iterator[Change]:
    table = model._meta.db_table
    rows = {(getattr(row, "tool", ""), getattr(row, "state", "")): row for row in rows_of(job, model)}
    for row in rows.values():
        for column in columns_of(model):
            kinds = OF_HEADS.get(column, {KINDS[model]})
            where = "" if column in OF_HEADS else table
            for how, value in _values(row, column):
                name = f"{table} {row.pk}.{column} {how}"
                yield Change(name, _putting(row, column, value), frozenset(kinds), where, column=column)


def _values(row: Any, column: str) -> Iterator[tuple[str, Any]]:
    """What a column is changed to: another value, NULL, and what stands in another job's row."""
    yield "changed", another(row, column)
    field = row._meta.get_field(column)
    if getattr(row, column) is not None and field.null:
        yield "made NULL", None
    key = "id" if isinstance(row, Job) else "job_id"
    mine = row.id if isinstance(row, Job) else row.job_id
    others = type(row)._default_manager.exclude(**{key: mine}).exclude(**{column: getattr(row, column)})
    theirs = others.order_by("-pk").values_list(column, flat=True).first()
    if theirs is not None and column not in ("seq", "job_id"):
        yield "of another row", theirs


def _putting(row: Any, column: str, value: Any) -> Callable[[], object]:
    return lambda: put(row, **{column: value})


def _whole_rows(job: str, model: type[Model]) -> Iterator[Change]:
    kinds, table = frozenset({KINDS[model]}), model._meta.db_table
    rows = rows_of(job, model)
    for row in rows[:3]:
        yield Change(f"{table} {row.pk} removed", _removing(model, pk=row.pk), kinds, table)
    if rows:
        yield Change(f"{table} emptied", _removing(model, job_id=job), kinds, table)
    stranger = model._default_manager.exclude(job_id=job).order_by("-pk").first()
    if stranger is not None:
        yield Change(f"{table} given another job's row", lambda: _given(stranger, job), kinds, table)


def _removing(model: type[Model], **which: Any) -> Callable[[], object]:
    return lambda: model._default_manager.filter(**which).delete()


def _given(row: Any, job: str) -> None:
    row.pk = None if isinstance(row, Step) else uuid4()
    row.job_id, row._state.adding = UUID(job), True
    if isinstance(row, Step):
        row.node = f"{row.node[:200]}.put_in"
    if isinstance(row, Invocation):
        row.idempotency_key, row.holds = "f" * 64, False
    row.save(force_insert=True)


def _streams(job: str) -> Iterator[Change]:
    events = events_of(job)
    last, table = len(events), Event._meta.db_table
    for first, second in zip(events[:-1:4], events[1::4], strict=False):
        swap = Change(f"events {first.seq} and {second.seq} swapped", _swapping(first, second), frozenset({"reordered"}),
                      table, first.seq)  # fmt: skip
        yield swap
        bodies = _bodies_swapped(first, second)
        yield Change(
            f"bodies of {first.seq} and {second.seq} swapped",
            bodies,
            frozenset({"changed_body"}),
            table,
            first.seq,
        )
    for cut in sorted({0, last // 2, last - 1}):
        tail = Event.objects.filter(job_id=job, seq__gt=cut)
        yield Change(f"cut off behind {cut}", tail.delete, frozenset({"missing"}), table, cut + 1)
    for cut in sorted({max(1, last // 2), last - 1} - {0, last}):
        yield Change(f"cut off behind {cut}, with its head", _cut_with_head(job, events[cut - 1]),
                     frozenset({"derived_row", "ledger_line", "unreadable"}))  # fmt: skip
    middle = events[last // 2]
    yield Change(
        "an event removed, the gap closed",
        _closed(job, middle.seq),
        frozenset({"missing"}),
        table,
        middle.seq,
    )
    yield Change("an event copied in", _copied_in(job, middle), frozenset({"extra"}), table, middle.seq + 1)
    yield Change("a body that is none", lambda: put(middle, body=canonical(["forged"])), frozenset({"changed_body"}), table,
                 middle.seq)  # fmt: skip


def _swapping(first: Event, second: Event) -> Callable[[], object]:
    def swap() -> None:
        put(first, seq=-1)
        put(second, seq=first.seq)
        put(first, seq=second.seq)

    return swap


def _bodies_swapped(first: Event, second: Event) -> Callable[[], object]:
    def swap() -> None:
        put(first, body=second.body, salt=second.salt)
        put(second, body=first.body, salt=first.salt)

    return swap


def _cut_with_head(job: str, head: Event) -> Callable[[], object]:
    def cut() -> None:
        Event.objects.filter(job_id=job, seq__gt=head.seq).delete()
        Job.objects.filter(id=job).update(head_seq=head.seq, head_hash=head.hash)

    return cut


def _moved(job: str, behind: int, by: int) -> None:
    for event in sorted(Event.objects.filter(job_id=job, seq__gt=behind), key=lambda each: -by * each.seq):
        Event.objects.filter(pk=event.pk).update(seq=F("seq") + by)


def _closed(job: str, seq: int) -> Callable[[], object]:
    def close() -> None:
        Event.objects.filter(job_id=job, seq=seq).delete()
        _moved(job, seq, -1)

    return close


def _copied_in(job: str, event: Event) -> Callable[[], object]:
    def copy() -> None:
        _moved(job, event.seq, 1)
        twin = Event.objects.get(pk=event.pk)
        twin.pk, twin.seq = None, event.seq + 1
        twin.save(force_insert=True)

    return copy
