"""Secrets where they do not belong: refused where they come in, masked where they have happened, never repeated."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from forensics.services import replay_job
from jobs import TaskGraph, signal, submit
from jobs.core.errors import Invalid
from jobs.core.names import PlanError
from jobs.testing import run_until_parked
from ledger.models import Invocation
from tests.agents import world
from tests.agents.keyholders import leaks, takes
from tests.engine.driving import a_word, asked, error_of, flow, ran, started
from tests.engine.secrecy import everything, one
from tests.factories import person
from tests.ledger.test_secrets import SAMPLES

pytestmark = pytest.mark.usefixtures("here")


@flow
def keyholder_of_signals(ctx: Any, goal: dict[str, Any]) -> Any:
    return ctx.signal("word")


@flow
def keyholder_of_calls(ctx: Any, goal: dict[str, Any]) -> Any:
    return ctx.tool(takes, word=goal["word"], text="xox" + goal["rest"])


@flow
def keyholder_of_outputs(ctx: Any, goal: dict[str, Any]) -> Any:
    ctx.state["kept"] = "sk" + goal["rest"]
    ctx.progress("sk" + goal["rest"])
    return {"made": "sk" + goal["rest"]}


@pytest.fixture
def policy(settings: Any) -> Any:
    """Set the policy for one test."""

    def put(word: str) -> None:
        settings.AETHERIS = {**settings.AETHERIS, "SECRET_POLICY": word}

    return put


def test_a_secret_in_a_goal_is_refused_and_the_refusal_does_not_repeat_it() -> None:
    key = SAMPLES["aws_access_key"]
    with pytest.raises(Invalid) as refused:
        submit("drawn", {"graph": {}, "note": [f"use {key}"]}, actor=person())
    assert refused.value.code == "secret_in_payload"
    assert refused.value.errors == [{"loc": ["note", "0"], "msg": "looks like a secret (aws_access_key)"}]
    assert key not in str(refused.value) + repr(refused.value.errors)
    assert key not in everything()


def test_a_secret_in_a_signal_is_refused_masked_warned_of_or_kept(
    policy: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="aetheris.secrets")
    key = SAMPLES["github_token"]
    outputs = []
    for word in ("mask", "warn", "off"):
        policy(word)
        job = asked("keyholder_of_signals")
        run_until_parked(job)
        if word == "mask":
            policy("refuse")
            with pytest.raises(Invalid, match="github_token at /key"):
                signal(job, "word", {"key": key}, actor=person())
            policy("mask")
        signal(job, "word", {"key": key}, actor=person())
        outputs.append(run_until_parked(job).output)
    assert outputs == [{"key": "[masked:github_token]"}, {"key": key}, {"key": key}]
    assert "the signal's payload seems to hold a secret: github_token at /key" in caplog.text


@pytest.mark.parametrize("word", ["refuse", "mask"])
def test_a_result_that_holds_a_secret_has_landed_and_is_masked(policy: Any, word: str) -> None:
    policy(word)
    name, key = a_word(), SAMPLES["stripe_key"]
    world.script(name, {"made": key})
    job = started(one(leaks, word=name))
    state = run_until_parked(job)
    assert (state.status, state.output) == ("completed", {"made": "[masked:stripe_key]"})
    assert json.loads(Invocation.objects.get(job_id=job).result or "") == {"made": "[masked:stripe_key]"}
    assert key not in everything()


def test_a_plan_and_a_call_that_hold_a_secret_are_refused_before_anything_is_promised() -> None:
    word, key = a_word(), SAMPLES["slack_token"]
    with pytest.raises(Invalid, match="slack_token at /graph/nodes/0/args/text"):
        started(one(takes, word=word, text=f"key {key}"))
    job = asked("keyholder_of_calls", {"word": word, "rest": key[3:]})
    error = error_of(run_until_parked(job))
    assert error["code"] == "secret_in_arguments"
    assert "slack_token at /text" in error["message"]
    assert world.times(word) == 0
    assert not Invocation.objects.filter(job_id=job).exists()
    assert key not in everything()


def test_a_value_that_becomes_a_password_by_the_name_of_its_argument_is_refused() -> None:
    word = a_word()
    world.script(word, "hunter22x")
    graph = TaskGraph()
    first = graph.tool("first", leaks, word=word)
    graph.output(graph.tool("second", takes, word=word + "2", password=first))
    error = error_of(ran(graph))
    assert error["code"] == "secret_in_arguments"
    assert "named_secret at /password" in error["message"]
    assert world.times(word + "2") == 0


def test_the_output_and_the_state_of_a_workflow_are_masked_and_its_replay_is_the_same() -> None:
    key = SAMPLES["model_api_key"]

    job = asked("keyholder_of_outputs", {"rest": key[2:]})
    assert run_until_parked(job).output == {"made": "[masked:model_api_key]"}
    assert key not in everything()
    told = replay_job(job)
    assert told["ok"], told["problem"]


def test_a_planner_cannot_hand_out_a_plan_with_a_secret(policy: Any) -> None:
    from jobs.planning import checked_plan

    graph = one(takes, word=a_word(), text=SAMPLES["jwt"])
    with pytest.raises(PlanError, match="jwt at /nodes/0/args/text"):
        checked_plan(graph)
    policy("off")
    assert checked_plan(graph)
