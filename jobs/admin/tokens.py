"""Tokens: made here and shown once, and ended here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables

from jobs import clock, tokens
from jobs.actors import actor_of
from jobs.core.errors import Refused
from jobs.models import Token
from ledger.admin import utc

from .desk import Desk
from .forms import NewToken
from .shown import badge


@admin.register(Token)
class TokenAdmin(Desk):
    """One's own tokens; the view permission shows everybody's."""

    list_title = "Tokens"
    list_display = ("prefix_shown", "name", "user", "state", "created", "expires")
    list_select_related = ("user",)
    fields = ("prefix_shown", "name", "user", "state", "created", "expires", "revoked")
    change_form_template = "admin/aetheris/token.html"

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # of what get_queryset leaves

    def has_add_permission(self, request: HttpRequest) -> bool:
        return True  # for oneself

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        rows = super().get_queryset(request)
        return rows if super().has_view_permission(request) else rows.filter(user=request.user.pk)

    @admin.display(description="token")
    def prefix_shown(self, token: Token) -> str:
        return f"{token.prefix}…"

    @admin.display(description="state")
    def state(self, token: Token) -> SafeString:
        if token.revoked_at is not None:
            return badge("revoked")
        over = token.expires_at is not None and token.expires_at <= clock.now()
        return badge("expired" if over else "alive")

    @admin.display(description="created", ordering="created_at")
    def created(self, token: Token) -> str:
        return utc(token.created_at)

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, token: Token) -> str:
        return utc(token.expires_at) if token.expires_at else "never"

    @admin.display(description="revoked")
    def revoked(self, token: Token) -> str:
        return utc(token.revoked_at)

    def get_urls(self) -> list[URLPattern]:
        revoke = self.admin_site.admin_view(self.revoke_view)
        return [path("<int:token>/revoke/", revoke, name="aetheris_jobs_token_revoke"), *super().get_urls()]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Make a token. The answer to the form is the only page that ever shows it."""
        may_name = bool(request.user.is_superuser)
        form = NewToken(request.POST or None, may_name=may_name)
        if request.method == "POST" and form.is_valid():
            shown = self._create(request, form)
            if shown is not None:
                return shown
        return self.page(request, "token_new.html", "New token", form=form)

    @sensitive_variables("minted")
    def _create(self, request: HttpRequest, form: NewToken) -> HttpResponse | None:
        told = form.cleaned_data
        user = self._whose(request, form)
        if user is None:
            return None
        days = told["days"]
        expires = clock.now() + timedelta(days=days) if days else None
        try:
            minted = tokens.create(user, tenant=actor_of(user).tenant, name=told["name"], expires_at=expires)
        except Refused as refusal:
            form.add_error(None, refusal.message)
            return None
        response = never_cache(self.page)(
            request,
            "token_made.html",
            "Token created",
            minted=minted,
            whose=user,
            expires=utc(minted.expires_at),
        )
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def _whose(self, request: HttpRequest, form: NewToken) -> Any:
        named = form.cleaned_data.get("user")
        if not named:
            return request.user
        users = get_user_model()
        user = users._default_manager.filter(**{users.USERNAME_FIELD: named}).first()
        if user is None:
            form.add_error("user", f"There is no user {named}; give the name they log in with.")
        return user

    def revoke_view(self, request: HttpRequest, token: int) -> HttpResponse:
        """Ask, then end the token at once."""
        row = self.found(request, str(token))
        if row.user_id != request.user.pk and not request.user.is_superuser:
            raise PermissionDenied
        if request.method != "POST":
            return self.page(request, "token_revoke.html", "Revoke token", token=row)
        self.do(request, lambda: tokens.revoke(row.user, row.pk), f"Token {row.prefix}… is revoked.")
        return HttpResponseRedirect(self.url("aetheris_jobs_token_changelist"))
