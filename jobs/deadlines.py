"""How long one attempt of a call may take; a transactional one holds rows, and on SQLite the pen, so its lease bounds it."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from ledger import Tool, all_tools

from .conf import conf

SHARE = 3  # of a lease: a heartbeat that waits for a transactional call still comes in time


def longest(tool: Tool) -> float:
    """The most seconds that an attempt of the tool may be given."""
    return conf().LEASE_TTL / SHARE if tool.effect == "transactional" else float("inf")


def seconds_of(tool: Tool, wanted: float | None = None) -> float:
    """The seconds of one attempt.

    Args:
        tool: what is called.
        wanted: the word of the node or of the workflow, over the tool's.
    """
    return min(wanted or tool.timeout, longest(tool))


def check() -> None:
    """Refuse, at start-up, a tool that declares more time than it can be given.

    Raises:
        ImproperlyConfigured: naming the tool and the limit.
    """
    for tool in all_tools().values():
        if tool.timeout != float("inf") and tool.timeout > longest(tool):
            raise ImproperlyConfigured(
                f"tool {tool.name!r} is transactional and declares timeout={tool.timeout:g} s; with "
                f"AETHERIS['LEASE_TTL'] = {conf().LEASE_TTL:g} it may take {longest(tool):.2f} s at most. Make it "
                "shorter, leave timeout= out, or raise LEASE_TTL"
            )
