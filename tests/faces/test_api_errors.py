"""Every error is a problem document: refusals, the framework's own, and what nobody expected."""

from __future__ import annotations

import logging

import psycopg
import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404
from django.test import Client, RequestFactory
from rest_framework import exceptions

from aetheris_site import errors as problems
from aetheris_site import health
from aetheris_site.errors import problem
from jobs.api import system
from jobs.core import errors
from tests.faces.api_stage import Caller, refused

CONTEXT: dict[str, object] = {"request": RequestFactory().get("/api/x")}


@pytest.mark.parametrize(
    ("exception", "status", "code"),
    [
        (errors.Refused("no"), 409, "refused"),
        (errors.NotFound("no"), 404, "not_found"),
        (errors.NotAllowed("no"), 403, "not_allowed"),
        (errors.Illegal("no"), 409, "illegal_state"),
        (errors.Ended("no"), 409, "job_ended"),
        (errors.Stale("no"), 409, "stale"),
        (errors.Fenced("no"), 409, "fenced"),
        (errors.Invalid("no"), 422, "invalid"),
        (errors.Invalid("no", code="bad_goal"), 422, "bad_goal"),
        (errors.Unsupported("no"), 422, "not_supported_yet"),
        (errors.TooLarge("no"), 413, "too_large"),
        (errors.KeyReused("no"), 422, "idempotency_key_reused"),
        (exceptions.ParseError(), 400, "malformed_json"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.PermissionDenied(), 403, "not_allowed"),
        (exceptions.NotFound(), 404, "not_found"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.UnsupportedMediaType("a/b"), 415, "unsupported_media_type"),
        (exceptions.ValidationError({"a": ["no"]}), 422, "invalid"),
        (Http404(), 404, "not_found"),
        (PermissionDenied(), 403, "not_allowed"),
        (SuspiciousOperation("no"), 400, "bad_request"),
        (OperationalError("gone"), 503, "database_unavailable"),
    ],
)
def test_each_refusal_has_one_status_and_code(exception: Exception, status: int, code: str) -> None:
    answer = problem(exception, CONTEXT)
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert answer.data["type"] == f"urn:aetheris:problem:{code}"
    assert answer.data["detail"]


def test_a_database_without_room_is_no_outage_and_readyz_remembers_it(
    engine_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problems, "_last_no_room", (0.0, ""))
    full = OperationalError("could not extend file")
    full.__cause__ = psycopg.errors.DiskFull("could not extend file")
    answer = problem(full, CONTEXT)
    assert (answer.status_code, answer.data["code"], answer["Retry-After"]) == (507, "storage_full", "5")
    assert health.look()["disk"] == "could not extend file: make room, it goes on by itself"


def test_every_class_of_refusal_is_mapped() -> None:
    kinds = [errors.Refused]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert {kind for kind in kinds if kind.__module__ == errors.__name__} >= {errors.Fenced, errors.KeyReused}
    unmapped = [kind for kind in kinds if not set(kind.__mro__) & (set(problems.STATUSES) - {errors.Refused})]
    assert unmapped == [errors.Refused]


def test_fields_and_details_go_along() -> None:
    refusal = errors.Invalid(
        "no", errors=[{"loc": ["goal", 0], "msg": "bad"}], allowed=["a"], status="shadow"
    )
    body = problem(refusal, CONTEXT).data
    assert body["errors"] == [{"loc": ["goal", 0], "msg": "bad"}]
    assert body["allowed"] == ["a"]
    assert body["status"] == 422


def test_nested_messages_keep_their_place() -> None:
    found = list(
        problems.fields(
            {"tags": {1: ["too long"]}, "non_field_errors": ["no object"], "rows": [{}, {"a": ["x"]}]}
        )
    )
    assert found == [
        {"loc": ["tags", 1], "msg": "too long"},
        {"loc": [], "msg": "no object"},
        {"loc": ["rows", 1, "a"], "msg": "x"},
    ]


@pytest.mark.parametrize(("wait", "header"), [(0.2, "1"), (30.5, "31")])
def test_a_throttled_caller_is_told_when_to_come_back(wait: float, header: str) -> None:
    answer = problem(exceptions.Throttled(wait=wait), CONTEXT)
    assert (answer.status_code, answer.data["code"]) == (429, "too_many_requests")
    assert answer.headers["Retry-After"] == header


def test_what_nobody_expected_is_logged_under_the_number_that_the_caller_gets(
    engine_db: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(tenant: str) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr(system, "overview", broken)
    with caplog.at_level(logging.ERROR, logger="aetheris.api"):
        answer = Caller().get("system/overview")
    found = refused(answer, 500, "internal_error")
    assert "secret" not in answer.content.decode()
    [record] = [each for each in caplog.records if each.name == "aetheris.api"]
    assert found["correlation"] in record.getMessage()
    assert record.exc_info is not None


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/jobs/7", "/api/jobs/x/trace/"])
def test_an_address_below_api_that_is_not_there_is_a_problem_document(engine_db: str, path: str) -> None:
    Caller()
    refused(Client().get(path), 404, "not_found")


def test_pages_for_people_stay_pages(engine_db: str) -> None:
    Caller()
    answer = Client().get("/nothing")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


def test_the_handlers_outside_the_views_answer_in_the_same_form(rf: RequestFactory) -> None:
    below, beside = rf.get("/api/x"), rf.get("/x")
    for handler, status in ((problems.bad_request, 400), (problems.not_found, 404)):
        answer = handler(below, None)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
        assert handler(beside, None).headers["Content-Type"].startswith("text/html")
    assert problems.server_error(below).headers["Content-Type"] == "application/problem+json"
    assert problems.server_error(beside).status_code == 500
