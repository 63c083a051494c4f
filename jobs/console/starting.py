"""Asking for a job: which agent, then its goal, as fields where its schema is flat and as JSON where it is not."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from jobs import services
from jobs.admin import fields
from jobs.core.errors import Invalid
from jobs.models import Definition
from jobs.notifying import AGENT
from jobs.offered import chosen_definition

from .desk import Page

NAMES = 200


class Goal(forms.Form):
    """A goal. The key is drawn with the page, so that a double click asks for one job."""

    key = forms.CharField(max_length=255, widget=forms.HiddenInput, initial=lambda: str(uuid4()))

    def __init__(self, schema: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.schema = schema
        made = fields.of_schema(schema)
        self.flat = made is not None
        words = "One JSON value that fits this schema: " + json.dumps(schema, ensure_ascii=False)
        self.fields.update(made if made is not None else {"goal": fields.Json(help_text=words)})

    def told(self) -> Any:
        """The goal that was filled in."""
        return fields.answer(self.schema, self.cleaned_data) if self.flat else self.cleaned_data["goal"]


class Asking(Page):
    """A page for those who may ask for jobs."""

    def may(self) -> None:
        """Refuse those who may not.

        Raises:
            PermissionDenied: they may not submit.
        """
        if "submit" not in self.actor.may:
            raise PermissionDenied("to start a job you need the permission “May submit jobs”")


class Start(Asking):
    """`/start`: which agent."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """The agents that workers offer, with what each is for."""
        self.may()
        found = (
            Definition.objects.filter(kind="agent").exclude(name=AGENT).order_by("name", "-default", "-id")
        )
        by_name: dict[str, Definition] = {}
        for each in found[: NAMES * 4]:
            by_name.setdefault(each.name, each)
        return self.page("start.html", "Start a job", agents=list(by_name.values())[:NAMES])


class StartAgent(Asking):
    """`/start/{agent}`: its goal."""

    def get(self, request: HttpRequest, agent: str) -> HttpResponse:
        """The form."""
        self.may()
        chosen = self._chosen(agent)
        return self._asked(chosen, Goal(goal_schema(chosen)))

    def post(self, request: HttpRequest, agent: str) -> HttpResponse:
        """Submit it."""
        self.may()
        chosen = self._chosen(agent)
        form = Goal(goal_schema(chosen), request.POST)
        if not form.is_valid():
            return self._asked(chosen, form, code=422)
        came: list[Any] = []

        def deed() -> None:
            key = f"console:{self.actor.id}:{form.cleaned_data['key']}"
            came.append(services.submit(agent, form.told(), actor=self.actor, idempotency_key=key))

        if not self.do(deed, f"Asked: {chosen.name} has begun."):
            return self._asked(chosen, form, code=422)
        return HttpResponseRedirect(reverse("aetheris_console:job", args=(getattr(came[0], "id", came[0]),)))

    def _chosen(self, agent: str) -> Definition:
        name, _, version = agent.partition("@")
        try:
            return chosen_definition(name, version or None)
        except Invalid as refusal:
            raise Http404(refusal.message) from refusal

    def _asked(self, chosen: Definition, form: Goal, *, code: int = 200) -> HttpResponse:
        command = f"aetheris submit {chosen.name} --goal '{{…}}'"
        return self.page(
            "start_agent.html", f"Start {chosen.name}", code=code, agent=chosen, form=form,
            commands=[("The same", command)],
        )  # fmt: skip


def goal_schema(definition: Definition) -> dict[str, Any]:
    """The schema of an agent's goal, with whatever its references lead to."""
    whole: dict[str, Any] = json.loads(definition.schema)
    goal: dict[str, Any] = whole.get("properties", {}).get("goal", {})
    defs = whole.get("$defs", {})
    target = defs.get(str(goal.get("$ref", "")).removeprefix("#/$defs/"))
    return {**(target if target is not None else goal), **({"$defs": defs} if defs else {})}
