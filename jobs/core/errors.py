"""Why a wish was not granted.

    Refused
    ├── NotFound       no such job, approval, invocation (for this tenant)
    ├── Gone           the job was pruned: its tombstone is all that is left
    ├── NotAllowed     this actor may not do that
    ├── Illegal        the state of the job does not allow it
    │   ├── Ended      the job has already ended
    │   └── Stale      what the caller saw is no longer so
    ├── Fenced         a later claim holds the step
    ├── Invalid        the wish itself is malformed
    ├── TooLarge       a payload over the limit
    ├── Unrecorded     the access log could not take it, and it may not go unrecorded
    ├── Unsupported    a documented parameter whose machinery does not exist yet
    └── KeyReused      an idempotency key used again for something else

Each has a stable `code` for programs and a sentence for people. Only `aetheris_site.errors`
knows which HTTP status belongs to which of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class Refused(Exception):
    """A wish that was not granted; nothing was changed.

    Args:
        message: one sentence: what happened, to which job or step, and what to do.
        code: stable snake_case identifier; the class's own unless given.
        errors: per field, `{"loc": [...], "msg": "..."}`.
        details: further machine-readable members.
    """

    code = "refused"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        errors: Sequence[Mapping[str, object]] = (),
        **details: object,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.errors = [dict(error) for error in errors]
        self.details = details


class NotFound(Refused):
    """No such thing, or it belongs to another tenant."""

    code = "not_found"


class Gone(Refused):
    """The job was pruned; its tombstone says when, by whom and why."""

    code = "job_pruned"


class NotAllowed(Refused):
    """The actor may not do this."""

    code = "not_allowed"


class Illegal(Refused):
    """The job's state does not allow it."""

    code = "illegal_state"


class Ended(Illegal):
    """The job has already ended; nothing reopens it."""

    code = "job_ended"


class Stale(Illegal):
    """The caller decided on something that has changed since."""

    code = "stale"


class Fenced(Refused):
    """Another claim holds the step now; this one writes nothing any more."""

    code = "fenced"


class Invalid(Refused):
    """The wish itself is malformed."""

    code = "invalid"


class TooLarge(Refused):
    """A payload over the limit."""

    code = "too_large"


class Unsupported(Refused):
    """A documented parameter whose machinery is not built yet."""

    code = "not_supported_yet"


class KeyReused(Refused):
    """An idempotency key was used before for another request."""

    code = "idempotency_key_reused"


class Unrecorded(Refused):
    """The access could not be written to the access log, and an unrecorded one is not allowed."""

    code = "access_unrecorded"


class Busy(Exception):
    """Others kept changing the job; nothing was written. No refusal of the wish: ask again."""
