"""The tools of the refund agent: read an order, and pay money back at most once."""

from typing import Any

from examples.payments.client import NotSent, PaymentsClient, PaymentsError
from ledger import Absent, Landed, NotLanded, Retry, ToolCall, Unknown, tool


@tool(effect="pure", timeout=10, retry=Retry(max_attempts=3, backoff=0.5))
def fetch_order(order_id: str) -> dict[str, Any]:
    """Return `{id, cents, currency}` of an order."""
    return PaymentsClient.from_environment(timeout=8).order(order_id)


@tool(
    effect="at_most_once",
    timeout=30,
    retry=Retry(max_attempts=4, backoff=0.5),
    key=lambda order_id, **_: f"refund:{order_id}",
)
def issue_refund(order_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Refund `cents` of an order and return the refund that the payment service made.

    Only a connection that never came about is reported as NotLanded and retried. Anything else, an
    error answer included, leaves open whether money moved; then the probe is asked, not the door again.
    """
    try:
        return PaymentsClient.from_environment(timeout=28).refund(order_id, cents, key=call.idempotency_key)
    except NotSent as unsent:
        raise NotLanded(str(unsent)) from unsent


@issue_refund.probe
def _refund_made(call: ToolCall) -> Landed | Absent | Unknown:
    """Ask the payment service what it did under our key.

    Absent is not final here: a request may still be on its way to a service that keeps no promise
    about keys. Aetheris pays again by itself only if the process that sent it is known to be dead.
    """
    try:
        known = PaymentsClient.from_environment(timeout=8).refunds(call.idempotency_key)
    except PaymentsError as silent:
        return Unknown(str(silent))
    if known["refunds"]:
        return Landed(known["refunds"][0])
    if known["in_flight"]:
        return Unknown(f"the payment service is still working on a call under {call.idempotency_key}")
    return Absent()


@issue_refund.compensate(timeout=30)
def take_back(call: ToolCall, result: Any) -> dict[str, Any]:
    """Take a refund back: for a job that was submitted with `on_failure="compensate"` and ends without success."""
    try:
        return PaymentsClient.from_environment(timeout=28).reverse(result["id"], key=call.idempotency_key)
    except NotSent as unsent:
        raise NotLanded(str(unsent)) from unsent


@take_back.probe
def _refund_taken_back(call: ToolCall) -> Landed | Absent | Unknown:
    """Ask the payment service whether it took the refund back under our key; for Absent see above."""
    try:
        known = PaymentsClient.from_environment(timeout=8).refunds(call.idempotency_key)
    except PaymentsError as silent:
        return Unknown(str(silent))
    if known["reversals"]:
        return Landed(known["reversals"][0])
    if known["in_flight"]:
        return Unknown(f"the payment service is still working on a call under {call.idempotency_key}")
    return Absent()
