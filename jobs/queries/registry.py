"""What can be asked for: agents and tools, as workers have registered them."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from ..core.errors import NotFound
from ..models import Definition
from .workers import offers


def definitions() -> list[dict[str, Any]]:
    """Every agent with its versions."""
    by_name: dict[str, list[Definition]] = defaultdict(list)
    for row in Definition.objects.filter(kind="agent").order_by("name", "version"):
        by_name[row.name].append(row)
    offered = offers()
    return [_agent(name, rows, offered) for name, rows in by_name.items()]


def definition(name: str) -> dict[str, Any]:
    """One agent with its versions.

    Raises:
        NotFound: no worker has ever registered it.
    """
    rows = list(Definition.objects.filter(kind="agent", name=name).order_by("version"))
    if not rows:
        raise NotFound(f"there is no agent {name!r}; `GET /api/definitions` lists them")
    return _agent(name, rows, offers())


def _agent(name: str, rows: list[Definition], offered: frozenset[str]) -> dict[str, Any]:
    return {"name": name, "versions": [_version(row, offered) for row in rows]}


def _version(row: Definition, offered: frozenset[str]) -> dict[str, Any]:
    return {
        "version": row.version,
        "form": row.form,
        "schema": json.loads(row.schema),
        "default": row.default,
        "description": row.description,
        "offered": f"{row.name}@{row.version}" in offered,
    }


def tools() -> list[dict[str, Any]]:
    """Every tool, in each version that was registered."""
    return [_tool(row) for row in Definition.objects.filter(kind="tool").order_by("name", "version")]


def tool(name: str) -> dict[str, Any]:
    """One tool as it was registered last.

    Raises:
        NotFound: no worker has ever registered it.
    """
    row = Definition.objects.filter(kind="tool", name=name).order_by("-seen_at").first()
    if row is None:
        raise NotFound(f"there is no tool {name!r}; `GET /api/tools` lists them")
    return _tool(row)


def _tool(row: Definition) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.version,
        "effect": row.form,
        "schema": json.loads(row.schema),
        "requires": json.loads(row.requires),
        "description": row.description,
    }
