"""The printed papers of the core: the state diagrams and the catalogue of events, straight from the tables.

`python -m jobs.core.describe state-machine` prints docs/state-machine.md; `python -m jobs.core.describe events
EXAMPLES` prints docs/events.md with the examples in a JSON file, one `{node, body}` for each kind.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .events import AFTERWORDS, KINDS, TERMINALS
from .state import ENDED, PHASE_ARROWS, SETTLED, STEP_ARROWS

GENERATED = "<!-- Printed from jobs/core by `python -m jobs.core.describe`; a test compares them. -->"
USAGE = "usage: python -m jobs.core.describe state-machine | events EXAMPLES.json"


def state_machine() -> str:
    """The diagrams of a job's phases and of a step's statuses, as Markdown with mermaid."""
    job = {(before or "[*]", label): after for (before, label), after in PHASE_ARROWS.items()}
    parts = [
        "# The state machine",
        GENERATED,
        "Every arrow is an event (`jobs/core/state.py`); `evolve` follows no other. An arrow in brackets is what "
        "follows from the settling of another step, in the same event.",
        "## A job",
        _diagram(job, sorted(ENDED)),
        "What people see as `status` is derived: `paused` while the job is paused, `parked` when all that is left "
        "to look at waits for somebody or something, `running` otherwise (`pending` before the first claim).",
        "## A step",
        _diagram({("[*]", "(planned)"): "waiting", **STEP_ARROWS}, sorted(SETTLED)),
        "Between `job_failing` or `job_cancelling` and the end no step starts, except to probe an unknown outcome "
        "and, once no promise is left, to undo a landed effect of a job that compensates; a step that neither runs nor holds a promise is no longer looked at.",
    ]
    return "\n\n".join(parts) + "\n"


def _diagram(arrows: Mapping[tuple[str, str], str], ends: Sequence[str]) -> str:
    """One line for each pair of states, all its labels on it."""
    pairs: dict[tuple[str, str], list[str]] = {}
    for (before, label), after in arrows.items():
        pairs.setdefault((before, after), []).append(label)
    lines = [f"    {before} --> {after}: {', '.join(labels)}" for (before, after), labels in pairs.items()]
    lines += [f"    {end} --> [*]" for end in ends]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def events(examples: Mapping[str, Mapping[str, Any]]) -> str:
    """The catalogue of events as Markdown.

    Args:
        examples: for each kind, `{"node": ..., "body": ...}` from a real history.

    Raises:
        ValueError: a kind has no example.
    """
    lacking = sorted(set(KINDS) - set(examples))
    if lacking:
        raise ValueError(f"the catalogue of events needs an example of {', '.join(lacking)}")
    parts = [
        "# Events",
        GENERATED,
        f"A closed set of {len(KINDS)} kinds. Every event has `seq`, `type`, `node`, `at` and a body with exactly "
        "the members named here; `?` marks one that may be absent. `job_created` comes first, one of "
        f"{_names(TERMINALS)} ends the job, and after it only {_names(AFTERWORDS)} may follow.",
        *(_kind(name, examples.get(name)) for name in KINDS),
    ]
    return "\n\n".join(parts) + "\n"


def _names(kinds: frozenset[str]) -> str:
    return ", ".join(f"`{name}`" for name in KINDS if name in kinds)


def _kind(name: str, example: Mapping[str, Any] | None) -> str:
    kind = KINDS[name]
    members = ", ".join(f"`{member}`" for member in kind.fields)
    lines = [f"## {name}", "", kind.meaning, "", f"Members: {members}."]
    if example is not None:
        node = f"of step or call `{example['node']}`" if example["node"] else "of the job itself"
        body = json.dumps(example["body"], indent=2, sort_keys=True)
        lines += ["", f"For example, {node}:", "", "```json", body, "```"]
    return "\n".join(lines)


def main(words: Sequence[str]) -> str:
    """What the command line asks for.

    Raises:
        SystemExit: the words are not understood.
    """
    match words:
        case ["state-machine"]:
            return state_machine()
        case ["events", examples]:
            return events(json.loads(Path(examples).read_text(encoding="utf-8")))
    raise SystemExit(USAGE)


if __name__ == "__main__":
    sys.stdout.write(main(sys.argv[1:]))
