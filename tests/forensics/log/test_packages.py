"""Packages and the real log: the first checkpoint over the head, the same bytes for ever, and a kept checkpoint beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from forensics import log, standalone
from forensics.log.proofs import consistency
from forensics.models import Checkpoint
from forensics.package import export
from jobs import keys
from jobs.keys import NoSigningKey
from tests.forensics.accessing import a_tenant
from tests.forensics.log.owning import logged
from tests.forensics.package.packing import Copy
from tests.forensics.verifying import jobs_of

pytestmark = pytest.mark.usefixtures("here")


def wishes(**more: str) -> standalone.Wishes:
    return standalone.Wishes(keys=(keys.signer().public,), **more)


def test_a_head_that_is_not_logged_is_logged_first_and_the_package_carries_its_proof(tmp_path: Path) -> None:
    [job] = jobs_of(a_tenant(), 1)
    assert log.last_leaf(job) is None
    export(job, tmp_path / "a.zip")
    leaf = log.last_leaf(job)
    assert leaf is not None
    copy = Copy(tmp_path / "a.zip")
    told = json.loads(copy.files[standalone.INCLUSION])
    assert (told["leaf"], told["index"]) == (leaf.text, leaf.index)
    first = log.first_with(leaf.index)
    assert first is not None
    assert copy.files[standalone.CHECKPOINT].decode() == first.text
    assert standalone.verify(tmp_path / "a.zip", wishes()).ok


def test_a_package_is_the_same_byte_for_byte_however_far_the_log_has_grown(tmp_path: Path) -> None:
    [job] = logged(a_tenant(), 1)
    export(job, tmp_path / "a.zip")
    logged(a_tenant(), 3)
    export(job, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_later_and_an_earlier_checkpoint_are_consistent_with_a_package_by_the_proof_that_the_log_gives(
    tmp_path: Path,
) -> None:
    logged(a_tenant(), 1)
    [job] = logged(a_tenant(), 1)
    export(job, tmp_path / "a.zip")
    logged(a_tenant(), 2)
    size = json.loads(Copy(tmp_path / "a.zip").files[standalone.INCLUSION])["size"]
    sizes = list(Checkpoint.objects.order_by("-size").values_list("size", flat=True)[:3])
    assert sizes[0] > size > sizes[2]
    for other in (sizes[0], sizes[2]):
        kept = Checkpoint.objects.get(size=other).text
        path = json.dumps(consistency(*sorted((size, other))))
        report = standalone.verify(tmp_path / "a.zip", wishes(checkpoint=kept, consistency=path))
        assert report.ok, report.problem


def test_without_a_key_there_is_no_package(settings: object, tmp_path: Path) -> None:
    [job] = jobs_of(a_tenant(), 1)
    settings.AETHERIS = {**settings.AETHERIS, "SIGNING_KEY": ""}  # type: ignore[attr-defined]
    with pytest.raises(NoSigningKey):
        export(job, tmp_path / "a.zip")
    assert log.last_leaf(job) is None
