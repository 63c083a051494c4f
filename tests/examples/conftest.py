"""Fixtures of the example tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.payment_process import PaymentProcess


@pytest.fixture
def payments(tmp_path: Path) -> Iterator[PaymentProcess]:
    """A running payment service with an empty book."""
    service = PaymentProcess(tmp_path / "payments.jsonl").start()
    yield service
    service.kill()


@pytest.fixture
def deduping(tmp_path: Path) -> Iterator[PaymentProcess]:
    """A running payment service that honours idempotency keys."""
    service = PaymentProcess(tmp_path / "payments.jsonl", ("--dedupe",)).start()
    yield service
    service.kill()
