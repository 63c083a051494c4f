"""Pure: from the samples of several rounds to medians, spreads and ratios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.cases import Case


@dataclass(frozen=True)
class Line:
    """One entry of a case over all rounds; `ratio` is to the base, `against` to the best peer (above 1: better)."""

    title: str
    ours: bool
    peer: bool
    median: float
    low: float
    high: float
    rounds: int
    ratio: float | None
    against: float | None
    more: Mapping[str, float]


def lines(case: Case, samples: Mapping[str, Sequence[Mapping[str, float]]]) -> list[Line]:
    """What the rounds of a case say, in the order of its entries; who gave no figure has no line."""
    seen = {
        title: [each[case.figure] for each in told if case.figure in each] for title, told in samples.items()
    }
    middle = {title: median(values) for title, values in seen.items() if values}
    peers = [middle[each.title] for each in case.entries if each.is_peer and each.title in middle]
    best = (min(peers) if case.less_is_better else max(peers)) if peers else None
    base = middle.get(case.base)
    found = []
    for entry in case.entries:
        if entry.title not in middle:
            continue
        mine = middle[entry.title]
        found.append(
            Line(
                title=entry.title, ours=entry.is_ours, peer=entry.is_peer, median=mine, low=min(seen[entry.title]),
                high=max(seen[entry.title]), rounds=len(seen[entry.title]),
                ratio=mine / base if base else None,
                against=better(case, mine, best) if best is not None and entry.is_ours else None,
                more=others(case, samples[entry.title]),
            )
        )  # fmt: skip
    return found


def better(case: Case, mine: float, other: float) -> float:
    """How many times better the one is than the other."""
    return other / mine if case.less_is_better else mine / other


def others(case: Case, told: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The medians of the further figures of an entry."""
    names = sorted({name for each in told for name in each} - {case.figure})
    return {name: median([each[name] for each in told if name in each]) for name in names}


def verdict(case: Case, found: Sequence[Line]) -> str:
    """One sentence: who is ahead of whom, whichever way it is."""
    ours = [line for line in found if line.against is not None]
    if not ours:
        return ""
    words = []
    for line in ours:
        assert line.against is not None
        many = max(line.against, 1 / line.against)
        words.append(
            f"{line.title} is {many:.2f} times {'better' if line.against >= 1 else 'worse'} than the best peer"
        )
    return "; ".join(words) + "."
