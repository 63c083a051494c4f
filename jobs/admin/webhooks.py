"""Webhooks: added, tested, rotated and switched here, with what was sent to each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from jobs.core.errors import Refused
from jobs.models import Webhook
from jobs.notify.endpoints import TYPES, Made
from jobs.services import webhooks as verbs
from ledger.admin import utc

from .desk import Desk, actor_on
from .shown import badge

SENT = 50  # messages on a webhook's page


class NewWebhook(forms.Form):
    """A webhook in the making."""

    url = forms.CharField(
        max_length=1000, label="Address", help_text="https, and public. Some services put a secret into it."
    )
    name = forms.CharField(required=False, max_length=120, help_text="What people call it.")
    events = forms.MultipleChoiceField(
        required=False, choices=[(each, each) for each in TYPES], widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all.",
    )  # fmt: skip
    asymmetric = forms.BooleanField(
        required=False,
        label="Sign with an Ed25519 key (v1a)",
        help_text="Else with a shared secret (v1), which every library checks.",
    )


class Rotation(forms.Form):
    """How long the old secret still signs."""

    hours = forms.IntegerField(
        initial=24, min_value=0, max_value=720, label="Hours that the old secret signs beside the new one",
        help_text="0 if it has leaked: then it ends at once.",
    )  # fmt: skip


@admin.register(Webhook)
class WebhookAdmin(Desk):
    """Webhooks of the tenant; to change them takes the permission to manage webhooks."""

    list_title = "Webhooks"
    list_display = ("called", "where", "wants", "state", "created")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_view_permission(request) or verbs.may_manage(actor_on(request))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return verbs.may_manage(actor_on(request))

    @admin.display(description="webhook")
    def called(self, hook: Webhook) -> str:
        return str(hook)

    @admin.display(description="leads to")
    def where(self, hook: Webhook) -> str:
        return hook.url.split("/")[2]

    @admin.display(description="wants")
    def wants(self, hook: Webhook) -> str:
        return ", ".join(each.removeprefix("approval.") for each in json.loads(hook.events)) or "everything"

    @admin.display(description="state")
    def state(self, hook: Webhook) -> SafeString:
        return badge("alive" if hook.enabled else "paused")

    @admin.display(description="added", ordering="created_at")
    def created(self, hook: Webhook) -> str:
        return utc(hook.created_at)

    def get_urls(self) -> list[URLPattern]:
        verb = self.admin_site.admin_view
        own = [
            path("<uuid:hook>/rotate/", verb(self.rotate_view), name="aetheris_jobs_webhook_rotate"),
            path("<uuid:hook>/test/", verb(require_POST(self.test_view)), name="aetheris_jobs_webhook_test"),
            path(
                "<uuid:hook>/switch/",
                verb(require_POST(self.switch_view)),
                name="aetheris_jobs_webhook_switch",
            ),
        ]
        return own + super().get_urls()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        hook, actor = self.found(request, object_id), actor_on(request)
        facts = [
            ("Address", verbs.address(hook, actor)),
            ("Wants", self.wants(hook)),
            ("Secrets that sign now", str(verbs.living(hook))),
            ("Added", f"{utc(hook.created_at)} by {hook.created_by}"),
            ("Changed", utc(hook.changed_at)),
            *([("Off because", hook.disabled_why)] if hook.disabled_why else []),
        ]
        lines = verbs.deliveries_of(hook).order_by("-promised_at", "-id")[:SENT]
        sent = [
            {
                "line": each,
                "of": json.loads(each.args),
                "at": utc(each.promised_at),
                "state": badge(each.state),
            }
            for each in lines
        ]
        context = {
            "hook": hook,
            "state": self.state(hook),
            "facts": facts,
            "sent": sent,
            "managed": verbs.may_manage(actor),
        }
        return self.page(request, "webhook.html", str(hook), **context)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Add one. The answer to the form is the only page that ever shows its secret."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = NewWebhook(request.POST or None)
        if request.method == "POST" and form.is_valid():
            shown = self._made(request, form, lambda: verbs.add_webhook(form.cleaned_data, actor_on(request)))
            if shown is not None:
                return shown
        context = {
            "form": form,
            "verb": "Add webhook",
            "why": "It is told of approvals over HTTP, signed after the Standard Webhooks specification.",
        }
        return self.page(request, "webhook_form.html", "New webhook", **context)

    def rotate_view(self, request: HttpRequest, hook: UUID) -> HttpResponse:
        """Give it a new secret, which is shown once."""
        row = self._managed(request, hook)
        form = Rotation(request.POST or None)
        if request.method == "POST" and form.is_valid():
            overlap = form.cleaned_data["hours"] * 3600.0
            shown = self._made(
                request, form, lambda: verbs.rotate_webhook(row.id, actor_on(request), overlap=overlap)
            )
            if shown is not None:
                return shown
        why = f"{row} gets a new secret; its receiver must know it before the old one ends."
        back = self.url("aetheris_jobs_webhook_change", row.pk)
        return self.page(
            request, "webhook_form.html", "Rotate secret", form=form, verb="Rotate", why=why, back=back
        )

    def test_view(self, request: HttpRequest, hook: UUID) -> HttpResponse:
        """Send a test message."""
        row = self._managed(request, hook)
        self.do(
            request,
            lambda: verbs.test_webhook(row.id, actor_on(request)),
            "A test is on its way; it is listed below once it is promised.",
        )
        return HttpResponseRedirect(self.url("aetheris_jobs_webhook_change", row.pk))

    def switch_view(self, request: HttpRequest, hook: UUID) -> HttpResponse:
        """On, or off."""
        row = self._managed(request, hook)
        on = request.POST.get("enabled") == "true"
        done = "It is on: it is told from now on." if on else "It is off: nothing is sent there any more."
        self.do(request, lambda: verbs.change_webhook(row.id, {"enabled": on}, actor_on(request)), done)
        return HttpResponseRedirect(self.url("aetheris_jobs_webhook_change", row.pk))

    def _managed(self, request: HttpRequest, hook: UUID) -> Webhook:
        row: Webhook = self.found(request, str(hook))
        if not verbs.may_manage(actor_on(request)):
            raise PermissionDenied
        return row

    @sensitive_variables("made")
    def _made(self, request: HttpRequest, form: forms.Form, make: Callable[[], Made]) -> HttpResponse | None:
        try:
            made = make()
        except Refused as refusal:
            for error in refusal.errors:
                place: Any = error.get("loc") or [None]
                form.add_error(place[0] if place[0] in form.fields else None, str(error.get("msg")))
            return None
        response = never_cache(self.page)(request, "webhook_made.html", "Secret of the webhook", made=made)
        response.headers["Referrer-Policy"] = "no-referrer"
        return response
