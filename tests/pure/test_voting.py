"""Voting: who may decide, on what exactly, once, and before the deadline (design: Humans)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jobs.core.commands import Actor, Cancel, Due, Vote
from jobs.core.graph import TaskGraph
from tests.pure.scenes import Scene, begun
from tests.pure.story import ASKER, PEOPLE, PERSON, STRANGER


def asked(**options: Any) -> Scene:
    g = TaskGraph()
    ask = g.approval("ask", "Sure?", {"cents": 5}, groups=options.pop("groups", ["finance"]), **options)
    g.tool("pay", "pay", after=[ask])
    return begun(g)


def test_as_many_approvals_as_the_quorum_approve() -> None:
    scene = asked(quorum=2)
    scene.must(scene.vote("ask", voter=1))
    assert (scene.state.status, scene.facts[-1].body["effect"]) == ("parked", "vote")
    scene.must(scene.vote("ask", voter=2))
    assert scene.status("pay") == "ready"
    assert scene.state.nodes["ask"].result["by"] == ["user 2", "user 3"]


def test_one_rejection_rejects() -> None:
    scene = asked(quorum=2)
    scene.must(scene.vote("ask", voter=1))
    scene.must(scene.vote("ask", "reject", voter=2))
    assert (scene.status("ask"), scene.status("pay"), scene.state.outcome) == (
        "rejected",
        "skipped",
        "rejected",
    )


def test_nobody_votes_twice() -> None:
    scene = asked(quorum=2)
    scene.must(scene.vote("ask"))
    assert scene.refused(scene.vote("ask")) == "voted_already"
    assert scene.refused(scene.vote("ask", "reject")) == "voted_already"


def test_the_requester_does_not_vote_under_four_eyes() -> None:
    scene = asked(four_eyes=True)
    assert scene.refused(scene.vote("ask", voter=0)) == "four_eyes"
    scene = asked()
    scene.must(scene.vote("ask", voter=0))
    assert scene.status("pay") == "ready"


def test_only_those_who_were_asked_decide_whatever_else_they_may() -> None:
    scene = asked()
    chief = replace(STRANGER, superuser=True)
    assert scene.refused(replace(scene.vote("ask"), actor=STRANGER)) == "not_an_approver"
    assert scene.refused(replace(scene.vote("ask"), actor=chief)) == "not_an_approver"
    named = asked(groups=[], users=["u9"])
    named.must(replace(named.vote("ask"), actor=STRANGER))


def test_who_decides_on_something_else_than_what_is_shown_is_refused() -> None:
    scene = asked()
    assert scene.refused(replace(scene.vote("ask"), digest="0" * 64)) == "stale_digest"


def test_the_digest_binds_what_is_shown_and_what_is_released() -> None:
    def digest(shown: int, cents: int) -> str:
        g = TaskGraph()
        ask = g.approval("ask", "Sure?", {"cents": shown}, groups=["finance"])
        g.tool("pay", "pay", cents=cents, after=[ask])
        return str(begun(g).state.calls["ask"].info["digest"])

    assert len({digest(1, 1), digest(2, 1), digest(1, 2)}) == 3
    assert digest(1, 1) == digest(1, 1)


def test_a_decided_approval_takes_no_further_vote() -> None:
    scene = asked()
    first, second = scene.vote("ask", voter=1), scene.vote("ask", "reject", voter=2)
    scene.must(first)
    assert scene.refused(second) == "approval_closed"


def test_a_vote_at_the_deadline_is_refused_even_if_the_sweep_is_late() -> None:
    scene = asked(deadline="1m")
    scene.pass_time(60)
    assert scene.refused(scene.vote("ask")) == "approval_closed"
    assert scene.status("ask") == "parked"
    scene.must(Due("ask"))
    assert scene.status("ask") == "rejected"
    assert scene.state.nodes["ask"].timed_out


@pytest.mark.parametrize(
    ("late", "status", "pay"), [("reject", "rejected", "skipped"), ("approve", "done", "ready")]
)
def test_the_deadline_decides_as_was_declared(late: str, status: str, pay: str) -> None:
    scene = asked(deadline="1m", on_timeout=late)
    scene.pass_time(61)
    scene.must(Due("ask"))
    assert (scene.status("ask"), scene.status("pay")) == (status, pay)


def test_an_escalated_approval_asks_others_and_has_no_deadline_any_more() -> None:
    scene = asked(deadline="1m", on_timeout="escalate", escalate_to=["heads"])
    scene.pass_time(60)
    assert scene.refused(replace(scene.vote("ask"), actor=ASKER)) == "not_an_approver"
    scene.must(Due("ask"))
    assert (scene.state.status, scene.state.nodes["ask"].wake_at) == ("parked", None)
    scene.must(replace(scene.vote("ask"), actor=PEOPLE[1]))
    assert scene.status("pay") == "ready"


def test_the_end_of_the_job_withdraws_what_it_asked() -> None:
    scene = asked()
    scene.must(Cancel(ASKER))
    assert [fact.body["effect"] for fact in scene.facts if fact.type == "approval_decided"] == ["withdrawn"]
    assert scene.refused(scene.vote("ask")) == "approval_closed"


def test_an_unknown_approval_and_an_unknown_decision_are_refused() -> None:
    scene = asked()
    assert scene.refused(replace(scene.vote("ask"), approval="no-such")) == "not_found"
    assert scene.refused(scene.vote("ask", "perhaps")) == "invalid"


def handing(scene: Scene, to: Actor = STRANGER, voter: int = 1, **more: Any) -> Vote:
    return replace(scene.vote("ask", "delegate", voter=voter), to=to, **more)


def test_a_vote_that_is_handed_on_is_the_other_s_and_counts_once() -> None:
    scene = asked(quorum=2)
    scene.must(handing(scene))
    assert (scene.facts[-1].body["effect"], scene.facts[-1].body["to"]["id"]) == ("delegated", "u9")
    assert scene.refused(scene.vote("ask", voter=1)) == "voted_already"
    scene.must(replace(scene.vote("ask"), actor=STRANGER))
    assert scene.state.status == "parked", "one of two"
    assert scene.refused(replace(scene.vote("ask"), actor=STRANGER)) == "voted_already"
    scene.must(scene.vote("ask", voter=2))
    assert scene.state.nodes["ask"].result["by"] == ["stranger", "user 3"]


def test_a_delegate_may_hand_the_vote_on_but_to_nobody_who_has_had_one() -> None:
    scene = asked(quorum=3)
    scene.must(handing(scene))
    other = replace(STRANGER, id="u8", name="another")
    for to in (PEOPLE[1], PEOPLE[2], STRANGER):
        assert scene.refused(replace(handing(scene, to), actor=STRANGER)) == "asked_already"
    scene.must(replace(handing(scene, other), actor=STRANGER))
    assert scene.refused(replace(scene.vote("ask"), actor=STRANGER)) == "voted_already"
    scene.must(replace(scene.vote("ask"), actor=other))


def test_nobody_hands_on_what_is_not_theirs_nor_to_the_requester_under_four_eyes() -> None:
    scene = asked()
    assert scene.refused(replace(handing(scene, PERSON), actor=STRANGER)) == "not_an_approver"
    assert scene.refused(handing(scene, digest="0" * 64)) == "stale_digest"
    assert scene.refused(replace(handing(scene), to=None)) == "no_such_user"
    four = asked(four_eyes=True, groups=["heads"])
    assert four.refused(handing(four, ASKER)) == "four_eyes"
    assert four.refused(handing(four, voter=0)) == "four_eyes"


def test_an_escalation_asks_the_heads_and_no_delegate() -> None:
    scene = asked(deadline="60s", on_timeout="escalate", escalate_to=["heads"], quorum=2)
    scene.must(handing(scene))
    scene.pass_time(61)
    scene.must(Due("ask"))
    assert scene.refused(replace(scene.vote("ask"), actor=STRANGER)) == "not_an_approver"
    scene.must(scene.vote("ask", voter=2))
    scene.must(scene.vote("ask", voter=3))
    assert scene.status("pay") == "ready"
