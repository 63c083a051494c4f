"""Pages of the admin as looks: who opened which page of forensic data, from where, and what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse

from jobs.core.errors import Unrecorded
from jobs.viewing import REQUEST_ID, Look, Who, announce, at_web, looked, what_was_asked

from .desk import actor_on

log = logging.getLogger("aetheris.admin")
Page = TypeVar("Page", bound=Callable[..., HttpResponse])


def page_looked(
    action: str, question: str, *, strict: bool = False, of_job: bool = True
) -> Callable[[Page], Page]:
    """Have every opening of an admin page announced, also where it is refused.

    Args:
        action: under which it stands in the access log.
        question: name of the page.
        strict: whether it must not be shown unrecorded.
        of_job: whether the id in its address is a job's.
    """

    def around(page: Page) -> Page:
        @wraps(page)
        def shown(self: Any, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not looked.has_listeners():
                return page(self, request, *args, **kwargs)
            status, answer, refusal = 200, None, None
            try:
                answer = page(self, request, *args, **kwargs)
                status = answer.status_code
            except (Http404, PermissionDenied) as error:
                status, refusal = 404 if isinstance(error, Http404) else 403, error
            look = _look(request, action, question, [*args, *kwargs.values()], status, strict, of_job=of_job)
            return _told(look, answer, refusal)

        return shown  # type: ignore[return-value]  # it takes and gives what the page does

    return around


def _told(look: Look, answer: HttpResponse | None, refusal: Exception | None) -> HttpResponse:
    try:
        announce(look)
    except Unrecorded as error:
        log.error("%s is not shown: %s", look.question, error)
        return HttpResponse(error.message, status=503, content_type="text/plain; charset=utf-8")
    if refusal is not None:
        raise refusal
    assert answer is not None
    answer[REQUEST_ID] = look.request
    return answer


def _look(
    request: HttpRequest,
    action: str,
    question: str,
    named: list[Any],
    status: int,
    strict: bool,
    *,
    of_job: bool,
) -> Look:
    actor = actor_on(request)
    ids = [each for each in map(_uuid, named) if each and of_job]
    others = [str(each) for each in named if each not in ("", None) and not (of_job and _uuid(each))]
    return Look(
        who=Who("user", actor.id, actor.name), tenant=actor.tenant, action=action, question=question,
        status=status, job=ids[0] if ids else "", target=" ".join(each for each in others if each.isprintable())[:300],
        strict=strict, **at_web(request), **what_was_asked(request.GET),
    )  # fmt: skip


def _uuid(value: Any) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        return ""
