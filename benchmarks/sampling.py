"""A small sampling profiler: where one thread stands, a thousand times a second, as layers and as a flame graph.

The sampler shares the interpreter with what it looks at: shares are good to a few per cent, absolute times are not meant.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from xml.sax.saxutils import escape

EVERY = 0.001  # seconds
DEPTH = 60
SWITCH = 0.00002  # else the sampler comes in only where the other thread waits, and sees nothing but waits
DATABASE, COMMIT = "waiting for the database: statements", "waiting for the database: COMMIT"
COMMITS = ("psycopg/connection.py:commit", "backends/base/base.py:_commit")
# The innermost frame that is of one of these says whose time it is; the first that fits counts.
LAYERS = (
    (
        DATABASE,
        ("psycopg/connection.py:wait", "psycopg/waiting.py", "sqlite3/base.py:execute"),
    ),
    ("waiting for the tool's thread", ("concurrent/futures/_base.py:result", "threading.py:start")),
    ("psycopg: binding and reading", ("psycopg/",)),
    ("Django: ORM and transactions", ("django/",)),
    ("JSON and hashing", ("/json/", "core/chain.py", "ledger/canonical.py")),
    ("the store: sealing and the statement", ("jobs/store/", "jobs/rows.py", "jobs/bodies.py")),
    ("decide and evolve", ("jobs/core/",)),
    ("the ledger and the hand", ("/ledger/",)),
    ("the runner", ("/jobs/",)),
)
# What would cut a layer's time, for the report to name those of the largest.
LEVERS = {
    DATABASE: "commits of several jobs of a worker in one statement; fewer indexes on the ledger",
    COMMIT: "commits of several jobs of a worker grouped, so that they wait for the disk together",
    "waiting for the tool's thread": "calls in the thread that drives the step, and a watchman who takes the step over where one hangs",
    "psycopg: binding and reading": "one parameter instead of seven",
    "Django: ORM and transactions": "the checks and cursors that Django puts around each statement left out",
    "JSON and hashing": "each body encoded once, and used for digest, row and size",
    "the store: sealing and the statement": "columns that do not change left out of the statement",
    "decide and evolve": "a step's record copied once for the events of one commit, not once for each",
    "the ledger and the hand": "schemas compiled once; less copied on the way to the tool",
    "the runner": "promise and claim prepared while the call before them still runs",
}
Stack = tuple[str, ...]


@dataclass
class Samples:
    """Stacks from the outermost frame to the innermost, with how often each was seen."""

    stacks: Counter[Stack] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """How many looks there were."""
        return sum(self.stacks.values())

    def layers(self) -> dict[str, float]:
        """The share of each layer, the largest first."""
        found: Counter[str] = Counter()
        for stack, times in self.stacks.items():
            found[layer_of(stack)] += times
        return {name: times / self.total for name, times in found.most_common()}


def layer_of(stack: Stack) -> str:
    """Whose time it is."""
    for frame in reversed(stack):
        for name, marks in LAYERS:
            if any(mark in frame for mark in marks):
                return (
                    COMMIT
                    if name == DATABASE and any(mark in each for each in stack for mark in COMMITS)
                    else name
                )
    return "else"


@contextmanager
def sampled(every: float = EVERY) -> Iterator[Samples]:
    """Look at the thread that enters the block until it leaves it."""
    samples, over, watched = Samples(), threading.Event(), threading.get_ident()

    def look() -> None:
        while not over.wait(every):
            frame = sys._current_frames().get(watched)
            if frame is not None:
                samples.stacks[_stack(frame)] += 1

    thread = threading.Thread(target=look, daemon=True)
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()
        sys.setswitchinterval(usual)


def _stack(frame: FrameType | None) -> Stack:
    found: list[str] = []
    while frame is not None and len(found) < DEPTH:
        found.append(f"{_short(frame.f_code.co_filename)}:{frame.f_code.co_name}")
        frame = frame.f_back
    return tuple(reversed(found))


def _short(path: str) -> str:
    """A file without its folder on this machine."""
    for mark in ("/site-packages/", "/benchmarks/", "/jobs/", "/ledger/", "/forensics/"):
        head, found, tail = path.rpartition(mark)
        if found:
            return tail if mark == "/site-packages/" else mark + tail
    return "/" + "/".join(path.split("/")[-2:])


WIDTH, ROW, LEAST = 1200, 18, 0.002
STYLE = "text{font:11px system-ui,sans-serif;fill:#1b1f24}rect{stroke:#fff;stroke-width:.5}"
COLOURS = (
    "#e8b04a",
    "#7fb8a4",
    "#9db4d6",
    "#d99a8b",
    "#c9b8de",
    "#b7c98a",
    "#e0c7a3",
    "#9ccbd1",
    "#d7a8c4",
    "#cccccc",
)


def flame(samples: Samples, title: str) -> str:
    """The stacks as a flame graph: width is time, the outermost frame is at the top; hover for the whole name."""
    whole = samples.total or 1
    boxes: list[str] = []
    deepest = _boxes(list(samples.stacks.items()), 0, 0.0, whole, boxes)
    height = 40 + ROW * (deepest + 1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"><style>{STYLE}</style>'
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/><text x="8" y="20">{escape(title)}</text>{"".join(boxes)}</svg>\n'
    )


def _boxes(stacks: Sequence[tuple[Stack, int]], depth: int, left: float, whole: int, boxes: list[str]) -> int:
    """One row of boxes and, below each, the rows of what it called; gives the deepest row."""
    groups: dict[str, list[tuple[Stack, int]]] = {}
    for stack, times in stacks:
        if len(stack) > depth:
            groups.setdefault(stack[depth], []).append((stack, times))
    deepest = depth
    for name, some in sorted(groups.items()):
        times = sum(each for _, each in some)
        share = times / whole
        if share >= LEAST:
            boxes.append(_box(name, some[0][0][: depth + 1], share, left, depth))
            deepest = max(deepest, _boxes(some, depth + 1, left, whole, boxes))
        left += share
    return deepest


def _box(name: str, stack: Stack, share: float, left: float, depth: int) -> str:
    x, y, wide = left * WIDTH, 32 + depth * ROW, share * WIDTH
    names = [*(layer for layer, _ in LAYERS), COMMIT]
    layer = layer_of(stack)
    colour = COLOURS[names.index(layer)] if layer in names else COLOURS[-1]
    room = int(wide / 6.2)
    text = f'<text x="{x + 3:.1f}" y="{y + 13}">{escape(name[-room:])}</text>' if room > 4 else ""
    return (
        f"<g><title>{escape(name)}: {share:.1%} ({escape(layer)})</title>"
        f'<rect x="{x:.1f}" y="{y}" width="{wide:.1f}" height="{ROW - 1}" fill="{colour}"/>{text}</g>'
    )
