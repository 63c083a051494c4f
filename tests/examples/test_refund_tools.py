"""The tools of the refund agent against a real payment service."""

from __future__ import annotations

import pytest

from examples.refund.tools import fetch_order, issue_refund, take_back
from ledger import Absent, Landed, NotLanded, ToolCall, Unknown
from tests.examples.payment_process import PaymentProcess, send

CALL = ToolCall(idempotency_key="k-1", args={"order_id": "A-1001", "cents": 12_000})


@pytest.fixture(autouse=True)
def _address(payments: PaymentProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AETHERIS_PAYMENTS_URL", payments.url)


def test_the_order_is_read_and_the_refund_carries_our_key(payments: PaymentProcess) -> None:
    order = fetch_order("A-1001")
    made = issue_refund(order["id"], order["cents"], CALL)
    assert (made["cents"], made["key"]) == (12_000, "k-1")
    assert payments.stats()["refunds_per_key"] == {"k-1": 1}


def test_the_declarations_say_what_the_tools_do_to_the_world() -> None:
    assert fetch_order.effect == "pure"
    assert issue_refund.effect == "at_most_once"
    assert issue_refund.key is not None
    assert issue_refund.key(order_id="A-1001", cents=12_000) == "refund:A-1001"
    assert not issue_refund.probe_final


def test_a_refund_is_taken_back_under_a_key_of_its_own_and_can_be_asked_about(
    payments: PaymentProcess,
) -> None:
    made = issue_refund("A-1001", 12_000, CALL)
    own = ToolCall(idempotency_key="undo-1", args=CALL.args, compensates=CALL)
    assert issue_refund.compensation is take_back
    assert take_back.probe_fn is not None
    assert take_back.probe_fn(own) == Absent()
    back = take_back(own, made)
    assert (back["refund"], back["key"]) == (made["id"], "undo-1")
    assert take_back.probe_fn(own) == Landed(back)
    payments.kill()
    with pytest.raises(NotLanded, match="nothing was sent"):
        take_back(own, made)
    assert isinstance(take_back.probe_fn(own), Unknown)


def test_only_a_connection_that_never_came_about_is_not_landed(payments: PaymentProcess) -> None:
    payments.mode("drop")
    with pytest.raises(Exception, match="no readable answer") as lost:
        issue_refund("A-1001", 12_000, CALL)
    assert not isinstance(lost.value, NotLanded)
    payments.kill()
    with pytest.raises(NotLanded, match="nothing was sent"):
        issue_refund("A-1001", 12_000, CALL)


def test_the_probe_finds_a_refund_whose_answer_was_lost(payments: PaymentProcess) -> None:
    assert issue_refund.probe_fn is not None
    assert issue_refund.probe_fn(CALL) == Absent()
    payments.mode("drop")
    with pytest.raises(Exception, match="no readable answer"):
        issue_refund("A-1001", 12_000, CALL)
    known = payments.ask("GET", "/refunds?key=k-1")[1]
    assert issue_refund.probe_fn(CALL) == Landed(known["refunds"][0])


def test_the_probe_cannot_tell_while_a_call_is_worked_on_or_nobody_answers(payments: PaymentProcess) -> None:
    assert issue_refund.probe_fn is not None
    payments.mode("hang", when="before")
    caller = payments.connect()
    send(caller, "POST", "/refunds", {"order_id": "A-1001", "cents": 12_000}, key="k-1")
    payments.until_hanging(1)
    assert isinstance(issue_refund.probe_fn(CALL), Unknown)
    caller.close()
    payments.kill()
    assert isinstance(issue_refund.probe_fn(CALL), Unknown)
