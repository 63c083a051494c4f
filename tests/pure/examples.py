"""Examples: one real event of each kind, the shortest that some drawn histories hold; `python -m` prints them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from jobs.core.chain import canonical, digest_of
from jobs.core.commands import EraseBodies, Erasure, NoteFork
from jobs.core.erasing import legible
from jobs.core.events import Fact
from tests.pure.forked import born
from tests.pure.story import ASKER, PERSON, Story
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
    yield from story.send(erasing(story)).facts


def erasing(story: Story) -> EraseBodies:
    """The wish to erase how the job was created."""
    born = story.facts[0]
    return EraseBodies(
        (Erasure(1, digest_of(born.body), legible(born)),),
        PERSON,
        "the customer asked for it",
        "GDPR, Art. 17 (1) (b)",
    )


if __name__ == "__main__":
    json.dump(examples(), sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")
