"""What people and programs tell a job: signals, messages, pause, resume, cancel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from .. import services
from . import schemas
from .acting import Acting
from .forms import CancelForm, MessageForm, ReasonForm, SignalForm

GRANTED = schemas.answers({202: schemas.JOB}, 404, 409, 422)
SENT = schemas.answers({202: schemas.LETTER}, 404, 409, 413, 422)


class SignalsView(Acting):
    """Signals of a job."""

    @extend_schema(operation_id="signal_job", summary="Send a signal", request=SignalForm, responses=SENT)
    def post(self, request: Request, job: UUID) -> Response:
        """Send a signal. Signals of one name are taken first in, first out; the same `id` again changes nothing."""
        wish = self.body(SignalForm)
        sent = services.signal(job, wish["name"], wish["payload"], id=wish["id"], actor=self.actor)
        return Response({"id": sent, "job": str(job)}, status=202)


class MessagesView(Acting):
    """Messages to a job."""

    @extend_schema(operation_id="message_job", summary="Send a message", request=MessageForm, responses=SENT)
    def post(self, request: Request, job: UUID) -> Response:
        """Send a message to a channel of a job."""
        wish = self.body(MessageForm)
        sent = services.send_message(job, wish["channel"], wish["payload"], id=wish["id"], actor=self.actor)
        return Response({"id": sent, "job": str(job)}, status=202)


class Controlling(Acting):
    """A wish about the job as a whole, with a reason."""

    verb: Callable[..., Any]
    asks: type[ReasonForm] = ReasonForm

    def act(self, job: UUID) -> Response:
        """Say the wish, and answer with the job."""
        type(self).verb(job, actor=self.actor, **self.body(self.asks))
        return self.accepted(job)


class PauseView(Controlling):
    """Pause."""

    verb = staticmethod(services.pause)

    @extend_schema(operation_id="pause_job", summary="Pause a job", request=ReasonForm, responses=GRANTED)
    def post(self, request: Request, job: UUID) -> Response:
        """Start nothing new until the job is resumed; what runs may finish."""
        return self.act(job)


class ResumeView(Controlling):
    """Resume."""

    verb = staticmethod(services.resume)

    @extend_schema(operation_id="resume_job", summary="Resume a job", request=ReasonForm, responses=GRANTED)
    def post(self, request: Request, job: UUID) -> Response:
        """Let a paused job go on."""
        return self.act(job)


class CancelView(Controlling):
    """Cancel."""

    verb = staticmethod(services.cancel)
    asks = CancelForm

    @extend_schema(operation_id="cancel_job", summary="Cancel a job", request=CancelForm, responses=GRANTED)
    def post(self, request: Request, job: UUID) -> Response:
        """Start nothing new, let every open promise settle, undo what has landed if that is asked for, then end."""
        return self.act(job)
