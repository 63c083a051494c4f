"""Examples: one real event of each kind, the shortest that some drawn histories hold; `python -m` prints them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from jobs.core.chain import canonical
from jobs.core.commands import NoteFork
from jobs.core.events import Fact
from tests.pure.forked import born
from tests.pure.story import ASKER
from tests.pure.strategies import Dice, tell_story

SEEDS = range(1, 251)


def examples() -> dict[str, dict[str, Any]]:
    """For each kind its example, `{"node", "body"}`: of those with the most members the shortest."""
    best: dict[str, tuple[tuple[int, int, str], dict[str, Any]]] = {}
    for seed in SEEDS:
        for fact in _facts(seed):
            text = canonical(fact.body)
            rank = (-len(fact.body), len(text), text)
            if fact.type not in best or rank < best[fact.type][0]:
                best[fact.type] = (rank, {"node": fact.node, "body": json.loads(text)})
    return {kind: example for kind, (_, example) in sorted(best.items())}


def _facts(seed: int) -> Iterator[Fact]:
    """The facts of a story; and of the births of a job from it, only what no other story has."""
    story = tell_story(Dice(seed).pick)
    yield from story.facts
    second = born(story, "retry" if story.state.ended else "fork")
    if second.facts:
        yield second.facts[0]
        yield from story.send(NoteFork(second.job, story.state.seq, "fork", ASKER)).facts


if __name__ == "__main__":
    json.dump(examples(), sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")
