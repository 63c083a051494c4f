"""What the tests of secrets share: a graph of one call, and all that the database holds."""

from __future__ import annotations

from typing import Any

from django.db import connection

from jobs import TaskGraph


def everything() -> str:
    """Every value of every column of every table of ours."""
    found: list[str] = []
    tables = [name for name in connection.introspection.table_names() if name.startswith("aetheris_")]
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - names of our own tables
            found += [repr(row) for row in cursor.fetchall()]
    return "\n".join(found)


def one(tool: Any, **args: Any) -> TaskGraph:
    graph = TaskGraph()
    graph.output(graph.tool("call", tool, **args))
    return graph
