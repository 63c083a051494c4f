"""Papers that are printed from the code say what the code says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.core.describe import events, main, state_machine
from jobs.core.events import KINDS
from jobs.core.state import PHASE_ARROWS, STEP_ARROWS
from tests.fatal.windows.table import inserted
from tests.pure.examples import examples

DOCS = Path(__file__).parent.parent / "docs"
EXAMPLES = DOCS / "event-examples.json"


def test_the_state_diagram_is_what_the_tables_draw() -> None:
    stored = (DOCS / "state-machine.md").read_text(encoding="utf-8")
    assert stored == state_machine(), (
        "run: python -m jobs.core.describe state-machine > docs/state-machine.md"
    )


def test_every_arrow_stands_in_the_diagram() -> None:
    drawn = state_machine()
    for label in {label for _, label in (*STEP_ARROWS, *PHASE_ARROWS)}:
        assert label in drawn


def test_the_examples_are_of_real_histories() -> None:
    stored = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    assert stored == examples(), "run: python -m tests.pure.examples > docs/event-examples.json"


def test_the_catalogue_of_events_is_what_the_table_holds() -> None:
    stored = (DOCS / "events.md").read_text(encoding="utf-8")
    advice = "run: python -m jobs.core.describe events docs/event-examples.json > docs/events.md"
    assert stored == main(["events", str(EXAMPLES)]), advice
    assert stored.count("```json") == len(KINDS)


def test_the_table_of_crash_windows_is_what_the_tests_play() -> None:
    stored = (DOCS / "guarantees.md").read_text(encoding="utf-8")
    assert stored == inserted(stored), "run: python -m tests.fatal.windows.table docs/guarantees.md"


def test_a_catalogue_without_an_example_of_each_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="job_created"):
        events({})


def test_an_unknown_paper_is_refused_with_the_usage() -> None:
    with pytest.raises(SystemExit, match="usage"):
        main(["poetry"])
