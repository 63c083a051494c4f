"""Export: one job as one file, written aside, verified by the stand-alone verifier, and only then given out."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from jobs import keys
from jobs.core.errors import Busy, Illegal
from jobs.models import Job

from .. import record, standalone
from ..redaction import Redactor
from . import evidence, witnessing
from .envelope import enveloped
from .profiles import NONE, redactor
from .readme import readme
from .records import Records
from .whole import derived_break
from .zipping import Zip

TRIES = 20  # a job that runs moves on between its witness and the snapshot


@dataclass(frozen=True)
class Exported:
    """A package that was written.

    Args:
        job: its id.
        seq: number of the head that it reaches.
        hash: of that head.
        events: how many.
        size: bytes of the file.
        sha256: of the file.
        profile: of redaction.
        withheld: how many places of how many events are not as they were written.
        broken: the first break, of a package that was asked for all the same.
    """

    job: str
    seq: int
    hash: str
    events: int
    size: int
    sha256: str
    profile: str
    withheld: int
    broken: dict[str, Any] | None


def export(
    job_id: UUID | str, out: Path | str | BinaryIO, *, profile: str | None = None, broken: bool = False,
    encrypt_key: bytes | None = None, tell: Callable[[int, int], None] | None = None,
) -> Exported:  # fmt: skip
    """Write the evidence package of a job.

    Byte for byte the same for the same head, profile, signing key and software. Nothing is repaired, and nothing is
    written where it fails.

    Args:
        job_id: the job, ended or not.
        out: a path, which is replaced in one go; or a binary file, written from where it stands.
        profile: of redaction; None withholds nothing.
        broken: export a record that does not verify too; its manifest says so, and it never verifies.
        encrypt_key: 32 bytes for a profile that encrypts, instead of the key of the settings.
        tell: told how many events of how many have been written.

    Raises:
        Job.DoesNotExist: there is no such job.
        Illegal: its record is broken (`broken_record`, with the first break), or nothing can be signed.
        Invalid: no such profile, or it encrypts without a key.
        Busy: the job moved on too fast, again and again.
    """
    if isinstance(out, str | Path):
        target = Path(out)
        draft = target.with_name(f".{target.name}.{os.getpid()}.part")
        try:
            made = _written(job_id, draft, profile or NONE, broken, encrypt_key, tell)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        return made
    with tempfile.TemporaryDirectory(prefix="aetheris-export-") as folder:
        draft = Path(folder) / "package.zip"
        made = _written(job_id, draft, profile or NONE, broken, encrypt_key, tell)
        with draft.open("rb") as file:
            shutil.copyfileobj(file, out, 1 << 20)
    return made


def _written(
    job_id: UUID | str, draft: Path, profile: str, broken: bool, encrypt_key: bytes | None,
    tell: Callable[[int, int], None] | None,
) -> Exported:  # fmt: skip
    for _ in range(TRIES):
        tenant = Job.objects.values_list("tenant", flat=True).get(id=job_id)
        withholds = redactor(profile, tenant, encrypt_key)
        witness = witnessing.witness(job_id)
        with record.snapshot():
            job = Job.objects.get(id=job_id)
            if witness.covers(job):
                return _Export(job, witness, profile, withholds, broken, tell).write(draft)
    raise Busy(f"job {job_id} moves on too fast to be exported; pause it, or ask again")


@dataclass
class _Export:
    """One package of one head."""

    job: Job
    witness: witnessing.Witness
    profile: str
    withholds: Redactor | None
    broken: bool
    tell: Callable[[int, int], None] | None

    def write(self, draft: Path) -> Exported:
        """Write it, then let the verifier read it."""
        records = Records(self.job, self.withholds, self._progress)
        with closing(records), _private(draft) as file:
            made = Zip(file)
            for name, put in (
                (standalone.EVENTS, records.events), (standalone.PARTS, records.parts),
                (standalone.LEDGER, records.ledger), (standalone.APPROVALS, records.approvals),
            ):  # fmt: skip
                with made.file(name) as sink:
                    put(sink)
            problem = records.problem or derived_break(self.job, sum(sink.size for sink in made.sinks[:2]))
            if problem is not None and not self.broken:
                raise self._refused(problem.to_json())
            self._proofs(made, records)
            told = problem.to_json() if problem else None
            if told is None:
                told = self._read_back(made, records, file, draft)
            if told is not None:
                told = {name: told[name] for name in ("kind", "seq", "message")}
                self._seal(made, records, told)
        return self._made(draft, records, told)

    def _read_back(self, made: Zip, records: Records, file: BinaryIO, draft: Path) -> dict[str, Any] | None:
        """Seal the package as a whole one and verify it; if it is none, take the seal off again.

        Raises:
            Illegal: it does not verify, and a broken one was not asked for.
        """
        place, count = file.tell(), len(made.sinks)
        self._seal(made, records, None)
        file.flush()
        trusted = tuple(dict.fromkeys((keys.signer().public, *self.witness.public_keys)))
        found = standalone.verify(draft, standalone.Wishes(keys=trusted))
        if found.problem is None:
            return None
        if not self.broken:
            raise self._refused(found.problem.to_json())
        file.seek(place)
        file.truncate()
        del made.sinks[count:]
        return found.problem.to_json()

    def _proofs(self, made: Zip, records: Records) -> None:
        with made.file(standalone.EVIDENCE) as sink:
            evidence.write(records, sink)
        made.put(standalone.CHECKPOINT, self.witness.checkpoint.encode())
        made.put(standalone.INCLUSION, standalone.pretty(self.witness.inclusion()).encode())
        program = Path(standalone.__file__).read_bytes()
        made.put("README.txt", readme(str(self.job.id), program).encode())
        made.put("verify.py", program)

    def _seal(self, made: Zip, records: Records, broken: dict[str, Any] | None) -> None:
        signer = keys.signer()
        first = records.notes.first
        text = standalone.pretty({
            "format": standalone.FORMAT, "software": {"aetheris": software(), "zlib": zlib.ZLIB_RUNTIME_VERSION},
            "job": {"id": str(self.job.id), "tenant": self.job.tenant, "agent": first.get("agent") or self.job.agent,
                    "version": first.get("version") or self.job.version},
            "head": {"seq": self.job.head_seq, "hash": self.job.head_hash}, "ended": records.notes.ended,
            "profile": self.profile, "withheld": [
                {"path": path, "how": how, "what": what, "events": seqs}
                for (path, how, what), seqs in sorted(records.withheld.items())
            ],
            "files": made.entries(), "signer": standalone.vkey_of(signer.name, signer.public),
            "keys": list(self.witness.keys), "broken": broken,
        })  # fmt: skip
        made.put(standalone.MANIFEST, text.encode())
        made.put(
            standalone.ENVELOPE,
            enveloped(text.encode(), str(self.job.id), self.job.head_seq, self.job.head_hash, signer),
        )
        made.end()

    def _made(self, draft: Path, records: Records, broken: dict[str, Any] | None) -> Exported:
        digest = sha256()
        with draft.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        return Exported(
            str(self.job.id), self.job.head_seq, self.job.head_hash, records.head.seq, draft.stat().st_size,
            digest.hexdigest(), self.profile, sum(len(seqs) for seqs in records.withheld.values()), broken,
        )  # fmt: skip

    def _refused(self, problem: dict[str, Any]) -> Illegal:
        place = f"event {problem['seq']}" if problem["seq"] else problem.get("file", "its record")
        return Illegal(
            f"job {self.job.id} is not exported: its record is broken at {place} ({problem['kind']}): "
            f"{problem['message']}; nothing was repaired. `aetheris verify {self.job.id}` looks at all of it",
            code="broken_record", problem=problem,
        )  # fmt: skip

    def _progress(self, events: int) -> None:
        if self.tell is not None:
            self.tell(events, self.job.head_seq)


def software() -> str:
    """The version of this software."""
    with suppress(PackageNotFoundError):
        return version("aetheris-runtime")
    return "unknown"


def _private(path: Path) -> BinaryIO:
    """A new file that nobody else may read."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")
