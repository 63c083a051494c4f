"""The rows of parity: what works, or works in part, names the test that shows it, and the counts are those of the rows."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "parity.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text().splitlines()
    if re.match(r"\| [SR][0-9]+ \|", line)
]


def test_what_works_names_a_test_and_not_only_its_file() -> None:
    shown = {id: told for id, _, state, told in ROWS if state != "later"}
    files = {
        id: [name for name in re.findall(r"`(tests/[^`]+)`", told) if "::" not in name]
        for id, told in shown.items()
    }
    assert {id: names for id, names in files.items() if names} == {}
    without = [id for id, told in shown.items() if "::" not in told and "`make bench" not in told]
    assert without == [], "name the test that shows it"


def test_the_counts_are_those_of_the_rows() -> None:
    told = PAGE.read_text()
    for kind in "SR":
        count = Counter(state for id, _, state, _ in ROWS if id.startswith(kind))
        said = f"{kind}-rows: {count['works']} works, {count['partly']} partly, {count['later']} later."
        assert said in told, said
