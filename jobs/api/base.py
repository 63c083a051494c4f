"""What every view of the API shares: who asks, for which tenant, and how bodies are read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from django.db import close_old_connections, transaction
from rest_framework import status
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import APIException
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from ledger.crashpoints import crashpoint

from ..conf import conf
from ..core.errors import Invalid, Unrecorded
from ..models import Job, Token
from ..queries import job_for
from ..viewing import REQUEST_ID, announce, looked
from .authentication import TokenAuthentication
from .looking import look_of
from .parsing import JSONAnswer, StrictJSONParser, refuse_large


class LengthRequired(APIException):
    """A body of unknown length: it could not be refused before it is read."""

    status_code = status.HTTP_411_LENGTH_REQUIRED
    default_code = "length_required"
    default_detail = "send the body with a Content-Length"


class AlwaysJSON(BaseContentNegotiation):
    """One representation, whatever is asked for: a client that wants a stream still gets errors as JSON."""

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        """The parser of the body's type; None, which is a 415, for another."""
        main = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == main), None)

    def select_renderer(
        self, request: Request, renderers: Iterable[Any], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The one that there is."""
        only = next(iter(renderers))
        return only, only.media_type


class Face(APIView):
    """A view of the API. Named explicitly, so that a host project's own defaults do not open it."""

    authentication_classes = [TokenAuthentication, SessionAuthentication]
    permission_classes = [IsAuthenticated]
    parser_classes = [StrictJSONParser]
    renderer_classes = [JSONAnswer]
    content_negotiation_class = AlwaysJSON
    action = ""  # under which a look stands in the access log; empty: it is none of forensic data
    actions: ClassVar[Mapping[str, str]] = {}  # of methods that do something else than `action`
    # Further jobs of which the answer holds something: each has been looked at, too.
    also_shown: Sequence[str] = ()
    strict = False  # whether the answer must not go out unrecorded

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        """The view; one whose looks are recorded runs in no transaction, which would take a refusal's record back."""
        view = super().as_view(**initkwargs)
        return transaction.non_atomic_requests(view) if cls.action else view

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then refuse a body that is too large by its own word, before it is read.

        Raises:
            TooLarge: the announced length is over the limit.
            LengthRequired: a body comes without a length.
        """
        super().initial(request, *args, **kwargs)
        refuse_large(_announced(request))
        if "Transfer-Encoding" in request.headers and not request.headers.get("Content-Length"):
            raise LengthRequired()

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """The answer, before its first byte leaves; what it speaks of has been committed, and who asks is recorded."""
        crashpoint("before_answer")
        answer = self._recorded(request, response, *args, **kwargs)
        if answer.streaming:
            close_old_connections()  # who listens for hours keeps no session that others could use
        return answer

    def _recorded(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if not self.action or not looked.has_listeners():
            return answer
        look = look_of(self, request, answer)
        try:
            if look is not None:
                announce(look)
                for job in self.also_shown if answer.status_code < 400 else ():
                    announce(replace(look, job=job))
        except Unrecorded as error:
            answer.close()
            answer = super().finalize_response(request, self.handle_exception(error), *args, **kwargs)
        if look is not None:
            answer[REQUEST_ID] = look.request
        return answer

    @property
    def tenant(self) -> str:
        """Whose rows this request may see: the token's tenant, or the default one for a session."""
        token = self.request.auth
        return token.tenant if isinstance(token, Token) else conf().DEFAULT_TENANT

    def job(self, job: Any) -> Job:
        """The job of the path.

        Raises:
            NotFound: none of this tenant.
        """
        return job_for(self.tenant, job)

    def idempotency_key(self) -> str | None:
        """What the caller calls this very request, so that it may be sent twice.

        Raises:
            Invalid: it has not its form.
        """
        key = self.request.headers.get("Idempotency-Key")
        if key is not None and not (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
            raise Invalid("Idempotency-Key: 1 to 255 printable ASCII characters", code="bad_idempotency_key")
        return key

    def body(self, form: type[Serializer[Any]]) -> dict[str, Any]:
        """The request's body, checked. A request without a body is an empty object.

        Raises:
            ValidationError: naming every field that is missing, unknown or of another type.
        """
        checked = form(data=self.request.data if self.request.data is not None else {})
        checked.is_valid(raise_exception=True)
        found: dict[str, Any] = dict(checked.validated_data)
        return found

    def whole(self, name: str, otherwise: int, *, least: int = 0, most: int | None = None) -> int:
        """A whole number of the query; one above `most` is taken as `most`.

        Raises:
            Invalid: it is no whole number, or below `least`.
        """
        text = self.request.query_params.get(name)
        if text is None:
            return otherwise
        if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) >= least):
            message = f"{text[:40]!r} is no whole number from {least} on"
            raise Invalid(f"{name}: {message}", errors=[{"loc": [name], "msg": message}])
        return int(text) if most is None else min(int(text), most)

    def known(self, *names: str) -> None:
        """Refuse a parameter that nobody reads: a filter with a slip would otherwise show everything.

        Raises:
            Invalid: naming it and the known ones.
        """
        for name in self.request.query_params:
            if name not in names:
                message = f"this list knows {', '.join(names)}"
                raise Invalid(
                    f"{name[:80]!r} is no parameter here: {message}",
                    code="unknown_parameter",
                    errors=[{"loc": [name[:80]], "msg": message}],
                )


def _announced(request: Request) -> int:
    text = request.headers.get("Content-Length") or "0"
    return int(text) if text.isdigit() and len(text) <= 18 else 0
