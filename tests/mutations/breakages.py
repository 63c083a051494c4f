"""The breakages: what is broken, where, and which test catches it. A test keeps every anchor and name true."""

from __future__ import annotations

from tests.mutations.breakage import Breakage
from tests.mutations.of_agents import OF_AGENTS
from tests.mutations.of_replay import OF_REPLAY

__all__ = ["BREAKAGES", "Breakage"]


BREAKAGES = (
    Breakage(
        "the fence is dropped: any claim of the step may write", "L4", "jobs/core/state.py",
        'return node if node is not None and node.status == "running" and node.fence == fence else None',
        'return node if node is not None and node.status == "running" else None',
        "tests/store/test_claims.py::test_a_worker_whose_claim_was_taken_over_writes_nothing",
    ),
    Breakage(
        "a step that runs is claimed once more by a doubled knock",
        "L4",
        "jobs/core/claiming.py",
        '    if node.status != "ready" and not (timed and node.wake_at is not None and node.wake_at <= draft.now):',
        '    if node.status not in ("ready", "running") and not (timed and node.wake_at is not None and node.wake_at <= draft.now):',
        "tests/store/test_claims.py::test_of_many_threads_that_claim_one_step_exactly_one_gets_it",
    ),
    Breakage(
        "no promise in the book: the line is written after the call", "E1", "jobs/store/book.py",
        "            ledger.reserve(line_of(state, fact))",
        "            pass",
        "tests/fatal/test_windows.py::test_nothing_is_lost_and_nothing_is_done_twice[before-outcome-graph-probed]",
    ),
    Breakage(
        "the attempt is part of the idempotency key", "E2", "jobs/promises.py",
        "        key=idempotency_key(state.origin, asked.path), args=asked.args, business_key=business_key,",
        '        key=idempotency_key(state.origin, f"{asked.path}#{asked.attempt}"), args=asked.args, business_key=business_key,',
        "tests/engine/test_outcomes.py::test_the_key_of_an_idempotent_call_is_the_same_for_every_attempt",
    ),
    Breakage(
        "early acknowledgement: a knock is gone before its step is looked at",
        "design §6",
        "jobs/tasks.py",
        '@shared_task(name="aetheris.step", ignore_result=True, acks_late=True, max_retries=0)',
        '@shared_task(name="aetheris.step", ignore_result=True, acks_late=False, max_retries=0)',
        "tests/brokers/test_celery_defaults.py::test_every_knock_is_acknowledged_only_after_it_was_looked_at",
    ),
    Breakage(
        "the call of a dead worker counts as harmless: it is simply made again",
        "E4",
        "jobs/core/evolve_steps.py",
        'if asked.status == "open" and asked.info["effect"] != "at_most_once":',
        'if asked.status == "open":',
        "tests/pure/test_telling.py::test_the_call_of_a_dead_worker_is_probed_before_it_is_made_again",
    ),
    Breakage(
        "a silent worker counts as known to be dead: its absent call is made again by itself", "E4",
        "jobs/core/resolving.py",
        'known_dead = bool(asked.info.get("known_dead"))',
        "known_dead = True",
        "tests/fatal/test_stopped.py::test_an_absent_effect_is_left_to_a_person_while_its_caller_may_live",
    ),
    Breakage(
        "an unexpected exception of an effect counts as failed, and is tried again", "E5", "jobs/core/telling.py",
        '    elif asked.info["effect"] == "at_most_once":\n        _ambiguous(draft, asked, outcome, wish.fence)',
        '    elif False:\n        _ambiguous(draft, asked, outcome, wish.fence)',
        "tests/pure/test_telling.py::test_an_unexpected_exception_of_an_at_most_once_tool_leaves_its_outcome_unknown",
    ),
    Breakage(
        "the lease is not looked at before the bytes leave", "E6", "ledger/hand/entering.py",
        "allowed = lease_ok() and not call.cancelled()",
        "allowed = True",
        "tests/fatal/test_windows.py::test_nothing_is_lost_and_nothing_is_done_twice[zombie-promise-graph-idempotent-late]",
    ),
    Breakage(
        "a dead worker may still claim", "design §6", "jobs/store/writing.py",
        "w.id = %s AND NOT w.dead)",
        "w.id = %s)",
        "tests/store/test_claims.py::test_a_dead_worker_claims_nothing_and_writes_nothing",
    ),
    Breakage(
        "the sweep does not claim its row: every beat sweeps", "design §6", "jobs/scheduler.py",
        "        if not _claim(now):\n            return False\n",
        "        _claim(now)\n",
        "tests/engine/test_ticks.py::test_of_ten_ticks_at_once_one_is_made",
    ),
    Breakage(
        "an outage counts as everybody's silence", "design §6", "jobs/scheduler.py",
        "bury(now, silence_counts=_answering(now))",
        "bury(now)",
        "tests/engine/test_silence.py::test_after_an_outage_between_two_ticks_nobody_is_dead_for_one_lease",
    ),
    Breakage(
        "a job ends while a promise is open", "L6", "jobs/core/ending.py",
        "    elif state.busy:\n",
        "    elif False:\n",
        "tests/pure/test_telling.py::test_a_job_that_fails_waits_for_every_promise",
    ),
    Breakage(
        "a commit whose answer was lost counts as not written", "L3", "jobs/store/outages.py",
        "    return Event.objects.filter(job_id=first.job_id, seq=first.seq, hash=first.hash).exists()",
        "    return False",
        "tests/store/test_lost_answers.py::test_a_commit_that_was_written_though_its_answer_was_lost_succeeds_once",
    ),
    Breakage(
        "a late sweep lets an approval pass its deadline", "L5", "jobs/core/voting.py",
        "    path = _path_of(draft, wish.approval)\n    fire_all_due(draft)\n",
        "    path = _path_of(draft, wish.approval)\n",
        "tests/store/test_time.py::test_an_approval_at_or_after_its_deadline_is_refused_though_the_sweep_is_late",
    ),
    Breakage(
        "a delivery stays after it was carried out", "L7", "jobs/store/writing.py",
        "    if delivery is not None and not Delivery.objects.filter(id=delivery).delete()[0]:",
        "    if False:",
        "tests/store/test_deliveries.py::test_a_delivery_that_two_processes_hold_is_carried_out_once_even_if_its_command_could_run_twice",
    ),
    Breakage(
        "a repeated signal is heard again", "L2", "jobs/core/waiting.py",
        '    if _seen(draft.state, f"signal/{wish.id}", box):\n        return\n',
        "",
        "tests/store/test_submitting.py::test_a_signal_that_is_repeated_after_the_end_is_accepted_and_a_new_one_is_not",
    ),
    Breakage(
        "the second use of a business key calls again", "E2", "ledger/verdict.py",
        "    if holder is None or holder.invocation == invocation:",
        "    if True:",
        "tests/store/test_business_keys.py::test_a_landed_effect_is_recalled_with_its_result_and_its_origin",
    ),
    Breakage(
        "effects are undone in the order in which they landed, not in reverse",
        "E8",
        "jobs/core/evolve_compensation.py",
        "    path: str | None = state.landed.get(len(state.landed) - 1)",
        "    path: str | None = state.landed.get(0)",
        "tests/engine/test_compensation.py::test_what_landed_is_undone_in_reverse_order_before_the_job_fails",
    ),
    Breakage(
        "the rows of a transactional tool are committed before its outcome",
        "E1",
        "jobs/store/jointly.py",
        "            wish = work()\n",
        "            wish = work()\n            connection.connection.commit()\n",
        "tests/engine/test_transactional_rivals.py::test_a_claim_that_was_lost_meanwhile_rolls_the_rows_back_and_the_call_is_made_again",
    ),
    Breakage(
        "a retry has an origin of its own: its keys are new",
        "E9",
        "jobs/core/forking.py",
        '"origin": then.origin if retry else wish.job,',
        '"origin": wish.job,',
        "tests/engine/test_retry.py::test_what_landed_is_recalled_and_only_the_failed_step_is_attempted_again",
    ),
    Breakage(
        "two retries of one job may run side by side", "E9", "jobs/migrations/0004_forks.py",
        'fields=("tenant", "origin", "generation"), name',
        'fields=("tenant", "origin", "generation", "id"), name',
        "tests/engine/test_retry_refused.py::test_only_one_of_two_retries_at_once_is_born",
    ),
    Breakage(
        "a fork is confirmed by any list", "E9", "jobs/core/forking.py",
        '    if {each["invocation"] for each in listed} == set(wish.confirm):',
        "    if wish.confirm:",
        "tests/engine/test_fork.py::test_what_landed_after_the_cut_is_listed_and_must_be_confirmed_exactly",
    ),
    Breakage(
        "a retry's children begin anew, under keys of their own", "E9", "jobs/core/forking.py",
        "    if retry and (heirs := children(then, carried(then))):",
        "    if False and (heirs := children(then, carried(then))):",
        "tests/engine/test_retry.py::test_a_retry_takes_up_the_work_of_the_child_that_failed",
    ),
    Breakage(
        "a suspect runs beside others",
        "design §6",
        "jobs/core/claiming.py",
        "    if node.suspect and not wish.alone:\n",
        "    if False:\n",
        "tests/pure/test_poison.py::test_from_the_second_charge_a_step_is_claimed_only_by_a_worker_that_runs_nothing_else",
    ),
    Breakage(
        "a joint commit whose answer is lost counts as written", "L3", "jobs/store/jointly.py",
        "                return written(sealed)\n",
        "                return True\n",
        "tests/engine/test_transactional_rivals.py::test_a_commit_whose_answer_is_lost_landed_once_or_is_made_again[gone-2]",
    ),
    Breakage(
        "a transactional call lands in a job that ends", "L6", "jobs/core/telling.py",
        'draft.open("transactional call")',
        "pass",
        "tests/pure/test_transactional.py::test_it_does_not_land_in_a_job_that_is_ending",
    ),
    Breakage(
        "a transactional tool may write to another database", "design §5", "ledger/guard.py",
        "else _refusing(alias)",
        "else _own(over)",
        "tests/engine/test_transactional.py::test_another_database_is_refused_inside_the_call",
    ),
    Breakage(
        "a job that has waited claims without asking the world", "E7", "jobs/core/claiming.py",
        'if state.doubts and state.phase == "open" and not state.paused:',
        "if False:",
        "tests/pure/test_confirming.py::test_after_a_park_nothing_is_claimed_before_what_landed_is_confirmed",
    ),
    Breakage(
        "waiting raises no doubt", "E7", "jobs/core/evolve.py",
        "return doubted(state, handler(state, fact)) if handler else state",
        "return handler(state, fact) if handler else state",
        "tests/engine/test_confirming.py::test_what_landed_is_confirmed_with_its_result_before_the_job_goes_on",
    ),
    Breakage(
        "a strict mismatch is no more than noted", "E7", "jobs/core/confirming.py",
        'if mode == "strict":',
        'if mode == "severe":',
        "tests/engine/test_confirming.py::test_a_strict_mismatch_fails_the_job_names_the_effect_and_executes_nothing",
    ),
    Breakage(
        "a confirm function that fails counts as a yes", "E7", "jobs/world.py",
        'return Seen(path, None, {"confirm": name, "reason": kept(said.reason)})',
        'return Seen(path, True, {"confirm": name, "reason": said.reason})',
        "tests/engine/test_confirming.py::test_a_confirm_function_that_fails_proves_nothing_and_is_asked_again",
    ),
    Breakage(
        "what the world shows after the end changes the job", "L2", "jobs/core/evolve_world.py",
        "    if state.ended:\n        return state\n    path = fact.node\n    state = _noted(state, path, diverged=True)",
        "    path = fact.node\n    state = _noted(state, path, diverged=True)",
        "tests/pure/test_confirming.py::test_after_the_end_the_answers_are_afterwords_and_change_nothing",
    ),
    Breakage(
        "an effect that is gone is undone all the same", "E8", "jobs/core/evolve_world.py",
        " if state.landed[number] != path]",
        "]",
        "tests/pure/test_confirming.py::test_an_effect_that_is_gone_is_not_undone",
    ),
    *OF_AGENTS,
    Breakage(
        "what stands against one of a group of commits is told to all of them", "L3", "jobs/store/door.py",
        "        each.goes_alone()\n",
        "        each.settle(error=why)\n",
        "tests/store/test_group.py::test_a_dead_worker_claims_nothing_and_keeps_nobody_from_telling",
    ),
    Breakage(
        "a group of commits is sent again one by one though its answer was lost", "L3", "jobs/store/door.py",
        "            each.settle(error=outage)\n",
        "            each.goes_alone()\n",
        "tests/store/test_group.py::test_an_outage_that_nobody_waits_out_is_told_to_all_of_a_group",
    ),
    Breakage(
        "claims of two workers share one commit: one is asked whether it lives", "design §6", "jobs/store/group.py",
        "if each.wish.worker in (None, worker)]",
        "]",
        "tests/store/test_company.py::test_no_two_workers_meet_in_a_group_of_one_that_has_none",
    ),
    Breakage(
        "a knock for one of very many steps is not passed on", "L5", "jobs/runner.py",
        "    knocks.pass_on(state, name)\n",
        "",
        "tests/engine/test_many_branches.py::test_the_knocks_that_were_sent_are_enough_for_all",
    ),
    *OF_REPLAY,
)  # fmt: skip
