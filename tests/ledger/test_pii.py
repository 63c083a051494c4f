"""Personal data: what is found, what is not, always the same, and never in more than linear time."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger.canonical import canonical
from ledger.pii import KINDS, find, find_in, hashed, redact, redact_in

FOUND = [
    ("email", "write to ann.lee+x@mail.example.org now", "ann.lee+x@mail.example.org"),
    ("email", "<a_b%c@example.co>", "a_b%c@example.co"),
    ("phone", "call +49 (30) 901820 today", "+49 (30) 901820"),
    ("phone", "call (415) 555-0100", "(415) 555-0100"),
    ("phone", "call 415.555.0100, please", "415.555.0100"),
    ("phone", "tel: 030 901820", "030 901820"),
    ("ssn", "SSN 123-45-6789.", "123-45-6789"),
    ("ssn", "ssn: 123456789", "123456789"),
    ("credit_card", "card 4111 1111 1111 1111 exp 12/29", "4111 1111 1111 1111"),
    ("credit_card", "in 2026 4111-1111-1111-1111", "4111-1111-1111-1111"),
    ("credit_card", "2026 4111 1111 1111 1111", "4111 1111 1111 1111"),
    ("credit_card", "amex 378282246310005", "378282246310005"),
    ("iban", "to DE89 3704 0044 0532 0130 00 EUR", "DE89 3704 0044 0532 0130 00"),
    ("iban", "BE68 5390 0754 7034 PAID", "BE68 5390 0754 7034"),
    ("iban", "GB82WEST12345698765432", "GB82WEST12345698765432"),
    ("ip_address", "from 203.0.113.7:8080", "203.0.113.7"),
    ("ip_address", "from 2001:db8::8a2e:370:7334 at", "2001:db8::8a2e:370:7334"),
    ("ip_address", "2001:0db8:0000:0000:0000:ff00:0042:8329", "2001:0db8:0000:0000:0000:ff00:0042:8329"),
    ("address", "lives at 742 Evergreen Terrace, Springfield, OR 97477.", "742 Evergreen Terrace, Springfield, OR 97477"),
    ("address", "to 10 Downing St, please", "10 Downing St"),
    ("date_of_birth", "born 1980-02-29", "1980-02-29"),
    ("date_of_birth", "DOB: 02/29/1980", "02/29/1980"),
    ("date_of_birth", "date of birth 29 February 1980", "29 February 1980"),
    ("passport", "passport no. C01234567", "C01234567"),
    ("driver_license", "driver's license: D123-4567-8901", "D123-4567-8901"),
    ("driver_license", "driving licence MORGA657054SM9IJ", "MORGA657054SM9IJ"),
]  # fmt: skip
NOT_FOUND = [
    "card 4111 1111 1111 1112", "0000 0000 0000 0000", "123-45-67890", "000-12-3456", "666-12-3456", "900-12-3456",
    "1.2.3.4.5", "300.1.1.1", "12:30:45", "std::vector dead::beef", "DE89 3704 0044 0532 0130 01", "a@b", "@example.org",
    "order A-1001 of 2026-05-01 costs 12000 cents", "f3b1c2d4-0a1b-4c2d-8e3f-1234567890ab", "version 5.2.1",
    "passport control was slow", "driving license renewal", "f" * 64, "1234567890123456789012345678901234567890",
]  # fmt: skip
NESTED: dict[str, Any] = {
    "customer": {
        "email": "ann@example.org",
        "phones": ["4155550100", "+49 30 901820"],
        "ssn": "123456789",
        "card": 4111111111111111,
        "seenFrom": ["203.0.113.7", "2001:db8::1"],
        "homeAddress": "12 Rue de la Paix, Paris",
        "dateOfBirth": "1980-02-29",
        "passport": "C01234567",
        "driversLicense": "D1234567",
    },
    "note": ["paid from DE89370400440532013000", {"bob@example.org": True}],
}


@pytest.mark.parametrize(
    ("kind", "text", "value"), FOUND, ids=[f"{kind}-{value}" for kind, _, value in FOUND]
)
def test_it_is_found_where_it_stands(kind: str, text: str, value: str) -> None:
    assert [(each.kind, text[each.start : each.end]) for each in find(text)] == [(kind, value)]


@pytest.mark.parametrize("text", NOT_FOUND)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    assert find(text) == ()


def test_nine_kinds_and_ibans_in_nested_json_are_found_alike_a_hundred_times() -> None:
    """R68; W23: the original's findings and texts changed with the order of a map."""
    first = list(find_in(NESTED))
    assert {each.finding.kind for each in first} == set(KINDS)
    assert [(each.pointer, each.finding.kind, each.in_name) for each in first] == [
        ("/customer/card", "credit_card", False),
        ("/customer/dateOfBirth", "date_of_birth", False),
        ("/customer/driversLicense", "driver_license", False),
        ("/customer/email", "email", False),
        ("/customer/homeAddress", "address", False),
        ("/customer/passport", "passport", False),
        ("/customer/phones/0", "phone", False),
        ("/customer/phones/1", "phone", False),
        ("/customer/seenFrom/0", "ip_address", False),
        ("/customer/seenFrom/1", "ip_address", False),
        ("/customer/ssn", "ssn", False),
        ("/note/0", "iban", False),
        ("/note/1/bob@example.org", "email", True),
    ]
    text = canonical(redact_in(NESTED))
    for _ in range(100):
        shuffled = {key: NESTED[key] for key in reversed(NESTED)}
        assert list(find_in(shuffled)) == first
        assert canonical(redact_in(shuffled)) == text
    assert list(find_in(redact_in(NESTED))) == []
    assert NESTED["customer"]["card"] == 4111111111111111, "the value itself is not changed"


def test_of_two_that_overlap_the_first_kind_stays() -> None:
    assert [each.kind for each in find("A12345678", least=0.1)] == ["passport"], "not a licence as well"
    assert [each.kind for each in find("A123456789012", least=0.1)] == ["driver_license"]
    assert [each.kind for each in find("123-45-6789", least=0.1)] == ["ssn"]
    text = "A12345678 and ann@example.org, 123-45-6789 or 415-555-0100; B123456789012"
    assert (
        redact(text, least=0.1) == "[passport] and [email], [ssn] or [phone]; [driver_license]"
    )  # the original cut this text to pieces


def test_ways_to_redact() -> None:
    text = "ann@example.org, bob@example.org, ann@example.org"
    assert redact(text) == "[email], [email], [email]"
    assert redact(text, "remove") == ", , "
    first, other, again = redact(text, hashed(b"k" * 16)).split(", ")
    assert first == again != other
    assert first != redact("ann@example.org", hashed(b"K" * 16))
    assert redact("x", lambda kind, found: 1 / 0) == "x"  # type: ignore[arg-type, return-value]
    with pytest.raises(ValueError, match="16 bytes"):
        hashed(b"short")
    with pytest.raises(ValueError, match="'shout' is no way to redact"):
        redact(text, "shout")


def test_two_names_that_become_equal_keep_apart() -> None:
    assert redact_in({"a@example.org": 1, "b@example.org": 2, "[email]": 3}) == {
        "[email]#2": 1, "[email]#3": 2, "[email]": 3,
    }  # fmt: skip


PIECES = st.sampled_from(
    [value for _, _, value in FOUND]
    + ["1", "1 ", "-", "a", "A", "@", ".", ":", " ", "12 A ", "passport ", "ä", "(", "+1"]
)


@given(
    st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=40).map("".join)),
    st.sampled_from([0.0, 0.5, 0.9]),
)
@example("٣٣٣-٤٤-٥٥٥٥", 0.0)
def test_findings_are_ordered_apart_and_inside_the_text(text: str, least: float) -> None:
    found = find(text, least=least)
    assert found == find(text, least=least)
    assert all(0 <= each.start < each.end <= len(text) and each.kind in KINDS for each in found)
    assert all(before.end <= after.start for before, after in pairwise(found))
    kept = redact(text, lambda kind, value: value, least=least)
    assert kept == text
    masked = redact(text, least=least)
    for each in found:
        assert masked.count(f"[{each.kind}]") >= sum(other.kind == each.kind for other in found)


@pytest.mark.parametrize(
    "piece",
    ["a", "1", "A", " ", "1 ", "1-", "1.", "a.", "a@", "@a.", "::", "a:", "1:", "+1", "(1", "1 A ", "12 Aa ", "A1", "DE89 ",
     "4111 ", "passport ", "tel ", "born 1", "a@a.a.", "Jan 1", "ssn ", "1980-", "\\", "ä", "driver's license "],
)  # fmt: skip
def test_time_grows_with_the_text_and_no_faster(piece: str) -> None:
    """Ten times the text takes about ten times as long: a pattern that backtracks would take a hundred or hang."""

    def seconds(length: int) -> float:
        text = (piece * length)[:length] + "!"
        best = 1e9
        for _ in range(3):
            begun = time.process_time()
            find(text, name="address", least=0.0)
            best = min(best, time.process_time() - begun)
        return best

    small, large = seconds(4_000), seconds(40_000)
    assert large < 40 * small + 0.05, f"{small:.4f} s for 4,000 characters, {large:.4f} s for 40,000"
