"""Batch exports: many packages in one file, made by a worker, job after job, and taken up again where one died.

The database says who is at it; the folder says what is done: each package lies there under its job's id once it is
whole. Doing a batch twice, or from two workers at once, does no harm.
"""

from __future__ import annotations

import json
import logging
import shutil
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F, Q, QuerySet

from jobs import clock
from jobs.conf import conf
from jobs.core.chain import canonical
from jobs.core.errors import Busy, Illegal, Invalid, NotFound, Refused
from jobs.models import Job
from jobs.outage import AWAY

from ..models import Export
from .exporting import Exported, export
from .profiles import NONE, redactor

log = logging.getLogger("aetheris.exports")

MOST = 10_000  # jobs of one batch
CLAIM = timedelta(seconds=60)  # how long a silent worker keeps a batch
EVERY = 10.0  # events are told so often, in seconds, and the claim renewed


def folder() -> Path:
    """Where packages of batches lie.

    Raises:
        Illegal: no folder is configured.
    """
    where = conf().EXPORT_FOLDER
    if not where:
        raise Illegal(
            "batch exports have nowhere to lie: set AETHERIS['EXPORT_FOLDER'] to a folder that API and workers both reach",
            code="no_export_folder",
        )
    return Path(where)


def ask(tenant: str, requester: tuple[str, str], jobs: QuerySet[Job], profile: str | None) -> Export:
    """Ask for the packages of these jobs.

    Args:
        tenant: whose they are.
        requester: id and name of who asks.
        jobs: of the tenant.
        profile: of redaction; None withholds nothing.

    Returns:
        The row; a worker is yet to be told.

    Raises:
        Invalid: there are none, too many, or the profile is none.
        Illegal: no folder is configured.
    """
    folder()
    redactor(profile or NONE, tenant)
    ids = [str(each) for each in jobs.order_by("created_at", "id").values_list("id", flat=True)[: MOST + 1]]
    if not 0 < len(ids) <= MOST:
        what = "no job is among these" if not ids else f"these are more than {MOST} jobs"
        raise Invalid(f"nothing was exported: {what}", code="no_jobs" if not ids else "too_many_jobs")
    return Export.objects.create(
        id=uuid4(), tenant=tenant, requester=requester[0][:150], requester_name=requester[1][:150],
        profile=profile or NONE, jobs=canonical(ids), total=len(ids), created_at=clock.now(),
    )  # fmt: skip


def exports_of(tenant: str) -> QuerySet[Export]:
    """The batches of a tenant."""
    return Export.objects.filter(tenant=tenant)


def export_for(tenant: str, key: UUID) -> Export:
    """One batch.

    Raises:
        NotFound: there is none, or another tenant's.
    """
    found = exports_of(tenant).filter(id=key).first()
    if found is None:
        raise NotFound(f"there is no export {key}")
    return found


def result_of(row: Export) -> Path:
    """The file of a batch that is done.

    Raises:
        Illegal: it is not done, or its time is over.
    """
    path = folder() / f"{row.id}.zip"
    if row.state == "done" and path.is_file():
        return path
    if row.state in ("queued", "running"):
        raise Illegal(
            f"export {row.id} is {row.state}: {row.done} of {row.total} jobs; ask again",
            code="export_not_done",
        )
    raise Illegal(
        f"the packages of export {row.id} are gone: they are kept for a time; export again",
        code="export_gone",
    )


def waiting() -> list[UUID]:
    """Batches that nobody is at."""
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=clock.now())
    return list(
        Export.objects.filter(free, state__in=("queued", "running"))
        .order_by("created_at")
        .values_list("id", flat=True)[:100]
    )


def run(key: UUID | str) -> bool:
    """Do a batch, or what is left of it.

    Returns:
        Whether it is done; False if somebody else is at it.
    """
    mine = uuid4()
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=clock.now())
    taken = Export.objects.filter(free, id=key, state__in=("queued", "running"))
    if not taken.update(claim=mine, claimed_until=clock.now() + CLAIM, state="running"):
        return False
    work = _Batch(Export.objects.get(id=key), mine)
    work.place.mkdir(parents=True, exist_ok=True, mode=0o700)
    return work.run()


def clean() -> int:
    """Remove what is older than it is kept. Returns how many batches."""
    over = Export.objects.filter(state="done", expires_at__lt=clock.now())
    keys = list(over.values_list("id", flat=True)[:100])
    for key in keys:
        (folder() / f"{key}.zip").unlink(missing_ok=True)
        shutil.rmtree(folder() / str(key), ignore_errors=True)
    return Export.objects.filter(id__in=keys).update(state="expired")


class _Batch:
    """A batch in the hands of one worker."""

    def __init__(self, row: Export, claim: UUID) -> None:
        self.row, self.claim = row, claim
        self.place = folder() / str(row.id)
        self.events = 0
        self._said = clock.now()

    def run(self) -> bool:
        index: list[dict[str, Any]] = []
        for number, job in enumerate(json.loads(self.row.jobs), 1):
            index.append(self._one(job))
            if not self._say(done=number, events=self.events, problems=canonical(_problems(index))):
                return False  # another has taken it up
        return self._finish(index)

    def _one(self, job: str) -> dict[str, Any]:
        told = self.place / f"{job}.json"
        with suppress(OSError, ValueError):
            before: dict[str, Any] = json.loads(told.read_text())
            self.events += before.get("events", 0)
            return before
        try:
            made = export(job, self.place / f"{job}.zip", profile=self.row.profile, tell=self._telling)
            entry = _entry(made)
        except (Refused, Busy) as refusal:
            entry = {"job": job, "code": getattr(refusal, "code", "busy"), "message": str(refusal)}
        except (*AWAY, OSError):
            raise  # a database that is away, a disk that is full: the batch is taken up again
        except Job.DoesNotExist:
            entry = {"job": job, "code": "not_found", "message": f"there is no job {job} any more"}
        except Exception as error:  # one job that nobody can export must not keep the others
            log.exception("export %s: job %s could not be exported", self.row.id, job)
            entry = {"job": job, "code": "failed", "message": f"{type(error).__name__}: {error}"[:300]}
        draft = told.with_suffix(".part")
        draft.write_text(canonical(entry))
        draft.replace(told)
        self.events += entry.get("events", 0)
        return entry

    def _telling(self, events: int, of: int) -> None:
        if (clock.now() - self._said).total_seconds() > EVERY:
            self._say(events=self.events + events)

    def _say(self, **columns: Any) -> bool:
        self._said = clock.now()
        mine = Export.objects.filter(id=self.row.id, claim=self.claim, state="running")
        return bool(mine.update(claimed_until=self._said + CLAIM, **columns))

    def _finish(self, index: Sequence[dict[str, Any]]) -> bool:
        target = folder() / f"{self.row.id}.zip"
        draft = target.with_name(f"{target.name}.{self.claim}.part")
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as out:  # each is compressed already
            for entry in index:
                if "sha256" in entry:
                    out.write(self.place / f"{entry['job']}.zip", f"{entry['job']}.zip")
            out.writestr("index.json", json.dumps(list(index), indent=1, sort_keys=True) + "\n")
        digest, size = _digest(draft), draft.stat().st_size
        draft.replace(target)
        now = clock.now()
        mine = Export.objects.filter(id=self.row.id, claim=self.claim, state="running")
        done = mine.update(
            state="done", done=F("total"), size=size, sha256=digest, finished_at=now, claimed_until=None,
            expires_at=now + timedelta(seconds=conf().EXPORT_KEEP),
        )  # fmt: skip
        shutil.rmtree(self.place, ignore_errors=True)
        log.info("export %s: %d jobs, %d bytes", self.row.id, len(index), size)
        return bool(done)


def _entry(made: Exported) -> dict[str, Any]:
    return {"job": made.job, "head": {"seq": made.seq, "hash": made.hash}, "events": made.events, "size": made.size,
            "sha256": made.sha256, "profile": made.profile, "withheld": made.withheld}  # fmt: skip


def _problems(index: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for entry in index if "code" in entry]


def _digest(path: Path) -> str:
    digest = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
