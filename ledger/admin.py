"""The book of account in the admin: to be read, never written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .models import STATES, Invocation

if TYPE_CHECKING:
    _Base = admin.ModelAdmin[Any]
else:
    _Base = admin.ModelAdmin


def utc(moment: datetime | None) -> str:
    """A moment in UTC with its zone, whatever zone the project shows; a dash for none."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "–"


def pretty(text: str | None) -> str:
    """Stored JSON text, indented for reading; text that is not JSON as it stands; a dash for none."""
    if text is None:
        return "–"
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False, sort_keys=True)
    except ValueError:
        return text


def preformatted(text: str | None) -> SafeString:
    """Stored JSON text as a block of the page."""
    return format_html("<pre>{}</pre>", pretty(text))


class Record(_Base):
    """A row that people read in the admin and that only the engine writes.

    What is searched for is searched for in full, so that indexes serve: an id in `search_ids`, any other
    word in `search_words`.
    """

    search_ids: ClassVar[tuple[str, ...]] = ()
    search_words: ClassVar[tuple[str, ...]] = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        if not term or not (self.search_ids or self.search_words):
            return super().get_search_results(request, queryset, search_term)
        try:
            wanted: dict[str, Any] = {name: UUID(term) for name in self.search_ids}
        except ValueError:
            wanted = {}
        known = wanted or dict.fromkeys(self.search_words, term)
        found = Q(pk__in=[])
        for name, value in known.items():
            found |= Q(**{name: value})
        return queryset.filter(found), False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class Choice(admin.SimpleListFilter):
    """A filter with a closed set of choices: the table is not asked which values it holds.

    Attributes:
        offered: value and words of each choice.
        unasked: the words for what is shown before anything is chosen.
        column: the column that has the chosen value, where no `chosen` says otherwise.
    """

    offered: ClassVar[Sequence[tuple[str, str]]]
    unasked: ClassVar[str] = "All"
    column: ClassVar[str] = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(self.offered)

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        yield {**first, "display": self.unasked}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return self.chosen(request, queryset, self.value() or "")

    def chosen(self, request: HttpRequest, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        """The rows of one choice; of none where `value` is empty."""
        return queryset.filter(**{self.column: value}) if value else queryset


class StateFilter(Choice):
    """By state, without asking the table which states it holds."""

    title = "state"
    parameter_name = "state"
    column = "state"
    offered = [(state, state.replace("_", " ")) for state in STATES]


@admin.register(Invocation)
class InvocationAdmin(Record):
    """Every promised call: what was called with what, and how it was settled."""

    list_display: Any = (
        "tool",
        "state_shown",
        "effect",
        "key_shown",
        "job_id",
        "node",
        "attempt",
        "promised",
    )
    list_filter: ClassVar[Any] = (StateFilter,)
    list_per_page = 50
    show_full_result_count = False
    search_fields = ("id",)
    search_ids = ("id", "job_id")
    search_words = ("tool", "idempotency_key", "business_key")
    search_help_text = "Id, job, tool or key, in full."
    fields = (
        "id", "tool", "version", "effect", "state_shown", "job_id", "node", "attempt", "fence", "probe",
        "idempotency_key", "business_key", "holds", "args_shown", "args_digest", "promised", "deadline_shown",
        "settled", "result_shown", "error_shown", "recalled_from", "compensates", "schema", "tenant",
    )  # fmt: skip

    @admin.display(description="state", ordering="state")
    def state_shown(self, line: Invocation) -> str:
        return line.state.replace("_", " ")

    @admin.display(description="key")
    def key_shown(self, line: Invocation) -> str:
        return line.business_key or line.idempotency_key

    @admin.display(description="promised", ordering="promised_at")
    def promised(self, line: Invocation) -> str:
        return utc(line.promised_at)

    @admin.display(description="deadline")
    def deadline_shown(self, line: Invocation) -> str:
        return utc(line.deadline)

    @admin.display(description="settled")
    def settled(self, line: Invocation) -> str:
        return utc(line.settled_at)

    @admin.display(description="arguments")
    def args_shown(self, line: Invocation) -> SafeString:
        return preformatted(line.args)

    @admin.display(description="result")
    def result_shown(self, line: Invocation) -> SafeString:
        return preformatted(line.result)

    @admin.display(description="error")
    def error_shown(self, line: Invocation) -> SafeString:
        return preformatted(line.error or None)
