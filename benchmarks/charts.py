"""Pure: bars as SVG, readable on light and dark pages, and in print."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from benchmarks.figures import Line

WIDTH, LABEL, ROW, TOP, BAR = 860, 300, 26, 40, 16
STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#24292f}.t{font-weight:600}.o{fill:#0a6e5c}.p{fill:#8a94a0}"
    ".f{fill:#c9a227}.s{stroke:#24292f;stroke-width:1.5}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{stroke:#e6edf3}.o{fill:#2fb89d}}"
)


def bars(title: str, unit: str, found: Sequence[Line]) -> str:
    """One bar per entry; the thin line is the spread over the rounds, from the least to the most."""
    height = TOP + ROW * len(found) + 12
    most = max((line.high for line in found), default=1.0) or 1.0
    rows = "".join(_row(line, TOP + ROW * index, most, unit) for index, line in enumerate(found))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{escape(title, QUOTE)}"><style>{STYLE}</style><text class="t" x="8" y="22">{escape(title)}</text>'
        f"{rows}</svg>\n"
    )


QUOTE = {'"': "&quot;"}


def _row(line: Line, top: int, most: float, unit: str) -> str:
    room = WIDTH - LABEL - 150
    wide, low, high = (max(1.0, room * value / most) for value in (line.median, line.low, line.high))
    kind = "o" if line.ours else "p" if line.peer else "f"
    middle = top + BAR / 2
    return (
        f'<text x="{LABEL - 8}" y="{top + 13}" text-anchor="end">{escape(line.title)}</text>'
        f'<rect class="{kind}" x="{LABEL}" y="{top}" width="{wide:.1f}" height="{BAR}" rx="2"/>'
        f'<path class="s" d="M{LABEL + low:.1f} {middle}H{LABEL + high:.1f}"/>'
        f'<text x="{LABEL + max(wide, high) + 8:.1f}" y="{top + 13}">{figure(line.median)} {escape(unit)}</text>'
    )


def figure(value: float) -> str:
    """Three digits that count."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"
