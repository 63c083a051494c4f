"""What can be asked for: the agents that workers have registered, their versions and the goals they take."""

from __future__ import annotations

import json
from difflib import get_close_matches
from typing import Any

import jsonschema

from .agents import all_agents
from .core.errors import Invalid
from .models import Definition


def version_of(agent: Any) -> tuple[str, str | None]:
    """`"refund@2"` as name and pinned version (None: not pinned)."""
    if not isinstance(agent, str) or not agent:
        raise Invalid('`agent` is the name of an agent, such as "refund" or "refund@2"', code="bad_agent")
    name, at, version = agent.partition("@")
    return name, version if at else None


def definitions(name: str) -> list[Definition]:
    """What is known of an agent: from workers' registrations, else from this very process."""
    rows = list(Definition.objects.filter(kind="agent", name=name))
    if rows:
        return rows
    return [
        Definition(kind="agent", name=each.name, version=each.version, schema=json.dumps(each.goal.schema),
                   default=each.default)
        for each in all_agents()
        if each.name == name
    ]  # fmt: skip


def chosen_definition(name: str, version: str | None) -> Definition:
    """The version a new job takes: pinned, else the default, else the highest.

    Raises:
        Invalid: no such agent or version.
    """
    known = definitions(name)
    if not known:
        names = sorted({*Definition.objects.filter(kind="agent").values_list("name", flat=True),
                        *(each.name for each in all_agents())})  # fmt: skip
        near = get_close_matches(name, names, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known are: {', '.join(names) or 'none'}"
        raise Invalid(f"there is no agent {name!r}{hint}", code="unknown_agent")
    if version is None:
        chosen = [each for each in known if each.default] or known
        return max(chosen, key=lambda each: _order(each.version))
    for each in known:
        if each.version == version:
            return each
    have = ", ".join(sorted((each.version for each in known), key=_order))
    raise Invalid(f"agent {name!r} has no version {version!r}; it has: {have}", code="unknown_version")


def _order(version: str) -> tuple[tuple[int, int, str], ...]:
    """Dotted numbers in numeric order; words before numbers."""
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in version.split("."))


def check_goal(definition: Definition, goal: Any) -> None:
    """Refuse a goal that does not fit the agent's schema.

    Raises:
        Invalid: naming each place.
    """
    validator = jsonschema.Draft202012Validator(json.loads(definition.schema))
    errors = [
        {"loc": [str(part) for part in error.absolute_path], "msg": error.message}
        for error in sorted(
            validator.iter_errors({"goal": goal}), key=lambda error: list(map(str, error.path))
        )
    ]
    if errors:
        told = "; ".join(f"{'.'.join(each['loc'])}: {each['msg']}" for each in errors[:3])
        raise Invalid(f"the goal does not fit agent {definition.name}@{definition.version}: {told}", code="bad_goal",
                      errors=errors)  # fmt: skip
