"""Every way of spoiling the stream of a job, with what is to be found, and where."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache

from django.db.models import F

from jobs.core.chain import canonical, link
from jobs.models import Event, Job
from tests.forensics.cast import CAST
from tests.forensics.tampering import events_of, put, rechain

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
    return "missing", 3


def _an_event_inserted(job: str, last: int) -> Found:
    for event in reversed(events_of(job)[3:]):
        put(event, seq=event.seq + 1)
    copied = events_of(job)[2]
    copied.pk, copied.seq = None, 4
    copied.save(force_insert=True)
    return "extra", 4


def _an_event_forged_and_inserted_with_a_hash_of_its_own(job: str, last: int) -> Found:
    for event in reversed(events_of(job)[3:]):
        put(event, seq=event.seq + 1)
    forged = events_of(job)[2]
    forged.pk, forged.prev, forged.seq = None, forged.hash, 4
    forged.hash = link(job=job, seq=4, type=forged.type, node=forged.node, at=forged.at, digest=forged.digest,
                       prev=forged.prev)  # fmt: skip
    forged.save(force_insert=True)
    return "extra", 4


def _an_event_moved_to_the_end(job: str, last: int) -> Found:
    put(events_of(job)[4], seq=last + 1)
    return "reordered", 5


def _an_event_moved_to_the_end_and_the_gap_closed(job: str, last: int) -> Found:
    put(events_of(job)[4], seq=last + 1)
    for event in events_of(job)[4:]:
        put(event, seq=event.seq - 1)
    return "reordered", 5


def _a_forgery_inserted(job: str, last: int) -> Found:
    for event in reversed(events_of(job)[3:]):
        put(event, seq=event.seq + 1)
    forged = events_of(job)[2]
    forged.pk, forged.seq, forged.hash = None, 4, "0" * 64
    forged.save(force_insert=True)
    return "extra", 4


def _a_copy_added_at_the_end(job: str, last: int) -> Found:
    copied = events_of(job)[4]
    copied.pk, copied.seq = None, last + 1
    copied.save(force_insert=True)
    return "extra", last + 1


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
    return "reordered", 3


def _two_events_far_apart_swapped(job: str, last: int) -> Found:
    third, late = events_of(job)[2], events_of(job)[-2]
    put(third, seq=-1)
    put(late, seq=3)
    put(third, seq=last - 1)
    return "reordered", 3


def _the_whole_stream_turned_round(job: str, last: int) -> Found:
    for event in events_of(job):
        put(event, seq=-event.seq)
    Event.objects.filter(job_id=job).update(seq=F("seq") + last + 1)
    return "reordered", 1


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
    return "changed_body", 5


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
    return "changed_body", 1


@cache
def victim(number: int) -> str:
    """A job for all tests of this module: what they change is taken back."""
    return CAST["approved_and_paid"]()


CHANGES: list[Callable[[str, int], Found]] = [
    change for name, change in list(globals().items()) if name.startswith(("_a_", "_an_", "_the_", "_two_", "_all_",
                                                                           "_another_", "_body_"))
]  # fmt: skip
