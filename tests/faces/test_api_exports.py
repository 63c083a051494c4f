"""Evidence packages over HTTP: one at once, many by a worker, under ASGI and WSGI alike."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import AsyncClient

from forensics import standalone, tasks
from forensics.models import Export
from forensics.package import batches, export
from jobs import clock, tokens
from jobs.core.commands import Actor
from jobs.models import Job
from tests.faces import admin_stage as stage
from tests.faces.api_stage import Caller, named, nobody_special, refused
from tests.faces.test_api_forensics import _with_a_gap

pytestmark = pytest.mark.usefixtures("engine_db")


def _caller(tenant: str = "default") -> Caller:
    return Caller(stage.person(*stage.OPERATOR, "export_evidence"), tenant=tenant)


def _saved(answer: Any, folder: Path) -> Path:
    path = folder / "got.zip"
    path.write_bytes(b"".join(answer.streaming_content))
    return path


def test_a_package_is_streamed_under_a_name_and_verifies(tmp_path: Path) -> None:
    job = stage.job(stage.waiting("go"))
    answer = _caller().get(f"jobs/{job}/export")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="aetheris-{job}.zip"'
    path = _saved(answer, tmp_path)
    assert int(answer.headers["Content-Length"]) == path.stat().st_size
    assert answer.headers["X-Aetheris-SHA256"] == standalone.sha256(path.read_bytes())
    report = standalone.verify(path, standalone.Wishes(job=job, head=answer.headers["X-Aetheris-Head"]))
    assert report.ok, report.to_json()


def test_the_root_that_verify_tells_is_the_root_of_the_package(tmp_path: Path) -> None:
    job, caller = stage.job(stage.waiting("go")), _caller()
    head = caller.post(f"jobs/{job}/verify").json()["head"]
    path = _saved(caller.get(f"jobs/{job}/export"), tmp_path)
    assert standalone.verify(path).facts["head"] == head == caller.get(f"jobs/{job}").json()["head"]


def test_under_asgi_the_same_bytes_come_in_pieces(tmp_path: Path) -> None:
    job = stage.job(stage.waiting("go"))
    first = _saved(_caller().get(f"jobs/{job}/export"), tmp_path).read_bytes()
    token = tokens.create(stage.person("export_evidence"), tenant="default").text

    async def fetch() -> bytes:
        answer: Any = await AsyncClient().get(
            f"/api/jobs/{job}/export", headers={"Authorization": f"Bearer {token}"}
        )
        assert answer.status_code == 200
        return b"".join([piece async for piece in answer.streaming_content])

    assert asyncio.run(fetch()) == first


def test_without_the_permission_nothing_is_exported() -> None:
    job, caller = stage.job(stage.waiting("go")), Caller(nobody_special())
    problem = refused(caller.get(f"jobs/{job}/export"), 403, "permission_missing")
    assert "aetheris_forensics.export_evidence" in problem["detail"]
    refused(caller.post("forensics/exports", {"jobs": [job]}), 403, "permission_missing")


def test_a_broken_record_is_not_exported_and_the_problem_says_where() -> None:
    problem = refused(_caller().get(f"jobs/{_with_a_gap()}/export"), 409, "broken_record")
    assert problem["problem"]["kind"] in ("missing", "extra")
    assert "nothing was repaired" in problem["detail"]


def test_a_profile_that_is_none_and_a_parameter_that_nobody_reads_are_refused() -> None:
    job, caller = stage.job(stage.waiting("go")), _caller()
    assert "default" in refused(caller.get(f"jobs/{job}/export?profile=x"), 422, "unknown_profile")["detail"]
    refused(caller.get(f"jobs/{job}/export?redact=all"), 422, "unknown_parameter")


class Told:
    """What workers were told; nobody is at work."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.keys: list[str] = []
        monkeypatch.setattr(tasks, "tell", self.keys.append)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keys of the batches that workers were told of."""
    return Told(monkeypatch).keys


def _tenant() -> tuple[str, list[str]]:
    tenant = f"t-{uuid4().hex[:8]}"
    boss = Actor(id="boss", name="Boss", tenant=tenant, superuser=True)
    return tenant, [stage.job(stage.waiting("go"), actor=boss) for _ in range(3)]


def test_many_jobs_are_exported_by_a_worker_with_progress_and_fetched_as_one_file(
    told: list[str], tmp_path: Path
) -> None:
    tenant, jobs = _tenant()
    caller = _caller(tenant)
    asked = caller.post("forensics/exports", {"jobs": jobs, "profile": "default"})
    assert asked.status_code == 202
    key = asked.json()["id"]
    assert asked.headers["Location"].endswith(f"/api/forensics/exports/{key}")
    assert told == [key]
    assert (asked.json()["state"], asked.json()["done"], asked.json()["total"]) == ("queued", 0, 3)
    refused(caller.get(f"forensics/exports/{key}/download"), 409, "export_not_done")
    tasks.export(key)
    now = caller.get(f"forensics/exports/{key}").json()
    assert (now["state"], now["done"], now["problems"]) == ("done", 3, [])
    assert now["events"] == sum(Job.objects.get(id=job).head_seq for job in jobs)
    content = b"".join(caller.get(f"forensics/exports/{key}/download").streaming_content)
    assert (standalone.sha256(content), len(content)) == (now["sha256"], now["size"])
    with zipfile.ZipFile(io.BytesIO(content)) as packages:
        index = json.loads(packages.read("index.json"))
        assert sorted(entry["job"] for entry in index) == sorted(jobs)
        for entry in index:
            path = tmp_path / "one.zip"
            path.write_bytes(packages.read(f"{entry['job']}.zip"))
            assert standalone.sha256(path.read_bytes()) == entry["sha256"]
            assert standalone.verify(path).ok


def test_jobs_are_chosen_by_the_filters_of_their_list(told: list[str]) -> None:
    tenant, _ = _tenant()
    caller = _caller(tenant)
    assert caller.post("forensics/exports", {"filter": {"status": "parked"}}).json()["total"] == 3
    refused(caller.post("forensics/exports", {"filter": {"status": "completed"}}), 422, "no_jobs")
    assert named(refused(caller.post("forensics/exports", {"filter": {"stat": "x"}}), 422, "invalid")) == {
        "filter"
    }
    refused(caller.post("forensics/exports", {}), 422, "invalid")


def test_another_tenants_jobs_and_exports_are_not_there(told: list[str]) -> None:
    tenant, jobs = _tenant()
    key = _caller(tenant).post("forensics/exports", {"jobs": jobs}).json()["id"]
    stranger = _caller(_tenant()[0])
    refused(stranger.post("forensics/exports", {"jobs": jobs[:1]}), 422, "no_such_job")
    for path in ("", "/download"):
        refused(stranger.get(f"forensics/exports/{key}{path}"), 404, "not_found")
    assert stranger.get("forensics/exports").json()["results"] == []
    assert [each["id"] for each in _caller(tenant).get("forensics/exports").json()["results"]] == [key]


def _put(key: str, **columns: Any) -> None:
    assert Export.objects.filter(id=key).update(**columns) == 1


def test_a_batch_whose_worker_died_is_taken_up_and_what_is_done_is_not_done_again(
    told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, jobs = _tenant()
    key = _caller(tenant).post("forensics/exports", {"jobs": jobs}).json()["id"]
    made: list[str] = []

    def dying(job: str, *args: Any, **options: Any) -> Any:
        if len(made) == 2:
            raise SystemExit("killed")
        made.append(job)
        return export(job, *args, **options)

    def living(job: str, *args: Any, **options: Any) -> Any:
        made.append(job)
        return export(job, *args, **options)

    monkeypatch.setattr(batches, "export", dying)
    with pytest.raises(SystemExit):
        batches.run(key)
    assert not batches.run(key), "its claim holds"
    monkeypatch.setattr(batches, "export", living)
    _put(key, claimed_until=clock.now() - timedelta(seconds=1))
    told.clear()
    assert _caller(tenant).get(f"forensics/exports/{key}").json()["done"] == 2
    assert told == [key], "whoever asks how far it is gives it to another worker"
    assert batches.run(key)
    assert sorted(made) == sorted(jobs), "each once"
    assert not batches.run(key), "it is done"


def test_a_job_that_cannot_be_exported_is_named_and_the_others_are_there(told: list[str]) -> None:
    tenant, jobs = _tenant()
    Job.objects.filter(id=jobs[1]).update(head_hash="0" * 64)
    key = _caller(tenant).post("forensics/exports", {"jobs": jobs}).json()["id"]
    assert batches.run(key)
    answer = _caller(tenant).get(f"forensics/exports/{key}").json()
    assert [(each["job"], each["code"]) for each in answer["problems"]] == [(jobs[1], "broken_record")]
    with zipfile.ZipFile(batches.folder() / f"{key}.zip") as packages:
        assert sorted(packages.namelist()) == sorted([f"{jobs[0]}.zip", f"{jobs[2]}.zip", "index.json"])


def test_packages_are_removed_when_their_time_is_over(told: list[str]) -> None:
    tenant, jobs = _tenant()
    caller = _caller(tenant)
    key, other = (caller.post("forensics/exports", {"jobs": jobs[:1]}).json()["id"] for _ in range(2))
    told.clear()
    batches.run(key)
    _put(key, expires_at=clock.now() - timedelta(seconds=1))
    tasks.exports()
    assert other in told
    assert not (batches.folder() / f"{key}.zip").exists()
    assert caller.get(f"forensics/exports/{key}").json()["state"] == "expired"
    refused(caller.get(f"forensics/exports/{key}/download"), 409, "export_gone")


def test_without_a_folder_a_batch_says_what_to_set(told: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    tenant, jobs = _tenant()
    monkeypatch.setattr(settings, "AETHERIS", {**settings.AETHERIS, "EXPORT_FOLDER": ""})
    problem = refused(_caller(tenant).post("forensics/exports", {"jobs": jobs}), 409, "no_export_folder")
    assert "EXPORT_FOLDER" in problem["detail"]
