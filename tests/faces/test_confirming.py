"""Confirmation over HTTP, on the command line and in the admin."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from jobs.testing import in_this_process, run_until_parked
from ledger.models import Invocation
from tests.agents import world
from tests.agents.confirmed import BY_MODE
from tests.engine.doubting import line, parked, told
from tests.engine.driving import a_word
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, nobody_special, nothing_written, refused
from tests.faces.command_line import Desk, aetheris, ok

pytestmark = pytest.mark.usefixtures("engine_db")


def waiting(mode: str = "strict") -> tuple[str, str]:
    """A job that waits after an effect, and the word of the effect."""
    word = a_word()
    with in_this_process():
        return parked(BY_MODE[mode], word), word


def held() -> str:
    """A job that is parked because the world does not show its effect."""
    job, word = waiting("park")
    world.script(f"confirm {word}", False)
    with in_this_process():
        assert told(job).status == "parked"
    return job


def test_the_answer_lists_every_effect_and_says_whether_all_is_well() -> None:
    job, _ = waiting()
    answer = Caller().post(f"jobs/{job}/confirm", {}).json()
    [effect] = answer["effects"]
    assert (answer["ok"], answer["job"], answer["status"]) == (True, job, "parked")
    assert (effect["node"], effect["tool"], effect["state"]) == ("one", "confirm_strict", "confirmed")
    assert (effect["on_mismatch"], effect["invocation"]) == ("strict", str(line(job).id))


def test_a_divergence_is_an_answer_and_its_consequence_shows() -> None:
    job, word = waiting()
    world.script(f"confirm {word}", False)
    answer = Caller().post(f"jobs/{job}/confirm", {}).json()
    assert (answer["ok"], answer["status"], answer["effects"][0]["state"]) == (False, "failed", "diverged")
    assert Caller().get(f"jobs/{job}").json()["error"]["code"] == "world_diverged"


def test_what_nobody_could_tell_is_no_divergence_and_says_why() -> None:
    job, word = waiting()
    world.script(f"confirm {word}", OSError("no route"))
    caller = Caller()
    with nothing_written():
        answer = caller.post(f"jobs/{job}/confirm", {}).json()
    assert (answer["ok"], answer["effects"][0]["state"]) == (True, "unknown")
    assert "no route" in answer["effects"][0]["evidence"]["reason"]


def test_a_job_without_such_effects_has_an_empty_list() -> None:
    job = stage.job(stage.waiting("go"))
    assert Caller().post(f"jobs/{job}/confirm").json()["effects"] == []


def test_an_effect_that_is_gone_is_accepted_by_its_invocation() -> None:
    job = held()
    waits = Caller().get(f"jobs/{job}").json()["parked_on"]
    assert waits == [{"node": "two", "kind": "world", "name": str(line(job).id)}]
    body = {"accept": str(line(job).id), "comment": "settled by hand"}
    answer = Caller().post(f"jobs/{job}/confirm", body).json()
    assert (answer["ok"], answer["effects"][0]["state"]) == (True, "accepted")
    with in_this_process():
        assert run_until_parked(job).status == "completed"


def test_only_an_invocation_of_this_job_that_is_in_question_is_accepted() -> None:
    job, other, (fine, _) = held(), stage.job(stage.waiting("go")), waiting("park")
    caller = Caller()
    with nothing_written():
        refused(caller.post(f"jobs/{other}/confirm", {"accept": str(line(job).id)}), 404, "not_found")
        refused(caller.post(f"jobs/{job}/confirm", {"accept": str(uuid4())}), 404, "not_found")
        refused(caller.post(f"jobs/{job}/confirm", {"accept": "one"}), 422, "invalid")
        refused(caller.post(f"jobs/{fine}/confirm", {"accept": str(line(fine).id)}), 409, "not_diverged")


def test_both_need_their_permission() -> None:
    job, caller = held(), Caller(nobody_special())
    with nothing_written():
        refused(caller.post(f"jobs/{job}/confirm", {}), 403, "permission_missing")
        refused(caller.post(f"jobs/{job}/confirm", {"accept": str(line(job).id)}), 403, "permission_missing")


def test_what_is_stuck_names_it() -> None:
    job = held()
    found = [each for each in Caller().get("system/stuck").json()["results"] if each["job"] == job]
    assert [(each["cause"], each["node"]) for each in found] == [("world_diverged", "two")]


EFFECT = {"node": "pay", "tool": "issue_refund", "on_mismatch": "strict", "invocation": "i-1", "evidence": {}}


def answered(state: str, **more: Any) -> Desk:
    effect = {**EFFECT, "state": state, **more}
    body = {"ok": state != "diverged", "job": "j-1", "status": "failed", "effects": [effect]}
    return Desk({"POST /api/jobs/j-1/confirm": ok(body)})


def test_the_command_prints_a_table_and_is_content() -> None:
    ended = aetheris("confirm", "j-1", desk=answered("confirmed"))
    assert ended.code == 0
    assert [word in ended.out for word in ("pay", "issue_refund", "confirmed", "i-1")] == [True] * 4


def test_a_divergence_is_exit_1_and_names_the_effect() -> None:
    ended = aetheris("confirm", "j-1", desk=answered("diverged"))
    assert ended.code == 1
    assert "[world_diverged]" in ended.err
    assert "pay" in ended.err


def test_why_nobody_could_tell_is_in_the_table() -> None:
    ended = aetheris("confirm", "j-1", desk=answered("unknown", evidence={"reason": "no route"}))
    assert ended.code == 0
    assert "no route" in ended.out


def test_an_acceptance_is_sent_with_its_comment() -> None:
    desk = answered("accepted", on_mismatch=None)
    ended = aetheris("confirm", "j-1", "--accept", "i-1", "--comment", "by hand", desk=desk)
    assert ended.code == 0
    assert desk.bodies() == [{"accept": "i-1", "comment": "by hand"}]
    assert aetheris("confirm", "j-1", "--comment", "by hand").code == 2


def test_in_the_admin_a_person_accepts_from_the_page_of_the_job() -> None:
    job = held()
    browser = stage.browser(stage.operator())
    page = f"/admin/aetheris_jobs/job/{job}/change/"
    assert str(line(job).id) in browser.get(page).content.decode()
    form = {"name": str(line(job).id), "comment": "settled by hand"}
    stage.post(browser, f"/admin/aetheris_jobs/job/{job}/do/world/", form)
    with in_this_process():
        assert run_until_parked(job).status == "completed"


def test_in_the_admin_the_effects_of_a_job_are_confirmed() -> None:
    job, word = waiting()
    browser = stage.browser(stage.operator())
    stage.post(browser, f"/admin/aetheris_jobs/job/{job}/do/confirm/", {})
    assert world.times(f"confirm {word}") == 1
    assert Invocation.objects.get(job_id=job, node="one").state == "landed"
