"""An agent instance is bound by the events of its jobs: a change of its row, or of what was handed on, is found."""

from __future__ import annotations

import json

import pytest

from jobs.models import AgentInstance, Event, Job
from tests.engine.conversing import a_desk, all_of, row, run, said
from tests.forensics.tampering import another, problem_of, put, rechain, taken_back, unguarded

pytestmark = pytest.mark.usefixtures("here")
# Nobody's job tells of these: what it is called, who made it, and whether it is paused or deleted.
TOLD_BY_PEOPLE = {
    "name", "created_at", "created_by", "paused_at", "paused_by", "deleted_at", "deleted_by",
}  # fmt: skip


def a_talk() -> tuple[str, list[str]]:
    """Three messages have ended, one is parked, one waits."""
    desk = a_desk(state={"heard": ["before"]})
    jobs = [
        said(desk, "one"),
        said(desk, "broken", fails=True),
        said(desk, "two"),
        said(desk, "asks", asks="go"),
    ]
    run(*jobs)
    return desk, [*jobs, said(desk, "waits")]


def problems(desk: str) -> list[tuple[str, int]]:
    found = (problem_of(str(job.id)) for job in all_of(desk))
    return [problem for problem in found if problem is not None]


def test_an_untouched_conversation_verifies() -> None:
    assert problems(a_talk()[0]) == []


def test_every_column_of_the_row_that_follows_from_its_jobs_is_compared() -> None:
    desk, _ = a_talk()
    columns = [
        field.attname for field in AgentInstance._meta.concrete_fields if field.attname not in TOLD_BY_PEOPLE
    ]
    assert {"state", "current", "kept", "last_job", "turn", "heard_at", "initial", "agent", "version"} <= set(
        columns
    )
    with unguarded():
        for column in columns:
            with taken_back():
                put(row(desk), **{column: another(row(desk), column)})
                found = problems(desk)
            assert found, column
            assert {kind for kind, _ in found} == {"derived_row"}, column


def test_a_state_that_was_forged_on_its_way_is_found_at_the_turn_that_it_came_with() -> None:
    desk, jobs = a_talk()
    with unguarded():
        turn = Event.objects.get(job_id=jobs[2], type="wait_completed")
        body = json.loads(turn.body or "")
        body["value"]["state"] = {"heard": ["forged"]}
        put(turn, body=json.dumps(body, sort_keys=True, separators=(",", ":")))
        rechain(jobs[2])
        assert problem_of(jobs[2]) == ("derived_row", turn.seq)


def test_a_job_that_goes_on_from_another_than_the_one_before_it_is_found() -> None:
    desk, jobs = a_talk()
    with unguarded():
        turn = Event.objects.get(job_id=jobs[3], type="wait_completed")
        body = json.loads(turn.body or "")
        body["value"]["after"] = jobs[0]
        put(turn, body=json.dumps(body, sort_keys=True, separators=(",", ":")))
        rechain(jobs[3])
        assert problem_of(jobs[3]) == ("derived_row", turn.seq)


def test_a_message_without_its_instance_and_a_place_in_another_line_are_found() -> None:
    desk, jobs = a_talk()
    other, _ = a_talk()
    with unguarded():
        with taken_back():
            assert AgentInstance.objects.filter(id=desk).delete()[0] == 1
            assert problem_of(jobs[0]) == ("derived_row", 1)
        for job, column, value in ((4, "instance", other), (4, "line_at", None), (0, "turn", 99)):
            with taken_back():
                put(Job.objects.get(id=jobs[job]), **{column: value})
                found = problem_of(jobs[job])
                assert found is not None, column
                assert found[0] == "derived_row", column
