"""The breakages of replay, the closed world, the gate and the linter."""

from __future__ import annotations

from tests.mutations.breakage import Breakage

CLOSED = "tests/forensics/test_closed_world.py::test_code_that_reaches_around_ctx_is_refused_and_named_with_its_line"
CHANGES = "tests/forensics/test_code_changes.py"

OF_REPLAY = (
    Breakage(
        "a replay sees no clock and no die", "design §9", "jobs/closed/guard.py",
        "        if what:\n            _tell(watch, what, name, frame)",
        "        if what == DATABASE:\n            _tell(watch, what, name, frame)",
        f"{CLOSED}[the clock-reaches]",
    ),
    Breakage(
        "what a replayed function catches is forgotten", "design §9", "forensics/replay.py",
        "        self.first = self.first or outside\n",
        "",
        f"{CLOSED}[a refusal that is caught-reaches]",
    ),
    Breakage(
        "a tool is watched as if it were a workflow", "design §9", "ledger/declared.py",
        "    token = watchman.set(None)",
        "    token = watchman.set(watchman.get())",
        "tests/engine/test_strict.py::test_tools_and_their_probes_may_touch_the_world[careful]",
    ),
    Breakage(
        "the arguments of a question are not compared", "design §7", "jobs/core/playback.py",
        "    if (asked.kind, asked.name, asked.digest) == (wish.kind, wish.name, wish.digest):",
        "    if (asked.kind, asked.name) == (wish.kind, wish.name):",
        f"{CHANGES}::test_a_changed_workflow_is_found_at_its_first_divergence[another argument]",
    ),
    Breakage(
        "a claim does not say which source it runs", "design §9", "jobs/core/claiming.py",
        '    more |= {"code": code} if code else {}\n',
        "",
        f"{CHANGES}::test_the_source_that_a_claim_ran_is_on_its_record_beside_the_one_of_today",
    ),
    Breakage(
        "a state at an event knows what came after it", "design §9", "forensics/travel.py",
        "record.stream_of(job.id, until=at or head)",
        "record.stream_of(job.id)",
        "tests/forensics/test_travel.py::test_each_moment_shows_what_was_known_then_and_no_more",
    ),
    Breakage(
        "the gate opens where nothing could be compared", "design §9", "forensics/gate/report.py",
        'return "identical" if self.of("identical") else "nothing_compared"',
        'return "identical"',
        "tests/pure/test_gate_report.py::test_the_gate_is_open_only_if_something_was_compared_and_nothing_diverged",
    ),
)  # fmt: skip
