"""Failure: what went wrong, its code, what to do about it, and with which number the command ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import IO, Any

import click

from .words import clean


class Failure(click.ClickException):
    """A command that did not succeed; it ends with 1.

    Args:
        message: one sentence for people.
        code: stable snake_case name for programs.
        advice: what to do, where the sentence does not say it already.
        errors: per field, `{"loc": […], "msg": "…"}`.
        details: what else the server said of it.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        advice: str = "",
        errors: Sequence[Mapping[str, Any]] = (),
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.advice = advice
        self.errors = errors
        self.details = details or {}

    def format_message(self) -> str:
        """The sentence with its code, one line per field, and the advice."""
        lines = [f"{clean(self.message)} [{clean(self.code)}]"]
        lines += [f"  {_field(error)}" for error in self.errors]
        if self.advice:
            lines.append(clean(self.advice))
        return "\n".join(lines)

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it on stderr."""
        click.echo(f"Error: {self.format_message()}", file=file, err=file is None)


class Missing(Failure):
    """There is no such thing; it ends with 3."""

    exit_code = 3


class Refused(Failure):
    """The server, or this command itself, does not grant it; it ends with 4."""

    exit_code = 4


_BY_STATUS: dict[int, type[Failure]] = {403: Refused, 404: Missing, 409: Refused, 413: Refused, 422: Refused}


def of_problem(status: int, problem: Mapping[str, Any], retry_after: str = "") -> Failure:
    """The failure that an `application/problem+json` answer tells of."""
    sentence = str(problem.get("detail") or problem.get("title") or f"The server answered {status}")
    errors = problem.get("errors")
    return _BY_STATUS.get(status, Failure)(
        sentence,
        code=str(problem.get("code") or f"http_{status}"),
        advice=_advice(status, retry_after),
        errors=[error for error in errors if isinstance(error, Mapping)] if isinstance(errors, list) else (),
        details=problem,
    )


def _advice(status: int, retry_after: str) -> str:
    if status == 401:
        return (
            "Give a valid token with --token or AETHERIS_TOKEN; where `make run` made the users, --as NAME."
        )
    if status == 429:
        return f"Try again in {retry_after} seconds." if retry_after else "Try again later."
    if status >= 500:
        return "The server's log has the reason; `aetheris health` says what is missing."
    return ""


def _field(error: Mapping[str, Any]) -> str:
    place = error.get("loc", ())
    path = ".".join(str(part) for part in place) if isinstance(place, list | tuple) else str(place)
    return clean(f"{path or 'body'}: {error.get('msg', '')}")
