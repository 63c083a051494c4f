"""Examples: one real event of each kind, the shortest that some drawn histories hold; `python -m` prints them."""

from __future__ import annotations

import json
import sys
from typing import Any

from jobs.core.chain import canonical
from tests.pure.strategies import Dice, tell_story

SEEDS = range(1, 251)


def examples() -> dict[str, dict[str, Any]]:
    """For each kind its example, `{"node", "body"}`: of those with the most members the shortest."""
    best: dict[str, tuple[tuple[int, int, str], dict[str, Any]]] = {}
    for seed in SEEDS:
        for fact in tell_story(Dice(seed).pick).facts:
            text = canonical(fact.body)
            rank = (-len(fact.body), len(text), text)
            if fact.type not in best or rank < best[fact.type][0]:
                best[fact.type] = (rank, {"node": fact.node, "body": json.loads(text)})
    return {kind: example for kind, (_, example) in sorted(best.items())}


if __name__ == "__main__":
    json.dump(examples(), sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")
