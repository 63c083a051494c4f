"""What a workflow's wait or question says, checked and in its recorded form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ledger.canonical import jsonable

from .core.names import deadline as read_deadline


class Decision(dict[str, Any]):
    """The answer to an approval: `decision`, `by`, `comment`, `form`, `approval`."""

    @property
    def approved(self) -> bool:
        return bool(self["decision"] == "approved")

    @property
    def rejected(self) -> bool:
        return bool(self["decision"] == "rejected")

    @property
    def timed_out(self) -> bool:
        return bool(self.get("timed_out", False))


def wait_spec(deadline: Any, on_timeout: str) -> dict[str, Any]:
    """Until when a wait lasts, and what its passing means.

    Raises:
        ValueError: a deadline that is none, or another word than `fail` and `continue`.
    """
    if on_timeout not in ("fail", "continue"):
        raise ValueError(f"on_timeout is {on_timeout!r}; it must be 'fail' or 'continue'")
    return {"deadline": None if deadline is None else read_deadline(deadline), "on_timeout": on_timeout}


def approval_wish(
    question: str,
    show: Any = None,
    *,
    groups: Sequence[str] = (),
    users: Sequence[str] = (),
    quorum: int = 1,
    four_eyes: bool = False,
    deadline: Any = None,
    on_timeout: str = "reject",
    escalate_to: Sequence[str] = (),
    form: Any = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """An approval's arguments as they are compared, and as they are put.

    Raises:
        ValueError: nobody is asked, or a value is out of range.
    """
    if not groups and not users:
        raise ValueError("an approval asks somebody: give groups=[…] or users=[…]")
    _check_quorum(quorum, None if groups else len(users))
    if on_timeout not in ("reject", "approve", "escalate"):
        raise ValueError(f"on_timeout is {on_timeout!r}; it must be 'reject', 'approve' or 'escalate'")
    if on_timeout == "escalate" and not escalate_to:
        raise ValueError("on_timeout='escalate' needs escalate_to=[groups]")
    spec = {
        "question": str(question), "shown": jsonable(show), "releases": [], "groups": list(groups),
        "users": list(users), "quorum": quorum, "four_eyes": bool(four_eyes),
        "deadline": None if deadline is None else read_deadline(deadline), "on_timeout": on_timeout,
        "escalate_to": list(escalate_to),
        "form": form.model_json_schema() if hasattr(form, "model_json_schema") else form,
    }  # fmt: skip
    return spec, spec


def _check_quorum(quorum: Any, most: int | None) -> None:
    whole = isinstance(quorum, int) and not isinstance(quorum, bool)
    if not whole or quorum < 1 or (most is not None and quorum > most):
        raise ValueError(
            f"quorum is {quorum!r}; it must be at least 1, and at most the number of users asked"
        )
