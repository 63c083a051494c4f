"""The evidence graph of jobs of every shape: no circle, nothing left hanging, and the same from rows and from a package."""

from __future__ import annotations

import json
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from prov.model import ProvDocument

from forensics.evidence import packages, prov_text
from forensics.evidence.drawing import svg
from forensics.package import export
from forensics.services import graph_of_job, prov_of_job, reasoning_of, timeline_of, who
from forensics.standalone import EVENTS, EVIDENCE, canonical
from jobs.core.errors import Illegal
from jobs.models import Event, Job
from jobs.queries import trace
from ledger.models import Invocation
from tests.forensics.cast import CAST
from tests.forensics.forgetting import ended, erased
from tests.forensics.package.packing import Copy
from tests.forensics.package.verdicts import verdict
from tests.forensics.record_of import drawn
from tests.forensics.tampering import unguarded

pytestmark = pytest.mark.usefixtures("here")


def _links(graph: dict[str, Any], kind: str = "") -> set[tuple[str, str]]:
    return {(each["from"], each["to"]) for each in graph["edges"] if kind in ("", each["kind"])}


@pytest.mark.parametrize("name", sorted(CAST))
def test_a_graph_has_no_circle_and_rests_on_events_that_are_there(name: str, tmp_path: Path) -> None:
    job = Job.objects.get(id=CAST[name]())
    graph = graph_of_job(job)
    ids = {each["id"] for each in graph["nodes"]}
    assert len(ids) == len(graph["nodes"])
    assert all(one in ids and other in ids for one, other in _links(graph))
    before: dict[str, set[str]] = {}
    for effect, cause in _links(graph):
        before.setdefault(effect, set()).add(cause)
    list(TopologicalSorter(before).static_order())
    assert all(1 <= each["seq"] <= job.head_seq for each in [*graph["nodes"], *graph["edges"]])
    kinds = ("tool", "model_call", "compensation")
    calls = {
        each["invocation"] for each in graph["nodes"] if each["kind"] in kinds and "invocation" in each
    }  # a failure that a retry took over was no call of its own
    assert calls == {
        str(each) for each in Invocation.objects.filter(job_id=job.id).values_list("id", flat=True)
    }
    drawn(svg(graph))
    export(job.id, tmp_path / "a.zip")
    text = Copy(tmp_path / "a.zip").files[EVIDENCE].decode()
    assert text == "".join(prov_of_job(job))
    assert list(ProvDocument.deserialize(content=text).get_records())


@pytest.mark.parametrize(
    "name", ["approved_and_paid", "a_workflow", "compensated", "with_a_large_body", "mapped_with_a_failure"]
)
def test_what_is_erased_is_marked_and_the_rest_still_tells(name: str, tmp_path: Path) -> None:
    job = Job.objects.get(id=CAST[name]())
    before = graph_of_job(job)
    assert ended(str(job.id))
    erased(str(job.id), everything=True)
    job.refresh_from_db()
    after = graph_of_job(job)
    steps = {each["id"] for each in before["nodes"] if each["id"].startswith("step/")}
    assert steps <= {each["id"] for each in after["nodes"]}
    assert any(each.get("erased") for each in after["nodes"])
    assert timeline_of(job)["decisions"]
    drawn(svg(after))
    for invocation in Invocation.objects.filter(job_id=job.id).values_list("id", flat=True):
        [told] = who(job.tenant, {"invocation": str(invocation)})["results"]
        assert told["effect"]["erased"]
        assert told["sentence"]
    export(job.id, tmp_path / "a.zip")
    report, graph = packages.opened(tmp_path / "a.zip")
    assert report.problem is None, report.problem
    assert graph is not None
    assert graph.json() == after


def test_a_person_a_plan_and_an_approval_are_told_with_what_was_seen() -> None:
    job = Job.objects.get(id=CAST["approved_and_paid"]())
    graph = graph_of_job(job)
    vote = next(each for each in graph["nodes"] if each["kind"] == "vote")
    question = next(each for each in graph["nodes"] if each["kind"] == "question")
    assert vote["saw"] == question["shown"]
    assert ("vote/16", "person/user/u-bob") in _links(graph, "decided")
    assert ("question/ask", "step/order") in _links(graph, "used")
    assert ("question/ask", "step/order") in _links(graph, "condition")
    assert ("step/pay", "step/ask") in _links(graph, "released")
    released = next(each for each in graph["edges"] if each["kind"] == "released")
    assert released["via"] == "these arguments"
    assert ("output", "step/pay") in _links(graph, "used")


def test_in_code_every_call_came_after_the_answers_that_the_code_had() -> None:
    graph = graph_of_job(Job.objects.get(id=CAST["a_workflow"]()))
    found = {(each["from"], each["to"]): each["how"] for each in graph["edges"] if each["kind"] == "informed"}
    assert found["step/main/4", "step/main/0"] == "order"
    assert found["step/main", "step/main/7"] == "order"
    assert ("question/main/7", "step/main/6") in found


def test_a_graph_that_is_not_what_the_events_tell_is_found_at_its_record() -> None:
    from tests.forensics.package.verdicts import package

    for change in ("person", "remove", "edge"):
        copy = Copy(package("approved_and_paid"))
        document = json.loads(copy.files[EVIDENCE])
        if change == "person":
            document["agent"]["aetheris:person/user/u-bob"]["aetheris:name"] = "somebody else"
        elif change == "remove":
            del document["activity"]["job:step/pay"]
        else:
            name, link = next(iter(document["wasAssociatedWith"].items()))
            document["wasAssociatedWith"][name] = {**link, "prov:agent": "aetheris:person/user/u-ann"}
        copy.files[EVIDENCE] = canonical(document).encode() + b"\n"
        from jobs import keys

        problem = verdict(copy.resealed(keys.signer())).problem
        assert problem is not None
        assert (problem.kind, problem.file) == ("evidence", EVIDENCE)
        assert "not what the events tell" in problem.message


def test_a_redacted_package_shows_its_own_graph_and_marks_what_is_withheld(tmp_path: Path) -> None:
    job = CAST["approved_and_paid"]()
    export(job, tmp_path / "a.zip", profile="default")
    copy = Copy(tmp_path / "a.zip")
    report, graph = packages.opened(tmp_path / "a.zip")
    assert report.ok
    assert graph is not None
    assert copy.files[EVIDENCE].decode() == "".join(prov_text(graph, report.facts["head"]))
    partly = {each["seq"] for each in copy.values(EVENTS) if each["raw"] is None and each["body"] is not None}
    marked = {each["seq"] for each in graph.json()["nodes"] if each.get("withheld")}
    assert bool(partly) == bool(marked)


@pytest.mark.parametrize(
    "name", ["approved_and_paid", "a_workflow", "tried_again_with_the_same_key", "mapped_with_a_failure"]
)
def test_every_step_has_its_reasoning_and_its_attempts(name: str) -> None:
    job = Job.objects.get(id=CAST[name]())
    for step in trace(job)["tree"]:
        told = reasoning_of(job, step["node"])
        assert told["goal"]["value"] is not None
        claims = Event.objects.filter(job_id=job.id, node=step["node"], type="node_started").count()
        assert len([each for each in told["attempts"] if each["worker"]]) == claims
        assert len(told["changes"]) == max(0, len(told["attempts"]) - 1)


def test_two_attempts_are_told_apart() -> None:
    told = reasoning_of(Job.objects.get(id=CAST["tried_again_with_the_same_key"]()), "call")
    assert [each["end"] for each in told["attempts"]] == ["retry_scheduled", "finished"]
    [change] = told["changes"]
    assert {"path": ["end"], "change": "changed", "before": "retry_scheduled", "after": "finished"} in change[
        "changes"
    ]
    assert all("result" not in each or each["result"] is None for each in told["attempts"][0]["calls"])
    assert told["attempts"][1]["calls"][0]["result"]


def test_the_timeline_says_who_what_and_on_what_basis() -> None:
    told = timeline_of(Job.objects.get(id=CAST["approved_and_paid"]()))
    seqs = [each["seq"] for each in told["decisions"]]
    assert seqs == sorted(seqs)
    vote = next(each for each in told["decisions"] if each["kind"] == "vote")
    assert vote["actor"]["name"] == "bob"
    assert vote["basis"] == [{"id": "question/ask", "kind": "saw", "how": "declared"}]
    tree = {each["node"]: each for each in told["tree"]}
    assert {each["step"] for each in tree["pay"]["used"]} == {"ask"}


@pytest.mark.parametrize("body", ["{", "[]"])
def test_a_broken_record_tells_no_graph_and_says_so(body: str) -> None:
    job = Job.objects.get(id=CAST["approved_and_paid"]())
    with unguarded():
        Event.objects.filter(job_id=job.id, seq=14).update(body=body)
        for ask in (graph_of_job, timeline_of):
            with pytest.raises(Illegal) as refusal:
                ask(job)
            assert refusal.value.code == "broken_record"
