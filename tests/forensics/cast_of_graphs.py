"""Jobs of graphs that the auditor looks at: finished, parked, failed and cancelled, of every kind of node."""

from __future__ import annotations

from typing import Any

from jobs import TaskGraph, approve, cancel, reject, resolve
from jobs.testing import run_until_parked
from ledger import Absent, Landed, NotLanded
from ledger.models import Invocation
from tests.agents import world
from tests.agents.tools import add, look, opaque_send, pay, probed, put, send
from tests.engine.driving import a_word, after, ran, started
from tests.engine.sagas import blind, book, chain, compensating, post
from tests.engine.sample_flows import doubled, looked
from tests.factories import person
from tests.forensics.casting import part

BOB = person("bob")


def refund_like(word: str) -> TaskGraph:
    """Read, ask people, pay once."""
    graph = TaskGraph()
    order = graph.tool("order", look, word=word)
    ask = graph.approval("ask", question="Pay?", show={"order": order}, groups=["finance"], four_eyes=True,
                         deadline="3d", when=order["n"] > 0)  # fmt: skip
    paid = graph.tool("pay", pay, word=word, cents=5, after=[ask])
    graph.tool("no", add, a=1, when=ask.rejected)
    graph.output(paid)
    return graph


def one(tool: Any, word: str, **options: Any) -> TaskGraph:
    """A graph of one call."""
    graph = TaskGraph()
    graph.output(graph.tool("call", tool, word=word, **options))
    return graph


@part
def approved_and_paid() -> str:
    job = refund_parked()
    approve(job, actor=BOB, comment="fine")
    assert run_until_parked(job).status == "completed"
    return job


@part
def refund_parked() -> str:
    job = started(refund_like(a_word()), idempotency_key=a_word(), tags=["audit"], priority=3)
    assert run_until_parked(job).status == "parked"
    return job


@part
def refused() -> str:
    job = refund_parked()
    reject(job, actor=BOB)
    assert run_until_parked(job).outcome == "rejected"
    return job


@part
def cancelled_while_asking() -> str:
    job = refund_parked()
    cancel(job, actor=person())
    assert run_until_parked(job).status == "cancelled"
    return job


@part
def mapped_with_a_failure() -> str:
    words = [a_word() for _ in range(3)]
    world.script(words[1], ValueError("no"))
    graph = TaskGraph()
    found = graph.map("found", look, over=[{"w": word} for word in words], each={"word": graph.item["w"]},
                      retry={"max_attempts": 1}, tolerate=1)  # fmt: skip
    graph.output(found)
    return ran(graph).job


@part
def in_doubt() -> str:
    word = a_word()
    world.script(word, OSError("reset"))
    state = ran(one(send, word))
    assert state.status == "parked"
    return state.job


@part
def landed_says_a_person() -> str:
    return _resolved("landed", {"sent": True})


@part
def absent_says_a_person_and_made_again() -> str:
    return _resolved("absent", None)


@part
def given_up_by_a_person() -> str:
    return _resolved("fail", None)


def _resolved(verdict: str, result: Any) -> str:
    job = in_doubt()
    resolve(Invocation.objects.get(job_id=job).id, verdict, result=result, actor=BOB)
    run_until_parked(job)
    return job


@part
def probed_and_found_landed() -> str:
    return _probed(Landed({"n": 1}))


@part
def probed_and_found_absent() -> str:
    return _probed(Absent())


def _probed(answer: Any) -> str:
    word = a_word()
    world.script(word, OSError("reset"))
    world.script(f"probe {word}", answer)
    state = ran(one(probed, word))
    assert state.status == "completed"
    return state.job


@part
def tried_again_with_the_same_key() -> str:
    word = a_word()
    world.script(word, ValueError("one"))
    job = started(one(put, word))
    run_until_parked(job)
    assert after(job, 11).status == "completed"
    return job


@part
def recalled_from_another_job() -> str:
    word = a_word()
    ran(one(pay, word, cents=5))
    state = ran(one(pay, word, cents=5))
    assert state.status == "completed"
    return state.job


@part
def in_conflict_over_a_business_key() -> str:
    word = a_word()
    ran(one(pay, word, cents=5))
    return ran(one(pay, word, cents=6)).job


@part
def landed_but_not_storable() -> str:
    return ran(one(opaque_send, a_word())).job


@part
def compensated() -> str:
    word = a_word()
    world.script(f"{word} undo s0", *[NotLanded("no")] * 2)
    job = compensating(chain(word, book, post, book, blind))
    run_until_parked(job)
    assert after(job, 6).status == "failed"
    return job


@part
def compensating_and_in_doubt() -> str:
    word = a_word()
    world.script(f"{word} undo s1", OSError("reset"))
    job = compensating(chain(word, book, blind))
    assert run_until_parked(job).status == "parked"
    cancel(job, actor=BOB, reason="in the middle")
    return job


@part
def with_a_large_body() -> str:
    return ran(one(look, "x" * 100_000 + a_word())).job


@part
def a_parent_with_its_child() -> str:
    graph = TaskGraph()
    graph.output(graph.agent("child", "looker", {"word": a_word()}))
    return ran(graph).job


@part
def of_workflow_nodes() -> str:
    graph = TaskGraph()
    twice = graph.workflow("twice", doubled, x=4)
    graph.workflow("looks", looked, first=a_word(), second=a_word(), after=[twice])
    graph.output(twice)
    return ran(graph).job
