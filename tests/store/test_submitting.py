"""Submit and signal: refused whole or done once; the version a new job takes."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from jobs import cancel, clock, signal, submit
from jobs.core.chain import canonical
from jobs.core.commands import Actor
from jobs.core.errors import Ended, Invalid, KeyReused, NotAllowed, Refused, TooLarge
from jobs.models import Definition, Delivery, Event, Job, Step
from jobs.services.submitting import new_id
from tests.factories import a_job, a_planned_job, a_worker, one_tool
from tests.store.audit import check, kinds_of
from tests.store.rivals import Aside

SCHEMA = {
    "properties": {"goal": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}
}


def offered(*versions: str, default: str = "", schema: Any = None) -> str:
    """The name of an agent that workers offer in these versions."""
    name = f"clerk-{uuid4().hex[:8]}"
    for version in versions:
        Definition.objects.create(
            kind="agent", name=name, version=version, default=version == default, seen_at=clock.now(),
            schema=canonical(schema or {}),
        )  # fmt: skip
    return name


def rows() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Job, Event, Step, Delivery))


def refused(error: type[Refused], agent: Any, goal: Any, **more: Any) -> Refused:
    """What submit says; nothing half-made is left."""
    before = rows()
    with pytest.raises(error) as said:
        submit(agent, goal, **more)
    assert rows() == before
    return said.value


@pytest.mark.parametrize("goal", [{}, {"n": "one"}, [], None, "n"])
def test_a_goal_that_does_not_fit_is_refused_naming_the_place(engine_db: str, goal: Any) -> None:
    said = refused(Invalid, offered("1", schema=SCHEMA), goal)
    assert said.code == "bad_goal"
    assert said.errors
    assert str(said.errors[0]["loc"]).startswith("['goal'")


@pytest.mark.parametrize(
    "goal", [{"n": float("nan")}, {"n": float("inf")}, {1: 2}, {"n": object()}, {"n": {1, 2}}]
)
def test_a_goal_that_is_no_json_is_refused(engine_db: str, goal: Any) -> None:
    refused(Invalid, offered("1"), goal)


def test_an_unknown_agent_is_refused_naming_the_nearest(engine_db: str) -> None:
    name = offered("1")
    said = refused(Invalid, name + "x", {})
    assert said.code == "unknown_agent"
    assert repr(name) in said.message


def test_an_unknown_version_is_refused_naming_those_there_are(engine_db: str) -> None:
    said = refused(Invalid, offered("1", "10", "9") + "@7", {})
    assert said.code == "unknown_version"
    assert said.message.endswith("1, 9, 10")


@pytest.mark.parametrize("agent", ["", None, 5, "@", "@1", " "])
def test_what_names_no_agent_is_refused(engine_db: str, agent: Any) -> None:
    refused(Invalid, agent, {})


def test_a_payload_of_five_megabytes_is_too_large(engine_db: str) -> None:
    refused(TooLarge, offered("1"), {"n": "x" * 5_000_000})
    job = a_job()
    with pytest.raises(TooLarge):
        signal(job, "go", "x" * 5_000_000)
    with pytest.raises(TooLarge):
        cancel(job, reason="x" * 5_000_000)
    assert kinds_of(job) == ["job_created"]


@pytest.mark.parametrize(
    "more",
    [
        {"priority": 101}, {"priority": True}, {"priority": "1"}, {"tags": "word"}, {"tags": [""]}, {"tags": ["x"] * 21},
        {"idempotency_key": ""}, {"idempotency_key": "x" * 256}, {"idempotency_key": "a\x00b"},
        {"idempotency_key": "\ud800"},
    ],
)  # fmt: skip
def test_an_option_out_of_bounds_is_refused(engine_db: str, more: dict[str, Any]) -> None:
    refused(Invalid, offered("1"), {}, **more)


def test_whoever_may_not_submit_is_refused(engine_db: str) -> None:
    refused(NotAllowed, offered("1"), {}, actor=Actor(id="u", name="u"))


@pytest.mark.parametrize(
    ("versions", "default", "taken"),
    [
        (("1", "2", "10"), "", "10"),
        (("1.2", "1.10", "1.9"), "", "1.10"),
        (("1", "2", "10"), "2", "2"),
        (("1", "beta", "2"), "", "2"),
    ],
)
def test_a_new_job_takes_the_default_version_or_else_the_highest(
    engine_db: str, versions: tuple[str, ...], default: str, taken: str
) -> None:
    name = offered(*versions, default=default)
    assert Job.objects.get(id=submit(name, {})).version == taken
    assert Job.objects.get(id=submit(f"{name}@1", {})).version == "1" if "1" in versions else True


def test_the_same_key_and_request_give_the_same_job(engine_db: str) -> None:
    name, key = offered("1"), uuid4().hex
    first = submit(name, {"n": 1}, idempotency_key=key)
    assert submit(name, {"n": 1}, idempotency_key=key) == first
    assert kinds_of(str(first)) == ["job_created"]


@pytest.mark.parametrize("change", [{"goal": {"n": 2}}, {"tags": ["x"]}, {"priority": 1}])
def test_the_same_key_for_another_request_is_refused(engine_db: str, change: dict[str, Any]) -> None:
    name, key = offered("1"), uuid4().hex
    submit(name, {"n": 1}, idempotency_key=key)
    before = rows()
    with pytest.raises(KeyReused, match=key):
        submit(name, change.pop("goal", {"n": 1}), idempotency_key=key, **change)
    assert rows() == before


def test_a_repetition_gets_its_job_even_if_the_agent_is_gone_since(engine_db: str) -> None:
    name, key = offered("1"), uuid4().hex
    first = submit(name, {"n": 1}, idempotency_key=key)
    Definition.objects.filter(name=name).delete()
    assert submit(name, {"n": 1}, idempotency_key=key) == first


def test_one_key_used_by_many_at_once_gives_one_job(engine_db: str) -> None:
    name, key = offered("1"), uuid4().hex
    asked = [Aside(lambda: submit(name, {"n": 1}, idempotency_key=key)) for _ in range(5)]
    assert len({each.result() for each in asked}) == 1
    assert Job.objects.filter(agent=name).count() == 1


def test_a_signal_that_is_repeated_after_the_end_is_accepted_and_a_new_one_is_not(engine_db: str) -> None:
    job = a_job()
    signal(job, "go", 1, id="first")
    cancel(job)
    before = kinds_of(job)
    assert signal(job, "go", 1, id="first") == "first"
    with pytest.raises(Ended):
        signal(job, "go", 1, id="second")
    assert kinds_of(job) == before
    check(job)


def test_a_graph_without_such_a_wait_refuses_the_signal_naming_what_it_takes(engine_db: str) -> None:
    job = a_planned_job(one_tool(), a_worker())
    with pytest.raises(Invalid, match="its waits take: none"):
        signal(job, "go")


@pytest.mark.parametrize("name", ["", "a b", "x" * 121, None, "-a"])
def test_a_signals_name_follows_the_grammar(engine_db: str, name: Any) -> None:
    with pytest.raises(Invalid):
        signal(a_job(), name)


def test_new_ids_are_version_seven_and_grow_with_time(engine_db: str) -> None:
    ids = [new_id() for _ in range(50)]
    assert {(each.version, each.variant) for each in ids} == {(7, "specified in RFC 4122")}
    assert [each.int >> 80 for each in ids] == sorted(each.int >> 80 for each in ids)
