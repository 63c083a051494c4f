"""Events removed, added, moved, grafted, cut off, half erased or forged: each is found at its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache

import pytest
from django.db.models import F

from forensics.services import verify_job
from jobs.core.chain import canonical
from jobs.models import Blob, Event, Job
from tests.forensics.cast import CAST
from tests.forensics.looking import everything
from tests.forensics.tampering import events_of, problem_of, put, rechain, unguarded

pytestmark = pytest.mark.usefixtures("here")
Found = tuple[str, int]


def remove(job: str, seq: int) -> None:
    """Remove one event."""
    Event.objects.filter(job_id=job, seq=seq).delete()


def _an_event_removed(job: str, last: int) -> Found:
    remove(job, last // 2)
    return "missing", last // 2


def _the_first_event_removed(job: str, last: int) -> Found:
    remove(job, 1)
    return "missing", 1


def _the_last_event_removed(job: str, last: int) -> Found:
    remove(job, last)
    return "missing", last


def _the_tail_cut_off(job: str, last: int) -> Found:
    Event.objects.filter(job_id=job, seq__gt=4).delete()
    return "missing", 5


def _all_events_removed(job: str, last: int) -> Found:
    Event.objects.filter(job_id=job).delete()
    return "missing", 1


def _an_event_removed_and_the_gap_closed(job: str, last: int) -> Found:
    remove(job, 3)
    Event.objects.filter(job_id=job, seq__gt=3).update(seq=F("seq") - 1)
    return "changed_header", 3


def _an_event_inserted(job: str, last: int) -> Found:
    for event in reversed(events_of(job)[3:]):
        put(event, seq=event.seq + 1)
    copied = events_of(job)[2]
    copied.pk, copied.seq = None, 4
    copied.save(force_insert=True)
    return "changed_header", 4


def _an_event_added_at_the_end(job: str, last: int) -> Found:
    copied = events_of(job)[-1]
    before = copied.hash
    copied.pk, copied.seq = None, last + 1
    copied.save(force_insert=True)
    rechain(job)
    Job.objects.filter(id=job).update(head_seq=last, head_hash=before)
    return "extra", last + 1


def _an_event_numbered_nought(job: str, last: int) -> Found:
    copied = events_of(job)[0]
    copied.pk, copied.seq = None, 0
    copied.save(force_insert=True)
    return "extra", 1


def _two_events_swapped(job: str, last: int) -> Found:
    third, fourth = events_of(job)[2:4]
    put(third, seq=-1)
    put(fourth, seq=3)
    put(third, seq=4)
    return "changed_header", 3


def _the_contents_of_two_events_swapped(job: str, last: int) -> Found:
    third, fourth = events_of(job)[2:4]
    put(third, body=fourth.body, salt=fourth.salt, digest=fourth.digest)
    put(fourth, body=third.body, salt=third.salt, digest=third.digest)
    return "changed_header", 3


def _the_salt_alone_removed(job: str, last: int) -> Found:
    put(events_of(job)[4], salt=None)
    return "changed_body", 5


def _the_body_alone_removed(job: str, last: int) -> Found:
    put(events_of(job)[4], body=None)
    return "changed_body", 5


def _body_and_salt_removed_without_a_word(job: str, last: int) -> Found:
    put(events_of(job)[4], body=None, salt=None)
    return "unreadable", 5


def _a_body_written_with_spaces(job: str, last: int) -> Found:
    event = events_of(job)[1]
    put(event, body=json.dumps(json.loads(event.body or ""), sort_keys=True))
    return "changed_body", 2


def _a_body_that_is_not_ascii(job: str, last: int) -> Found:
    put(events_of(job)[1], body='{"é":1}')
    return "changed_body", 2


def _a_byte_moved_from_the_type_to_the_node(job: str, last: int) -> Found:
    event = next(each for each in events_of(job) if each.node)
    put(event, type=event.type[:-1], node=event.type[-1] + event.node)
    return "changed_header", event.seq


def _a_line_break_moved_across_a_border(job: str, last: int) -> Found:
    event = next(each for each in events_of(job) if each.node)
    put(event, type=f"{event.type}\n{event.node}", node="")
    return "bad_form", event.seq


def _a_time_in_other_digits(job: str, last: int) -> Found:
    event = events_of(job)[1]
    put(event, at=event.at.translate({ord("2"): "٢"}))
    return "bad_form", 2


def _a_hash_in_capitals(job: str, last: int) -> Found:
    event = next(each for each in events_of(job) if each.hash != each.hash.upper())
    put(event, hash=event.hash.upper())
    return "bad_form", event.seq


def _the_head_put_back(job: str, last: int) -> Found:
    event = events_of(job)[-2]
    Job.objects.filter(id=job).update(head_seq=event.seq, head_hash=event.hash)
    return "extra", last


def _the_head_forked(job: str, last: int) -> Found:
    Job.objects.filter(id=job).update(head_hash="0" * 64)
    return "forked_head", last


def _another_jobs_events_grafted(job: str, last: int) -> Found:
    Event.objects.filter(job_id=job).delete()
    assert Event.objects.filter(job_id=victim(2)).update(job_id=job)
    return "changed_header", 1


def _a_body_forged_with_its_whole_chain(job: str, last: int) -> Found:
    event = next(each for each in events_of(job) if each.type == "tool_invocation_finished")
    put(event, body=canonical({**json.loads(event.body or ""), "result": "forged"}))
    rechain(job)
    return "ledger_line", event.seq


def _a_member_taken_out_with_its_whole_chain(job: str, last: int) -> Found:
    put(events_of(job)[1], body="{}")
    rechain(job)
    return "unreadable", 2


def _a_list_for_a_body_with_its_whole_chain(job: str, last: int) -> Found:
    put(events_of(job)[1], body="[1]")
    rechain(job)
    return "unreadable", 2


def _another_kind_with_its_whole_chain(job: str, last: int) -> Found:
    put(events_of(job)[1], type="job_forgiven")
    rechain(job)
    return "unreadable", 2


def _a_first_event_without_a_body_and_its_whole_chain(job: str, last: int) -> Found:
    put(events_of(job)[0], body=None, salt=None)
    rechain(job)
    return "unreadable", 1


@cache
def victim(number: int) -> str:
    """A job for all tests of this module: what they change is taken back."""
    return CAST["approved_and_paid"]()


CHANGES: list[Callable[[str, int], Found]] = [
    change for name, change in list(globals().items()) if name.startswith(("_a_", "_an_", "_the_", "_two_", "_all_",
                                                                           "_another_", "_body_"))
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__.strip("_"))
def test_a_change_of_the_stream_is_found_at_its_place_and_nothing_is_repaired(
    change: Callable[[str, int], Found],
) -> None:
    job, _ = victim(1), victim(2)
    with unguarded():
        expected = change(job, Job.objects.get(id=job).head_seq)
        rows = everything(job)
        found = verify_job(job)
        assert found["problem"] is not None
        assert (found["problem"]["kind"], found["problem"]["seq"]) == expected, found["problem"]["message"]
        assert found["ok"] is False
        assert everything(job) == rows


def test_a_job_row_under_another_id_has_no_events() -> None:
    job, other = victim(1), "0198f0c0-0000-7000-8000-00000000cccc"
    with unguarded():
        Job.objects.filter(id=job).update(id=other)
        assert problem_of(other) == ("missing", 1)


@pytest.mark.parametrize("change", ["text", "sha256", "tenant"])
def test_a_part_that_stands_outside_its_body_is_held_to_its_digest(change: str) -> None:
    job = CAST["with_a_large_body"]()
    with unguarded():
        digests = {
            part["sha256"]
            for event in events_of(job)
            for part in json.loads(event.body or "").values()
            if isinstance(part, dict) and "sha256" in part
        }
        blob = Blob.objects.filter(sha256__in=digests).first()
        assert blob is not None
        put(blob, **{change: blob.text.replace("x", "y") if change == "text" else "0" * 64})
        found = problem_of(job)
        assert found is not None
        assert found[0] == "changed_body"


def test_a_fork_whose_source_was_rewritten_says_so() -> None:
    job = CAST["forked_and_parked"]()
    source, seq = Job.objects.values_list("forked_from", "forked_seq").get(id=job)
    assert source is not None
    assert seq is not None
    assert problem_of(job) is None
    with unguarded():
        event = Event.objects.get(job_id=source, seq=seq)
        put(event, hash="0" * 64)
        assert problem_of(job) == ("provenance", 1)
    assert problem_of(job) is None
