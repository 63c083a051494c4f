"""Celery's own loggers while a broker or a database is away: one line each time, as ours, instead of a traceback.

Beat asks for a tick every second and a worker acknowledges every message, so that an outage of a minute, which hurts
nobody, would fill the log with pages of stack.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from kombu.exceptions import OperationalError as BrokerAway

from .outage import AWAY, in_a_line

LOGGERS = (
    "celery.beat",
    "django_celery_beat.schedulers",
    "celery.worker.request",
    "celery.worker.consumer.consumer",
)


class Outages(logging.Filter):
    """Lets every record pass; one that tells of an outage without its traceback, as a warning."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Shorten a record that tells of an outage."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and any(
            isinstance(each, (*AWAY, BrokerAway, OSError)) for each in _causes(error)
        ):
            record.msg, record.args = f"{in_a_line(Exception(record.getMessage()))} (it is tried again)", ()
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


def _causes(error: BaseException) -> Iterator[BaseException]:
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


_filter = Outages()


def install() -> None:
    """Put the filter on Celery's loggers; twice is harmless."""
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_filter)
