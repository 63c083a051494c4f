"""Registers: the workers, what they offer, and what is still to be delivered. To be read only."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from jobs import clock
from jobs.models import Definition, Delivery, Step, Worker
from jobs.queries.workers import agents_of, tools_of
from ledger.admin import Choice, preformatted, utc

from .desk import Desk, actor_on
from .job_page import ROWS
from .shown import badge


class Shared(Desk):
    """Rows that belong to the installation, not to a tenant."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return admin.ModelAdmin.get_queryset(self, request)


class LifeFilter(Choice):
    """The living (at first), the dead, or all."""

    title = "life"
    parameter_name = "life"
    unasked = "Alive"
    offered = (("dead", "Dead"), ("all", "All"))

    def chosen(self, request: HttpRequest, queryset: QuerySet[Worker], value: str) -> QuerySet[Worker]:
        return queryset if value == "all" else queryset.filter(dead=value == "dead")


@admin.register(Worker)
class WorkerAdmin(Shared):
    """One row per incarnation of a worker process."""

    list_display = ("name", "life", "host", "pid", "slots", "alive_until_shown", "registered", "offers_shown")
    list_filter: ClassVar[Any] = (LifeFilter,)
    search_fields = ("=name", "=host")

    @admin.display(description="state")
    def life(self, worker: Worker) -> SafeString:
        if worker.dead:
            return badge("dead")
        if worker.alive_until <= clock.now():
            return badge("silent")
        return badge("draining" if worker.draining else "alive")

    @admin.display(description="alive until", ordering="alive_until")
    def alive_until_shown(self, worker: Worker) -> str:
        return utc(worker.alive_until)

    @admin.display(description="registered", ordering="registered_at")
    def registered(self, worker: Worker) -> str:
        return utc(worker.registered_at)

    @admin.display(description="offers")
    def offers_shown(self, worker: Worker) -> str:
        return ", ".join(agents_of(worker)) or "–"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        worker = self.found(request, object_id)
        mine = Step.objects.filter(worker=worker.id, tenant=actor_on(request).tenant)
        facts = [
            ("Host, process", f"{worker.host}, {worker.pid}"),
            ("Registered", utc(worker.registered_at)),
            ("Alive until", utc(worker.alive_until)),
            ("Slots", str(worker.slots)),
            ("Capabilities", ", ".join(json.loads(worker.capabilities)) or "–"),
            ("Offers", self.offers_shown(worker)),
            ("Tools", ", ".join(tools_of(worker)) or "–"),
            ("Incarnation", str(worker.id)),
        ]
        running = mine.order_by("job_id", "node")[:ROWS]
        context = {"state": self.life(worker), "facts": facts, "running": running}
        return self.page(request, "worker.html", worker.name, **context)


class KindFilter(Choice):
    """Agents or tools."""

    title = "kind"
    parameter_name = "kind"
    column = "kind"
    offered = (("agent", "Agents"), ("tool", "Tools"))


@admin.register(Definition)
class DefinitionAdmin(Shared):
    """Agents with versions and goal schemas, tools with argument schemas: what workers have offered."""

    list_display = ("name", "kind", "version", "form", "default", "seen")
    list_filter: ClassVar[Any] = (KindFilter,)
    search_fields = ("name",)
    fields = ("kind", "name", "version", "form", "default", "requires", "description", "seen", "schema_shown")

    @admin.display(description="last registered", ordering="seen_at")
    def seen(self, definition: Definition) -> str:
        return utc(definition.seen_at)

    @admin.display(description="schema")
    def schema_shown(self, definition: Definition) -> SafeString:
        return preformatted(definition.schema)


@admin.register(Delivery)
class DeliveryAdmin(Desk):
    """What is owed to a job and has not arrived yet; a row goes when it has."""

    list_display = ("command", "job_id", "created", "due", "attempts", "error_shown")
    search_fields = ("job_id",)
    search_ids = ("id", "job_id")
    search_help_text = "A delivery's or a job's id, in full."
    ordering = ("created_at", "id")
    fields = ("id", "command", "job_id", "created", "due", "awaits", "attempts", "error", "body_shown")

    @admin.display(description="created", ordering="created_at")
    def created(self, delivery: Delivery) -> str:
        return utc(delivery.created_at)

    @admin.display(description="due", ordering="wake_at")
    def due(self, delivery: Delivery) -> str:
        return f"when {delivery.awaits} is settled" if delivery.awaits else utc(delivery.wake_at)

    @admin.display(description="last error")
    def error_shown(self, delivery: Delivery) -> str:
        return delivery.error[:200] or "–"

    @admin.display(description="body")
    def body_shown(self, delivery: Delivery) -> SafeString:
        return preformatted(delivery.body)
