"""What Celery itself logs in an outage: one warning, no traceback; everything else as ever."""

from __future__ import annotations

import logging

import pytest
from django.db import OperationalError
from kombu.exceptions import OperationalError as BrokerAway
from redis.exceptions import ConnectionError as RedisAway

from jobs import quiet


def logged(caplog: pytest.LogCaptureFixture, name: str, error: Exception) -> logging.LogRecord:
    """What becomes of an error that Celery logs with a traceback and a page of stack."""
    quiet.install()
    quiet.install()
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        try:
            try:
                raise error
            except Exception as cause:
                raise RuntimeError("cannot be applied") from cause
        except RuntimeError as told:
            logging.getLogger(name).critical("Message Error: %s\n%s", told, "a page of stack", exc_info=True)
    (record,) = caplog.records
    return record


@pytest.mark.parametrize("name", quiet.LOGGERS)
@pytest.mark.parametrize(
    "error", [OperationalError("gone"), BrokerAway("gone"), ConnectionRefusedError("gone")]
)
def test_an_outage_is_one_warning(name: str, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    record = logged(caplog, name, error)
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert record.getMessage() == "Message Error: cannot be applied (it is tried again)"


def test_a_redis_that_is_away_is_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    away = RedisAway("Error 111 connecting")
    away.__cause__ = ConnectionRefusedError(111, "Connection refused")
    assert logged(caplog, "celery.worker.request", away).exc_info is None


def test_any_other_error_keeps_its_traceback(caplog: pytest.LogCaptureFixture) -> None:
    record = logged(caplog, "celery.beat", ValueError("a schedule that cannot be read"))
    assert record.levelname == "CRITICAL"
    assert record.exc_info is not None
    assert "a page of stack" in record.getMessage()


def test_other_loggers_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    assert logged(caplog, "celery.app.trace", OperationalError("gone")).exc_info is not None
