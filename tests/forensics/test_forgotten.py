"""No copy stays: a word that a job's goal, calls, answers and people spoke stands nowhere in the database any more."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from django.db import connection

from forensics.services import verify_job
from jobs import TaskGraph, approve, create_agent, message_agent, send_message, signal, submit
from jobs.conf import conf
from jobs.core.errors import KeyReused
from jobs.models import AgentInstance, Blob, Event, Job
from jobs.services import deliver_due, erase
from jobs.testing import run_until_parked
from ledger import tool
from ledger.llm import Scripted, register_model
from ledger.models import Invocation
from tests.agents import world
from tests.agents.tools import look, pay, send
from tests.engine.driving import a_word, asked, flow, started
from tests.factories import person
from tests.forensics.forgetting import OFFICER, WHY, erased, places_of

pytestmark = pytest.mark.usefixtures("here")
FORM = {"type": "object", "properties": {"why": {"type": "string"}}}


@tool(effect="pure")
def grow(word: str) -> dict[str, str]:
    """Something too large to stand in a body."""
    return {"long": word + "x" * (conf().INLINE_LIMIT + 10)}


@flow
def remembers(ctx: Any, goal: dict[str, Any]) -> Any:
    """It keeps what it was told, in its state and in an agent's memory."""
    ctx.state["told"] = goal["word"]
    ctx.state[goal["word"]] = 1
    said = ctx.llm(goal["model"], goal["word"])
    return [said["text"], goal["word"]]


def talkative(word: str) -> str:
    """A job in which the word stands wherever somebody's words may stand; finished."""
    model = a_word()
    register_model(
        model, Scripted([{"text": f"so {word}", "usage": {"input_tokens": 1, "output_tokens": 1}}])
    )
    world.script(f"{word}-bad", ValueError(f"no {word}"), ValueError(f"no {word}"), ValueError(f"no {word}"))
    graph = TaskGraph()
    paid = graph.tool("paid", pay, word=word, cents=5)
    graph.tool("sent", send, word=f"{word}-sent")
    graph.llm("said", model, [{"role": "user", "content": word}])
    graph.tool("large", grow, word=word)
    graph.tool("bad", look, word=f"{word}-bad", on_error="continue", retry={"max_attempts": 1})
    graph.map("each", look, over=[f"{word}-1", f"{word}-2"], each={"word": graph.item})
    graph.agent("child", "looker", {"word": f"{word}-child"})
    graph.wait("go", signal="go")
    graph.receive("mail", channel="in")
    graph.approval(
        "ask", question=f"Pay {word}?", show={"who": word, "paid": paid}, groups=["finance"], form=FORM
    )
    graph.output({"word": word, "paid": paid})
    job = started(graph, idempotency_key=f"key-{word}", tags=["audit"])
    run_until_parked(job)
    signal(job, "go", {"say": word}, id=f"letter-{word}", actor=person())
    send_message(job, "in", [word], id=f"mail-{word}", actor=person())
    approve(job, actor=person("bob"), comment=f"for {word}", form={"why": word})
    assert run_until_parked(job).status == "completed"
    deliver_due()
    return job


def test_nothing_of_an_erased_job_and_of_its_copies_stays_anywhere() -> None:
    word = f"canary-{a_word()}"
    job = talkative(word)
    assert len(places_of(word)) >= 10, "the word stands in many places before"
    done = erase(job, everything=True, also_copies=True, **WHY)
    assert [(each["relation"], each["refused"]) for each in done["copies"]] == [("child", None)]
    assert done["parts"] == 1
    assert places_of(word) == []
    assert verify_job(job)["ok"]
    assert verify_job(done["copies"][0]["job"])["ok"]


def test_without_its_copies_only_they_hold_it_and_they_are_named() -> None:
    word = f"canary-{a_word()}"
    job = talkative(word)
    done = erased(job)
    (copy,) = done["copies"]
    assert (copy["relation"], copy["erased"]) == ("child", 0)
    assert {body for body in Event.objects.filter(body__contains=word).values_list("job_id", flat=True)} == {
        Job.objects.get(parent_job=job).id
    }


def test_a_part_that_another_job_names_stays() -> None:
    word = f"canary-{a_word()}"
    graph = TaskGraph()
    graph.output(graph.tool("large", grow, word=word))
    first, second = started(graph), started(graph)
    run_until_parked(first), run_until_parked(second)
    parts = Blob.objects.filter(text__contains=word).count()
    assert erased(first)["parts"] == 0
    assert Blob.objects.filter(text__contains=word).count() == parts
    assert verify_job(second)["ok"]
    assert verify_job(first)["ok"]
    erased(second)
    assert places_of(word) == []


def test_an_agent_forgets_what_was_erased_of_its_last_job() -> None:
    word, model = f"canary-{a_word()}", a_word()
    register_model(model, Scripted([{"text": "hm", "usage": {"input_tokens": 1, "output_tokens": 1}}] * 3))
    instance = create_agent("remembers", state={"kind": "old"}, actor=person())
    first = str(message_agent(instance, {"word": word, "model": model}, id=f"m-{word}", actor=person()))
    run_until_parked(first)
    second = str(message_agent(instance, {"word": "other", "model": model}, actor=person()))
    run_until_parked(second)
    deliver_due()
    done = erase(first, everything=True, also_copies=True, **WHY)
    assert [(each["job"], each["relation"], each["refused"]) for each in done["copies"]] == [
        (second, "instance", None)
    ]
    assert places_of(word) == []
    assert json.loads(AgentInstance.objects.get(id=instance).state) == {}
    assert verify_job(first)["ok"]
    assert verify_job(second)["ok"]
    third = str(message_agent(instance, {"word": "third", "model": model}, actor=person()))
    assert run_until_parked(third).status == "completed"
    assert verify_job(third)["ok"]
    assert (
        str(message_agent(instance, {"word": word, "model": model}, id=f"m-{word}", actor=person())) == first
    )


def test_keys_keep_their_hold_when_their_words_are_gone() -> None:
    """Neither a request nor a payment is made twice because its record was erased."""
    word = a_word()
    graph = TaskGraph()
    graph.output(graph.tool("paid", pay, word=word, cents=5))
    goal = {"graph": graph.to_json()}
    job = submit("drawn", goal, actor=person(), idempotency_key=f"key-{word}")
    run_until_parked(job)
    erased(str(job))
    assert places_of(word) == []
    assert submit("drawn", goal, actor=person(), idempotency_key=f"key-{word}") == job
    with pytest.raises(KeyReused):
        submit("drawn", {"graph": {}}, actor=person(), idempotency_key=f"key-{word}")
    again = run_until_parked(started(graph))
    assert again.status == "failed"
    assert again.failure is not None
    assert again.failure["error"]["code"] == "result_erased"
    other = TaskGraph()
    other.output(other.tool("paid", pay, word=word, cents=6))
    conflicting = run_until_parked(started(other))
    assert conflicting.failure is not None
    assert conflicting.failure["error"]["code"] == "key_conflict"
    assert world.times(word) == 1


def test_a_tool_that_answers_erased_true_is_recalled_all_the_same() -> None:
    word = a_word()
    world.script(word, {"erased": True})
    graph = TaskGraph()
    graph.output(graph.tool("paid", pay, word=word, cents=5))
    run_until_parked(started(graph))
    assert run_until_parked(started(graph)).output == {"erased": True}


def test_what_the_database_file_held_is_overwritten(engine_db: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("Postgres keeps old versions until VACUUM; the docs say so")
    word = f"canary-{a_word()}"
    job = talkative(word)
    erase(job, everything=True, also_copies=True, **WHY)
    name = str(connection.settings_dict["NAME"])
    # Another process reads: to close the file in this one would release SQLite's locks on it, and spoil it.
    read = f"import pathlib, sys; sys.exit(any({word.encode()!r} in pathlib.Path(name).read_bytes() " \
           f"for name in {[name, f'{name}-wal']!r} if pathlib.Path(name).exists()))"  # fmt: skip
    assert subprocess.run([sys.executable, "-c", read], timeout=60, check=False).returncode == 0


def test_only_the_officer_and_the_lines_of_the_chain_are_named_in_the_afterword() -> None:
    job = asked("looker", {"word": a_word()})
    run_until_parked(job)
    done = erased(job)
    body = json.loads(Event.objects.get(job_id=job, type="payload_erased").body or "")
    assert body["actor"]["id"] == OFFICER.id
    assert body["basis"] == WHY["legal_basis"]
    assert body["reason"] == WHY["reason"]
    assert body["count"] == len(body["seq"]) == len(done["erased"])
    assert [
        {"seq": seq, "digest": digest} for seq, digest in zip(body["seq"], body["digests"], strict=True)
    ] == done["erased"]
    assert Invocation.objects.filter(job_id=job).values_list("args", flat=True)[0] == '{"erased":true}'
