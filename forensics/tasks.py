"""Tasks of forensics: one line each; doing one twice, or late, does no harm."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task
from django.db import connection
from kombu.exceptions import OperationalError

from jobs.celery_defaults import DEFAULT_QUEUE
from jobs.keys import NoSigningKey
from jobs.outage import AWAY, in_a_line
from jobs.senders import senders

from . import inspection, search
from . import log as transparency
from .log import anchors
from .package import batches

log = logging.getLogger("aetheris.forensics")

INDEXED = 200_000  # events of one task at most; the next one goes on


@shared_task(name="aetheris.export", ignore_result=True, max_retries=0)
def export(key: str) -> None:
    """Make the packages of a batch, or what is left of them."""
    try:
        batches.run(key)
    except AWAY as outage:
        log.warning("export %s stands still: %s; the sweep takes it up", key, in_a_line(outage))
        connection.close()


@shared_task(name="aetheris.exports", ignore_result=True, max_retries=0)
def exports() -> None:
    """Take up batches that nobody is at, and remove those whose time is over."""
    try:
        for key in batches.waiting():
            tell(str(key))
        batches.clean()
    except AWAY as outage:
        log.warning("a look at the exports came to nothing: %s", in_a_line(outage))
        connection.close()


@shared_task(name="aetheris.index", ignore_result=True, max_retries=0)
def index() -> None:
    """Read new events into the index of names, so that no search finds it far behind."""
    try:
        search.catch_up(INDEXED)
    except AWAY as outage:
        log.warning("the index of names was not read on: %s", in_a_line(outage))
        connection.close()


@shared_task(name="aetheris.verification", ignore_result=True, max_retries=0)
def verification(key: str) -> None:
    """Go on with a verification for a while, and hand it on if it is not done."""
    try:
        if inspection.run(key):
            tell_verification(key)
    except AWAY as outage:
        log.warning("verification %s stands still: %s; the sweep takes it up", key, in_a_line(outage))
        connection.close()


@shared_task(name="aetheris.verifications", ignore_result=True, max_retries=0)
def verifications() -> None:
    """Ask for the verification that is due, and take up those that nobody is at."""
    try:
        inspection.due()
        for key in inspection.waiting():
            tell_verification(str(key))
    except AWAY as outage:
        log.warning("a look at the verifications came to nothing: %s", in_a_line(outage))
        connection.close()


@shared_task(name="aetheris.log", ignore_result=True, max_retries=0)
def append() -> None:
    """Give a leaf to every head that has moved, and sign a checkpoint."""
    try:
        transparency.append_heads()
    except NoSigningKey as reason:
        log.warning("nothing is logged: %s", reason)
    except AWAY as outage:
        log.warning("the log was not appended to: %s; the next run does it", in_a_line(outage))
        connection.close()


@shared_task(name="aetheris.anchors", ignore_result=True, max_retries=0)
def anchor() -> None:
    """Hand the newest checkpoint to the places outside that have not got it."""
    try:
        anchors.anchor_all()
    except AWAY as outage:
        log.warning("nothing was anchored: %s; the next run does it", in_a_line(outage))
        connection.close()


def tell(key: str) -> None:
    """Tell a worker of a batch. A broker that is away is logged: the sweep tells again."""
    _tell(export, key, "export")


def tell_verification(key: str) -> None:
    """Tell a worker of a verification; likewise."""
    _tell(verification, key, "verification")


def _tell(task: Any, key: str, what: str) -> None:
    try:
        senders.hand_over(lambda: task.apply_async((key,), queue=DEFAULT_QUEUE, retry=False))
    except (OperationalError, OSError) as outage:
        log.warning("nobody was told of %s %s (%s); the sweep does it", what, key, outage)
