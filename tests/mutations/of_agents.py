"""Breakages of agent instances: turns, order, what is handed on, and messages that are sent twice."""

from __future__ import annotations

from tests.mutations.breakage import Breakage

LINE, CORE = "jobs/store/line.py", "tests/engine/test_instances.py"
OF_AGENTS = (
    Breakage(
        "a message has its turn at once, whoever is at work", "L7", "jobs/store/birth.py",
        "    if due <= at and line.is_free(row) and line.waiting(row, at) is None:",
        "    if due <= at:",
        f"{CORE}::test_messages_that_come_while_one_is_at_work_wait_and_say_for_what",
    ),
    Breakage(
        "the end of a message's job gives nobody the turn", "L7", LINE,
        "            setattr(row, name, value)\n    return call_up(row, at)",
        "            setattr(row, name, value)\n    return False",
        "tests/fatal/test_instances.py::test_messages_sent_again_while_workers_die_are_no_second_jobs",
    ),
    Breakage(
        "a failed job leaves its half-made state to the agent", "L1", LINE,
        '    if state.phase == "completed":',
        "    if True:",
        f"{CORE}::test_a_job_that_fails_or_is_cancelled_lets_the_next_run_and_leaves_the_state_as_it_was",
    ),
    Breakage(
        "a message that was called up and cancelled keeps the turn for ever", "L7", LINE,
        '        return {"current": None, "turn": row.turn - 1}',
        "        return {}",
        f"{CORE}::test_a_message_that_is_cancelled_after_it_was_called_up_passes_its_turn_on",
    ),
    Breakage(
        "the same message id makes a second job", "E2", "jobs/services/instances.py",
        "job = UUID(message_job(str(row.id), payloads.letter_id(id))) if id is not None else new_id()",
        "job = new_id()",
        f"{CORE}::test_twenty_messages_at_once_are_twenty_jobs_one_at_a_time_in_their_order",
    ),
    Breakage(
        "nobody looks at the line when a delayed message is due", "L5", LINE,
        "    if due > at:\n        _owe(",
        "    if due > at:\n        (lambda *_, **__: None)(",
        "tests/engine/test_instance_lines.py::test_a_delayed_message_is_taken_at_its_time_and_not_before",
    ),
    Breakage(
        "the line goes by arrival, whatever a message's time", "L5", LINE,
        'order_by("line_at", "created_at")',
        'order_by("created_at")',
        "tests/engine/test_instance_lines.py::test_delayed_messages_keep_the_order_of_their_times_among_the_others",
    ),
    Breakage(
        "the id of a sent message is drawn, so a take-over sends another", "E2", "jobs/core/claiming.py",
        '"job": sent_job(draft.state.origin, wish.path)}',
        '"job": sent_job(draft.state.origin, wish.path + str(draft.state.seq))}',
        "tests/pure/test_mailbox.py::test_a_message_that_a_job_sends_is_settled_at_once_under_an_id_of_its_path",
    ),
    Breakage(
        "the auditor takes what was handed on from the row, not from the events", "L1", "forensics/mailbox.py",
        "    if left is not None and canonical(dict(begun_with([given]))) != left:",
        "    if False:",
        "tests/forensics/test_instances.py"
        "::test_a_state_that_was_forged_on_its_way_is_found_at_the_turn_that_it_came_with",
    ),
)  # fmt: skip
