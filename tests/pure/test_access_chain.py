"""The access log's chain: every field is bound, and the first break is named with its place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forensics.access.chain import COLUMNS, Entry, against_end, body_digest, link, repeated, walk
from forensics.proof import Head
from jobs.core.chain import GENESIS, canonical

AT = "2026-01-05T09:00:{:02d}.000000Z"


def body(number: int = 1, **more: Any) -> str:
    who = {"kind": "user", "id": "7", "name": "ann", "token": ""}
    return canonical(
        {
            "who": who,
            "action": "view",
            "question": "trace",
            "job": f"j-{number}",
            "outcome": "granted",
            **more,
        }
    )


def log_of(*bodies: str, tenant: str = "t") -> list[Entry]:
    entries: list[Entry] = []
    for seq, text in enumerate(bodies, start=1):
        entries.append(entry(tenant, seq, text, entries[-1].hash if entries else GENESIS))
    return entries


def entry(tenant: str, seq: int, text: str, prev: str) -> Entry:
    import json

    digest, at = body_digest(text), AT.format(seq)
    hash = link(tenant=tenant, seq=seq, at=at, digest=digest, prev=prev)
    return Entry(seq, at, text, digest, prev, hash, repeated(json.loads(text)))


def test_the_format_is_fixed() -> None:
    digest = body_digest("{}")
    assert digest == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    from hashlib import sha256

    text = f"aetheris.access.v1\nt\n1\n{AT.format(1)}\n{digest}\n{GENESIS}\n"
    assert (
        link(tenant="t", seq=1, at=AT.format(1), digest=digest, prev=GENESIS)
        == sha256(text.encode()).hexdigest()
    )


@given(st.integers(0, 6))
def test_an_untouched_log_holds(count: int) -> None:
    log = log_of(*(body(number) for number in range(count)))
    head, broken = walk("t", log)
    assert broken is None
    assert head == Head(count, log[-1].hash if log else GENESIS)


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"seq": 3}, "missing"),
    ({"seq": 1}, "extra"),
    ({"at": AT.format(9)}, "changed_header"),
    ({"at": AT.format(0)}, "changed_header"),
    ({"at": "yesterday"}, "changed_header"),
    ({"at": 5}, "bad_form"),
    ({"body": body(2, action="export")}, "changed_body"),
    ({"body": "{}"}, "changed_body"),
    ({"digest": "0" * 64}, "changed_body"),
    ({"digest": "x"}, "changed_body"),
    ({"prev": "0" * 64}, "changed_header"),
    ({"hash": "0" * 64}, "changed_header"),
]


@pytest.mark.parametrize(("change", "kind"), CHANGES)
def test_a_changed_field_is_found_in_its_place(change: dict[str, Any], kind: str) -> None:
    log = log_of(body(1), body(2), body(3))
    log[1] = replace(log[1], **change)
    head, broken = walk("t", log)
    assert broken is not None
    assert (broken.kind, head.seq) == (kind, 1)
    assert broken.seq in (1, 2)


@pytest.mark.parametrize("column", COLUMNS)
def test_a_column_that_is_not_what_the_body_says_is_found(column: str) -> None:
    log = log_of(body(1), body(2))
    log[1] = replace(log[1], repeated={**log[1].repeated, column: "other"})
    assert (broken := walk("t", log)[1])
    assert (broken.kind, broken.seq) == ("derived_row", 2)


@pytest.mark.parametrize("text", ["{}", "[]", '{"b":1,"a":2}', "no json", '{"who":7}'])
def test_a_body_without_the_form_of_an_access_is_found_whatever_its_digest(text: str) -> None:
    digest = body_digest(text)
    hash = link(tenant="t", seq=1, at=AT.format(1), digest=digest, prev=GENESIS)
    assert (broken := walk("t", [Entry(1, AT.format(1), text, digest, GENESIS, hash, {})])[1])
    assert (broken.kind, broken.seq) == ("bad_form", 1)


def test_what_is_taken_out_put_in_or_turned_round_is_found() -> None:
    one, two, three = log_of(body(1), body(2), body(3))
    for log, kind, seq in (
        ([one, three], "missing", 2),
        ([two, three], "missing", 1),
        ([one, two, two, three], "extra", 2),
        ([one, three, two], "missing", 2),
    ):
        assert (broken := walk("t", log)[1])
        assert (broken.kind, broken.seq) == (kind, seq)


def test_the_log_of_another_tenant_does_not_pass_for_this_ones() -> None:
    assert (broken := walk("t", log_of(body(1), tenant="other"))[1])
    assert broken.kind == "changed_header"


def test_a_tail_that_was_cut_off_or_forked_is_found_by_the_head() -> None:
    log = log_of(body(1), body(2))
    head, _ = walk("t", log)
    assert against_end(head, 2, log[-1].hash) is None
    for seq, hash, kind in (
        (3, log[-1].hash, "missing"),
        (1, log[0].hash, "extra"),
        (2, "0" * 64, "forked_head"),
    ):
        assert (broken := against_end(head, seq, hash))
        assert broken.kind == kind
