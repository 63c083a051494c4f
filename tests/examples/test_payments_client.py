"""The client of the payment service: it knows what was certainly not sent."""

from __future__ import annotations

import pytest

from examples.payments.client import NotSent, PaymentsClient, PaymentsError
from tests.examples.payment_process import PaymentProcess


def test_the_client_reads_refunds_and_looks_up(payments: PaymentProcess) -> None:
    client = PaymentsClient(payments.url)
    assert client.order("A-1001")["cents"] == 12_000
    made = client.refund("A-1001", 12_000, key="a key/&?")
    assert client.refunds("a key/&?")["refunds"] == [made]


def test_a_service_that_is_down_was_certainly_not_called(payments: PaymentProcess) -> None:
    payments.kill()
    with pytest.raises(NotSent, match="nothing was sent"):
        PaymentsClient(payments.url).refund("A-1002", 4_200, key="k")


@pytest.mark.parametrize("fault", [{"mode": "drop"}, {"mode": "fail"}, {"mode": "hang", "seconds": 30}])
def test_a_call_that_left_without_a_good_answer_is_never_called_unsent(
    payments: PaymentProcess, fault: dict[str, object]
) -> None:
    payments.ask("POST", "/mode", fault)
    with pytest.raises(PaymentsError) as raised:
        PaymentsClient(payments.url, timeout=0.2).refund("A-1002", 4_200, key="k")
    assert not isinstance(raised.value, NotSent)
    assert payments.url in str(raised.value)


def test_a_refused_request_says_what_the_service_said(payments: PaymentProcess) -> None:
    with pytest.raises(PaymentsError, match="there is no order 'A 9/x'"):
        PaymentsClient(payments.url).order("A 9/x")


@pytest.mark.parametrize("url", ["https://127.0.0.1", "127.0.0.1:80", "http://127.0.0.1:x", "http://h/path"])
def test_an_address_that_cannot_be_used_is_named(url: str) -> None:
    with pytest.raises(NotSent, match=url):
        PaymentsClient(url).order("A-1001")


def test_the_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AETHERIS_PAYMENTS_URL", "http://127.0.0.1:1")
    assert PaymentsClient.from_environment(timeout=1).url == "http://127.0.0.1:1"
    monkeypatch.delenv("AETHERIS_PAYMENTS_URL")
    assert PaymentsClient.from_environment(timeout=1).url == "http://127.0.0.1:8099"
