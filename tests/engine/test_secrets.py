"""Secrets by reference: only the tool sees the value; events, ledger, errors and logs never do."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from jobs import submit
from jobs.models import Event
from jobs.testing import run_until_parked
from ledger import logs, secret, vault
from ledger.canonical import digest
from ledger.models import Invocation
from ledger.schema import BadArguments, validate_args
from tests.agents import world
from tests.agents.keyholders import asked_with_secret, authorised, authorised_async, echoes
from tests.engine.driving import a_word, asked, error_of, flow, ran, started
from tests.engine.secrecy import everything, one
from tests.factories import person

pytestmark = pytest.mark.usefixtures("here")


@flow
def keyholder_of_goal(ctx: Any, goal: dict[str, Any]) -> Any:
    return ctx.tool(authorised, word="goal", token=goal["key"], headers={"X": goal["key"]})


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A secret that the toy tools may read under the name `token`."""
    value = f"tok-{uuid4().hex}"
    monkeypatch.setenv("AETHERIS_TEST_TOKEN", value)
    vault.configure(
        {
            "token": {
                "from": "env:AETHERIS_TEST_TOKEN",
                "tools": ["authorised*", "echoes"],
                "tenants": ["default"],
            },
            "probed": {"from": "env:AETHERIS_TEST_TOKEN", "tools": ["asked_with_secret"]},
            "gone": {"from": "env:AETHERIS_TEST_NO_SUCH", "tools": ["*"]},
            "broken": {"from": "tests.engine.test_secrets:breaks", "tools": ["*"]},
            "short": {"from": "tests.engine.test_secrets:short", "tools": ["*"]},
        }
    )
    yield value
    vault.configure({})
    vault.forget()


def breaks(name: str) -> str:
    raise RuntimeError("no answer to token hush-hush-hush")


def short(name: str) -> str:
    return "1234567"


def test_only_the_tool_sees_what_a_reference_stands_for(token: str) -> None:
    word = a_word()
    job = started(
        one(authorised, word=word, token=secret("token"), headers={"Authorization": secret("token")})
    )
    state = run_until_parked(job)
    assert state.output == {"token": len(token), "headers": {"Authorization": len(token)}}
    line = Invocation.objects.get(job_id=job)
    args = {"word": word, "token": {"$secret": "token"}, "headers": {"Authorization": {"$secret": "token"}}}
    assert json.loads(line.args) == args
    assert line.args_digest == digest(args), "the promise commits to the reference"
    assert token not in everything()


def test_a_goal_holds_a_reference_and_a_json_plan_too(token: str) -> None:
    output: Any = run_until_parked(asked("keyholder_of_goal", {"key": secret("token")})).output
    assert output["token"] == len(token)
    graph: Any = one(authorised, word="json", token="…").to_json()
    graph["nodes"][0]["args"]["token"] = {"$secret": "token"}
    assert ran(graph).output["token"] == len(token)
    assert token not in everything()


def test_an_async_tool_with_a_parameter_for_references_only(token: str) -> None:
    assert ran(one(authorised_async, word=a_word(), token=secret("token"))).output == {
        "token": len(token), "shown": "Secret(…)",
    }  # fmt: skip
    with pytest.raises(BadArguments, match=r'token: it must be a reference, \{"\$secret": "name"\}'):
        validate_args(authorised_async, {"word": "x", "token": "literal-" + uuid4().hex})


def test_a_text_cannot_pass_for_a_reference(token: str) -> None:
    graph = one(authorised, word=a_word(), token="secret:token")
    assert ran(graph).output["token"] == len("secret:token")


def test_what_a_careless_tool_gives_back_or_logs_is_masked(
    token: str, caplog: pytest.LogCaptureFixture
) -> None:
    logs.install()
    word = a_word()
    job = started(one(echoes, word=word, token=secret("token")))
    with caplog.at_level(logging.WARNING):
        state = run_until_parked(job)
    assert state.output == {
        "said": "you sent [masked:token]", "list": ["[masked:token]"], "[masked:token]": 1, "coded": "[masked:token]",
        "word": word,
    }  # fmt: skip
    assert "the token is [masked:token]" in caplog.text
    assert token not in caplog.text
    line = Invocation.objects.get(job_id=job)
    assert (line.state, line.business_key) == ("landed", f"{word}:secret:token")
    assert token not in everything()


@pytest.mark.parametrize(("how", "state"), [("raises", "unknown"), ("not_landed", "not_landed")])
def test_what_a_tool_says_in_its_error_is_masked(token: str, how: str, state: str) -> None:
    job = started(one(echoes, word=a_word(), token=secret("token"), how=how))
    run_until_parked(job)
    assert Invocation.objects.get(job_id=job).state == state
    said = everything()
    assert token not in said
    assert "[masked:token]" in said


def test_a_probe_reads_its_secret_by_itself_and_what_it_says_is_masked(token: str) -> None:
    job = started(one(asked_with_secret, word=a_word()))
    run_until_parked(job)
    told = Event.objects.filter(job_id=job).values_list("body", flat=True)
    assert any("asked with [masked:probed]" in (body or "") for body in told)
    assert token not in everything()


@pytest.mark.parametrize(
    ("name", "code"),
    [("nowhere", "secret_unknown"), ("probed", "secret_not_allowed"), ("gone", "secret_unavailable"),
     ("broken", "secret_unavailable"), ("short", "secret_too_short")],
)  # fmt: skip
def test_a_reference_that_cannot_be_read_is_said_before_anything_is_called(
    token: str, name: str, code: str
) -> None:
    word = a_word()
    job = started(one(authorised, word=word, token=secret(name), retry={"max_attempts": 1}))
    error = error_of(run_until_parked(job))
    assert error["code"] == code
    assert repr(name) in error["message"]
    assert "was not called" in error["message"]
    assert world.times(word) == 0
    assert Invocation.objects.get(job_id=job).state == "not_landed"
    assert "hush-hush-hush" not in everything(), "what a provider says is not repeated"
    assert "1234567'" not in error["message"]


def test_another_tenant_may_not_read_it(token: str) -> None:
    graph = one(authorised, word=a_word(), token=secret("token"))
    job = submit("drawn", {"graph": graph.to_json()}, actor=person(tenant=f"t-{uuid4().hex[:8]}"))
    assert error_of(run_until_parked(str(job)))["code"] == "secret_not_allowed"


def test_a_secret_is_read_anew_for_every_call(token: str, tmp_path: Path) -> None:
    place = tmp_path / "token"
    vault.configure({"token": {"from": f"file:{place}", "tools": ["authorised"]}})
    for value in ("first-secret-value", "second-secret-value-is-longer\n"):
        place.write_text(value)
        assert ran(one(authorised, word=a_word(), token=secret("token"))).output["token"] == len(
            value.strip()
        )


def test_settings_that_cannot_be_meant() -> None:
    for given in (
        {"a b": {"from": "env:X", "tools": ["*"]}}, {"a": "env:X"}, {"a": {"from": "env:X"}}, {"a": {"from": "X", "tools": ["*"]}},
        {"a": {"from": "env:X", "tools": "charge"}}, {"a": {"from": "env:X", "tools": ["*"], "who": 1}},
    ):  # fmt: skip
        with pytest.raises(ValueError, match="secret 'a"):
            vault.configure(given)
    with pytest.raises(ValueError, match="never the secret itself"):
        secret("a b")
