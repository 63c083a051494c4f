"""Windows of whoever speaks to a job: the API dies around each verb, a host project inside its own transaction."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fatal.windows.steps import DOUBT
from tests.fatal.windows.window import NOTHING_OPEN, PERSON_LANDED, Window

# What is asked, and the agent that it is asked of.
VERBS = {
    "submit": "graph",
    "signal": "wait",
    "approve": "ask",
    "cancel": "wait",
    "pause": "wait",
    "resume": "wait",
    "resolve": "graph",
}
# Name, moment, crash point. Without one it is killed from outside, the answer in hand.
ALWAYS = (
    ("answered", "right after its 2xx", ""),
    ("unanswered", "committed, not a byte of the answer has left", "before_answer:1"),
    ("uncommitted", "in the transaction, before COMMIT", "before_commit:1"),
    ("committed", "right after COMMIT, before the knock", "after_commit:1"),
)
FULLY = (
    *ALWAYS,
    ("appending", "in the transaction, the head has moved", "in_append:1"),
    ("unheard", "after the commit, before the knock", "after_commit_before_knock:1"),
)


def api() -> Iterator[Window]:
    """The API dies; who got no answer asks again."""
    for verb, form in VERBS.items():
        for name, where, at in FULLY if verb in ("submit", "signal") else ALWAYS:
            point = "after_birth_before_knock:1" if (verb, name) == ("submit", "unheard") else at
            yield Window(
                id=f"api-{verb}-{name}", where=f"{verb}: {where}", killed="API", plot="api", form=form, verb=verb, at=point,
                found=DOUBT if verb == "resolve" else frozenset(),
                resolved=frozenset({PERSON_LANDED if verb == "resolve" else NOTHING_OPEN}),
                effects=() if verb == "cancel" else (1,), ends="cancelled" if verb == "cancel" else "completed",
            )  # fmt: skip


def hosts() -> Iterator[Window]:
    """A process that submits inside its own transaction dies; it submits again under the same key."""
    for name, where, at in (
        ("appending", "in the host's own transaction, the job is half written", "in_append:1"),
        ("uncommitted", "in the host's own transaction, before its COMMIT", "before_commit:1"),
        ("committed", "right after the host's COMMIT, before the knock", "after_birth_before_knock:1"),
    ):
        yield Window(id=f"host-{name}", where=where, killed="host process", plot="host", at=at)


WINDOWS = (*api(), *hosts())
