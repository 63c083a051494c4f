"""The tools of the loan agent: read an application, find policies, pay a loan out at most once."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from ledger import Absent, Landed, ToolCall, tool

DOCUMENTS = Path(__file__).with_name("documents")
APPLICATIONS: dict[str, dict[str, Any]] = {
    "L-2001": {
        "name": "A. Applicant",
        "cents": 600_000,
        "months": 24,
        "income_cents": 280_000,
        "instalments_cents": 30_000,
    },
    "L-2002": {
        "name": "B. Applicant",
        "cents": 900_000,
        "months": 6,
        "income_cents": 210_000,
        "instalments_cents": 60_000,
    },
}


@tool(effect="pure", timeout=10)
def read_application(application_id: str) -> dict[str, Any]:
    """Return an application for a loan.

    Raises:
        LookupError: there is none with this number.
    """
    if application_id not in APPLICATIONS:
        raise LookupError(f"there is no application {application_id}; known are {', '.join(APPLICATIONS)}")
    return {"id": application_id, **APPLICATIONS[application_id]}


@tool(effect="pure", timeout=10)
def find_policies(topic: str, call: ToolCall) -> list[dict[str, str]]:
    """Find the policies that speak of a topic, and cite each with the digest of exactly what was read."""
    found = []
    for path in sorted(DOCUMENTS.glob("*.md")):
        text = path.read_text("utf-8")
        if topic.lower() in text.lower():
            name, digest = path.stem, sha256(text.encode()).hexdigest()
            call.cite(name, digest=digest, source=f"examples/loan/documents/{path.name}")
            found.append({"document": name, "digest": digest, "text": text})
    return found


@tool(effect="at_most_once", timeout=30, key=lambda application_id, **_: f"loan:{application_id}")
def pay_out(application_id: str, cents: int, call: ToolCall) -> dict[str, Any]:
    """Pay a loan out: one line in the book of payouts, which is the world of this example."""
    paid = {
        "payout": f"PAY-{application_id}",
        "application": application_id,
        "cents": cents,
        "key": call.idempotency_key,
    }
    with _book().open("a", encoding="utf-8") as book:
        book.write(json.dumps(paid) + "\n")
    return paid


@pay_out.probe
def _paid(call: ToolCall) -> Landed | Absent:
    """Look into the book for our key."""
    for line in _book().read_text("utf-8").splitlines() if _book().exists() else ():
        if json.loads(line)["key"] == call.idempotency_key:
            return Landed(json.loads(line))
    return Absent()


def _book() -> Path:
    path = Path(os.environ.get("AETHERIS_LOAN_BOOK", "var/loan-payouts.jsonl"))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
