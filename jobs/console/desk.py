"""What every page of the console shares: who looks, the frame around a page, times, and links to the other faces."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.generic import View

from jobs import queries
from jobs.admin.desk import actor_on
from jobs.core.commands import Actor
from jobs.core.errors import Gone, NotAllowed, NotFound, Refused
from jobs.core.moments import parse
from jobs.models import Approval, Job
from jobs.queries.inbox import nearest

BADGE = 100  # up to which what waits is counted in the head of every page
LIVE = 3_600  # seconds for which an opened page may refresh itself
_LIVE_SALT = "aetheris.console.live"
NOTHING = "–"


def when(at: datetime | str | None) -> SafeString | str:
    """A moment: in UTC by the server, in the reader's own zone by the script."""
    if at is None or at == "":
        return NOTHING
    moment = (parse(at) if isinstance(at, str) else at).astimezone(UTC)
    return format_html(
        '<time datetime="{}">{}</time>',
        moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        moment.strftime("%Y-%m-%d %H:%M:%S UTC"),
    )


def askers(approvals: Iterable[Approval]) -> dict[UUID, dict[str, str]]:
    """Of each approval's job: which agent asks, and for whom."""
    jobs = Job.objects.filter(pk__in={each.job_id for each in approvals})
    rows = jobs.values_list("id", "agent", "requester_name", "requester")
    return {id: {"agent": agent, "who": name or key} for id, agent, name, key in rows}


@method_decorator([never_cache, transaction.non_atomic_requests], name="dispatch")
class Page(LoginRequiredMixin, View):
    """A page for somebody who is logged in, about the rows of their tenant.

    What they may see is what the API shows them; a verb has the last word on what they may do.
    """

    request: HttpRequest

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """The page; where there is none, or not for this user, one that says so."""
        try:
            return super().dispatch(request, *args, **kwargs)
        except Http404 as error:
            return self.page("refused.html", "Not found", code=404, why=sentence(str(error)))
        except PermissionDenied as error:
            why = sentence(str(error) or f"{self.actor.name} may not do that")
            return self.page("refused.html", "Not allowed", code=403, why=why)

    @property
    def actor(self) -> Actor:
        return actor_on(self.request)

    @property
    def tenant(self) -> str:
        return self.actor.tenant

    def job(self, job: UUID) -> Job:
        """The job of the path.

        Raises:
            Http404: none of this tenant, or pruned.
        """
        try:
            return queries.job_for(self.tenant, job)
        except (NotFound, Gone) as refusal:
            raise Http404(refusal.message) from refusal

    def page(self, template: str, title: str, *, code: int = 200, **context: Any) -> HttpResponse:
        """A page in the console's frame."""
        waiting = nearest(self.actor, BADGE + 1, judged_only=True)
        unknown = queries.unresolved_of(self.tenant).order_by("promised_at", "id")
        frame = {
            "title": title,
            "inbox": len(waiting),
            "admin": self.admin("index"),
            "may_start": "submit" in self.actor.may,
            "doubts": unknown[: BADGE + 1].count(),
            "login": settings.LOGIN_URL,
        }
        return TemplateResponse(
            self.request, f"aetheris/console/{template}", {**frame, **context}, status=code
        )

    def admin(self, name: str, *args: object) -> str | None:
        """The address of an admin page, for those who may enter; None where there is none."""
        return address(f"admin:{name}", *args) if getattr(self.request.user, "is_staff", False) else None

    def do(self, deed: Callable[[], object], done: str) -> bool:
        """Call one verb and tell the user what came of it.

        Returns:
            Whether it was granted.

        Raises:
            Http404: the verb found nothing of that id in this tenant. PermissionDenied: the user may not.
        """
        try:
            deed()
        except (NotFound, Gone) as refusal:
            raise Http404(refusal.message) from refusal
        except NotAllowed as refusal:
            raise PermissionDenied(refusal.message) from refusal
        except Refused as refusal:
            messages.error(self.request, sentence(refusal.message))
            return False
        messages.success(self.request, done)
        return True


def address(name: str, *args: object) -> str | None:
    """The address of a page that this project may not have."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return None


def sentence(text: str) -> str:
    """A refusal as a sentence."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def live_pass(request: HttpRequest, job: UUID) -> str:
    """What lets an opened page refresh itself: its opening is on record, and its refreshes are the same look."""
    return signing.dumps([str(request.user.pk), str(job), request.path], salt=_LIVE_SALT)


def is_refresh(request: HttpRequest, job: UUID) -> bool:
    """Whether this request is an opened page that refreshes itself."""
    try:
        told = signing.loads(request.headers.get("X-Console-Live", ""), salt=_LIVE_SALT, max_age=LIVE)
    except signing.BadSignature:
        return False
    return bool(told == [str(request.user.pk), str(job), request.path])
