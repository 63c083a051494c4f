"""Waiting for the end of a job, by asking again and again; where it is parked is said on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .client import Api
from .failures import Failure
from .output import note
from .paths import job_path
from .words import clean, parked

ENDED = ("completed", "failed", "cancelled")
_PATIENCE = 60.0  # seconds without an answer, as while the server is restarted


@dataclass(frozen=True)
class Clock:
    """The time and the sleep that waiting uses; tests bring their own."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def until_end(api: Api, job: str, *, timeout: float | None, clock: Clock | None = None) -> Mapping[str, Any]:
    """The job once it has ended.

    Args:
        api: where it is.
        job: its id.
        timeout: seconds to wait; None waits for ever.
        clock: the time.

    Raises:
        Failure: the time is over (`timeout`), or the server refuses or stays silent.
    """
    clock = clock or Clock()
    begun, pause, told = clock.now(), 0.1, ""
    while True:
        found = patiently(lambda: api.get(job_path(job)), clock)
        if found["status"] in ENDED:
            return found
        told = _tell(found, told)
        left = None if timeout is None else begun + timeout - clock.now()
        if left is not None and left <= 0:
            raise Failure(
                f"Job {job} is still {found['status']} after {timeout:g} seconds",
                code="timeout",
                advice=f"It goes on without you; `aetheris job {job}` shows it.",
            )
        clock.sleep(pause if left is None else min(pause, left))
        pause = min(pause * 1.3, 1.0)


def patiently(ask: Callable[[], Any], clock: Clock) -> Any:
    """The answer to a question, asked again for a minute while the server is away."""
    begun = clock.now()
    while True:
        try:
            return ask()
        except Failure as failure:
            if failure.code not in ("unreachable", "no_answer") or clock.now() - begun >= _PATIENCE:
                raise
            clock.sleep(1.0)


def must_complete(job: Mapping[str, Any]) -> None:
    """Raise Failure unless the job completed, with its error as the reason."""
    if job["status"] == "completed":
        return
    raise Failure(
        f"Job {job['id']} {_end(job)}",
        code=f"job_{job['status']}",
        advice=f"`aetheris trace {job['id']}` tells how.",
    )


def _end(job: Mapping[str, Any]) -> str:
    error = job.get("error")
    if isinstance(error, Mapping):
        error = error.get("message") or error.get("detail") or dict(error)
    word = "was cancelled" if job["status"] == "cancelled" else "failed"
    return clean(f"{word}: {error}" if error else word)


def _tell(job: Mapping[str, Any], told: str) -> str:
    words = "; ".join(parked(wait) for wait in job.get("parked_on") or [])
    if words and words != told:
        note(f"Parked on {words}.{_next_step(job)}")
    return words


def _next_step(job: Mapping[str, Any]) -> str:
    waits = {wait.get("kind"): wait for wait in job["parked_on"]}
    if "approval" in waits:
        return f" A person answers with: aetheris approve {job['id']}"
    if "unknown_outcome" in waits:
        return " A person says what happened: aetheris unresolved"
    if "world" in waits:
        return (
            f" It goes on with: aetheris confirm {job['id']}, or with --accept {waits['world'].get('name')}"
        )
    if "signal" in waits:
        return f" It goes on with: aetheris signal {job['id']} {waits['signal'].get('name') or 'NAME'}"
    return ""
