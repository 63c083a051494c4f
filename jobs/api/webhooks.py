"""`/api/webhooks`: who is told of approvals over HTTP, and what was sent there."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.models import Invocation

from ..core.commands import Actor
from ..core.moments import text
from ..models import Webhook
from ..notify.endpoints import TYPES, Made
from ..queries.jobs import moment
from ..services import webhooks as verbs
from . import schemas
from .acting import Acting
from .fields import Form, Text, Truth
from .pagination import PAGING, PagesView

NO_STORE = {"Cache-Control": "no-store"}


class WebhookForm(Form):
    """A new webhook."""

    url = Text(max_length=1000, help_text="Where to: https, to a public address.")
    name = Text(
        required=False, allow_blank=True, default="", max_length=120, help_text="What people call it."
    )
    events = serializers.ListField(
        child=serializers.ChoiceField(choices=TYPES),
        required=False,
        default=list,
        help_text="Only these; none: all.",
    )
    secret = Text(
        required=False,
        allow_blank=True,
        default="",
        max_length=200,
        help_text="`whsec_…`, `whsk_…` or `secret:NAME`; without one a new one is made.",
    )
    asymmetric = Truth(required=False, default=False, help_text="The new secret is an Ed25519 key (`v1a`).")


class WebhookChangeForm(Form):
    """What is to be another."""

    url = Text(required=False, max_length=1000)
    name = Text(required=False, allow_blank=True, max_length=120)
    events = serializers.ListField(child=serializers.ChoiceField(choices=TYPES), required=False)
    enabled = Truth(required=False)


class WebhookRotateForm(Form):
    """A new secret."""

    overlap = serializers.FloatField(
        required=False,
        default=verbs.OVERLAP,
        help_text="Seconds that the old secret signs beside the new one.",
    )
    secret = Text(
        required=False, allow_blank=True, default="", max_length=200, help_text="As for a new webhook."
    )


class WebhookAnswer(serializers.Serializer[Any]):
    """A webhook."""

    id = serializers.UUIDField()
    url = serializers.CharField()
    name = serializers.CharField()
    events = serializers.ListField(child=serializers.CharField())
    enabled = serializers.BooleanField()
    disabled_why = serializers.CharField()
    secrets = serializers.IntegerField(help_text="How many secrets sign now.")
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    changed_at = serializers.DateTimeField()


class WebhookMadeAnswer(WebhookAnswer):
    """A webhook, and what its receiver checks signatures with."""

    secret = serializers.CharField(
        help_text="The new `whsec_…` secret, or the `whpk_…` public key; shown only now. Empty: you gave it."
    )


class WebhookSentAnswer(serializers.Serializer[Any]):
    """One message to a webhook, as the ledger has it."""

    id = serializers.UUIDField()
    job = serializers.UUIDField()
    event = serializers.CharField()
    approval = serializers.CharField()
    state = serializers.CharField()
    attempts = serializers.IntegerField()
    promised_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(allow_null=True)
    result = serializers.JSONField(allow_null=True)
    error = serializers.JSONField(allow_null=True)


class WebhookTestAnswer(serializers.Serializer[Any]):
    """The job that sends the test."""

    job = serializers.UUIDField()


class WebhooksView(Acting, PagesView):
    """The tenant's webhooks."""

    @extend_schema(
        operation_id="list_webhooks",
        summary="List webhooks",
        parameters=schemas.PAGING,
        responses=schemas.answers({200: schemas.page(WebhookAnswer)}, 422),
    )
    def get(self, request: Request) -> Response:
        """The webhooks, the newest first, without their secrets."""
        self.known(*PAGING)
        rows = verbs.webhooks(self.actor)
        return self.page(
            rows, ("-created_at", "-id"), lambda found: [shown(each, self.actor) for each in found]
        )

    @extend_schema(
        operation_id="add_webhook",
        summary="Add a webhook",
        request=WebhookForm,
        responses=schemas.answers({201: WebhookMadeAnswer}, 422),
    )
    def post(self, request: Request) -> Response:
        """Add a webhook; the answer is the only one that shows its secret."""
        verbs.require_manager(self.actor)
        return Response(
            _made(verbs.add_webhook(self.body(WebhookForm), self.actor), self.actor),
            status=201,
            headers=NO_STORE,
        )


class WebhookView(Acting):
    """One webhook."""

    @extend_schema(
        operation_id="get_webhook",
        summary="Read a webhook",
        responses=schemas.answers({200: WebhookAnswer}, 404),
    )
    def get(self, request: Request, webhook: UUID) -> Response:
        """Its address, its events, and whether it is on."""
        return Response(shown(verbs.webhook(webhook, self.actor), self.actor))

    @extend_schema(
        operation_id="change_webhook",
        summary="Change a webhook",
        request=WebhookChangeForm,
        responses=schemas.answers({200: WebhookAnswer}, 404, 422),
    )
    def patch(self, request: Request, webhook: UUID) -> Response:
        """Another address, name or choice of events; on or off."""
        verbs.require_manager(self.actor)
        return Response(
            shown(verbs.change_webhook(webhook, self.body(WebhookChangeForm), self.actor), self.actor)
        )

    @extend_schema(
        operation_id="remove_webhook",
        summary="Remove a webhook",
        responses={204: None, **schemas.answers({}, 404)},
    )
    def delete(self, request: Request, webhook: UUID) -> Response:
        """End it; what was sent stays in the ledger."""
        verbs.remove_webhook(webhook, self.actor)
        return Response(status=204)


class RotateView(Acting):
    """A new secret."""

    @extend_schema(
        operation_id="rotate_webhook",
        summary="Rotate a webhook's secret",
        request=WebhookRotateForm,
        responses=schemas.answers({200: WebhookMadeAnswer}, 404, 422),
    )
    def post(self, request: Request, webhook: UUID) -> Response:
        """A new secret; the old one signs beside it for a while, so that no receiver fails meanwhile."""
        verbs.require_manager(self.actor)
        wish = self.body(WebhookRotateForm)
        made = verbs.rotate_webhook(webhook, self.actor, overlap=wish["overlap"], secret=wish["secret"])
        return Response(_made(made, self.actor), headers=NO_STORE)


class TestView(Acting):
    """A test message."""

    @extend_schema(
        operation_id="test_webhook",
        summary="Send a test to a webhook",
        request=None,
        responses=schemas.answers({202: WebhookTestAnswer}, 404, 409),
    )
    def post(self, request: Request, webhook: UUID) -> Response:
        """Send `webhook.test`, also to one that is off; the job says what came of it."""
        return Response({"job": str(verbs.test_webhook(webhook, self.actor))}, status=202)


class SentView(Acting, PagesView):
    """What was sent."""

    @extend_schema(
        operation_id="list_webhook_deliveries",
        summary="List what was sent to a webhook",
        parameters=schemas.PAGING,
        responses=schemas.answers({200: schemas.page(WebhookSentAnswer)}, 404, 422),
    )
    def get(self, request: Request, webhook: UUID) -> Response:
        """Its lines in the ledger, the newest first; each belongs to a job of `aetheris.notify`."""
        self.known(*PAGING)
        rows = verbs.deliveries_of(verbs.webhook(webhook, self.actor))
        return self.page(rows, ("-promised_at", "-id"), lambda found: [sent(each) for each in found])


def shown(row: Webhook, actor: Actor) -> dict[str, Any]:
    """A webhook as clients see it."""
    return {
        "id": str(row.id),
        "url": verbs.address(row, actor),
        "name": row.name,
        "events": json.loads(row.events),
        "enabled": row.enabled,
        "disabled_why": row.disabled_why,
        "secrets": verbs.living(row),
        "created_at": text(row.created_at),
        "created_by": row.created_by,
        "changed_at": text(row.changed_at),
    }


def _made(made: Made, actor: Actor) -> dict[str, Any]:
    return {**shown(made.row, actor), "secret": made.secret}


def sent(line: Invocation) -> dict[str, Any]:
    """A line of the ledger as a message to a webhook."""
    args = json.loads(line.args)
    occasion = args.get("occasion", "")
    return {
        "id": str(line.id),
        "job": str(line.job_id),
        "event": "webhook.test" if occasion == "test" else f"approval.{occasion}",
        "approval": args.get("approval", ""),
        "state": line.state,
        "attempts": line.attempt,
        "promised_at": text(line.promised_at),
        "settled_at": moment(line.settled_at),
        "result": json.loads(line.result) if line.result else None,
        "error": json.loads(line.error) if line.error else None,
    }
