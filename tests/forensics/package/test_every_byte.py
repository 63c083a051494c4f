"""No byte of a package is free: any change of any region is found, at the file that it belongs to."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

from forensics import standalone
from forensics.package import export
from tests.forensics.cast import CAST
from tests.forensics.package.packing import Copy, alone, our_key

pytestmark = pytest.mark.usefixtures("here")
END = "end of the ZIP"


@cache
def package() -> Path:
    """One package for all tests of this module."""
    path = Path(mkdtemp(prefix="aetheris-package-")) / "a.zip"
    export(CAST["approved_and_paid"](), path)
    return path


@cache
def regions() -> list[tuple[str, str, int, int]]:
    """Where everything lies: file, what of it, first byte, byte behind it."""
    content = package().read_bytes()
    found, place, offset = [], len(content) - standalone.END_SIZE, 0
    with zipfile.ZipFile(package()) as told:
        sizes = {info.filename: info.compress_size for info in told.infolist()}
    entries = {name: len(standalone.central_header(name, 0, 0, 0, 0)) for name in standalone.FILES}
    for name in standalone.FILES:
        head = len(standalone.local_header(name, 0, 0, 0))
        found += [(name, "header", offset, offset + head)]
        found += [(name, "content", offset + head, offset + head + sizes[name])]
        offset += head + sizes[name]
    for name in standalone.FILES:
        found.append((name, "entry", offset, offset + entries[name]))
        offset += entries[name]
    assert offset == place
    return [*found, (END, "record", place, len(content))]


def verdict(content: bytes, folder: Path) -> standalone.Report:
    """What the verifier says of these bytes, with our key pinned."""
    path = folder / "changed.zip"
    path.write_bytes(content)
    return standalone.verify(path, standalone.Wishes(keys=(our_key(),)))


def flipped(place: int, bit: int) -> bytes:
    """The package with one bit of one byte turned over."""
    content = bytearray(package().read_bytes())
    content[place] ^= 1 << bit
    return bytes(content)


def _kinds(what: str) -> Iterator[str]:
    return (each for each in (*standalone.FILES, END) if (each == END) is (what == "record"))


@pytest.mark.parametrize(
    ("name", "what"), [(name, what) for what in ("header", "entry", "record") for name in _kinds(what)]
)
def test_every_byte_of_every_header_has_one_value(name: str, what: str, tmp_path: Path) -> None:
    start, end = next((a, b) for file, kind, a, b in regions() if (file, kind) == (name, what))
    for place in range(start, end):
        problem = verdict(flipped(place, place % 8), tmp_path).problem
        assert problem is not None, place
        assert (problem.kind, problem.file) == ("zip_form", name), (place, problem)


@pytest.mark.parametrize("name", standalone.FILES)
def test_every_stretch_of_every_file_is_bound(name: str, tmp_path: Path) -> None:
    start, end = next((a, b) for file, kind, a, b in regions() if (file, kind) == (name, "content"))
    stride = max(1, (end - start) // 40)
    places = {*range(start, end, stride), start, end - 1}
    for place in sorted(places):
        problem = verdict(flipped(place, place % 8), tmp_path).problem
        assert problem is not None, place
        assert problem.file == name, (place, problem)


CUTS = [0, 1, 21, 22, 100, -1, -22, -23, -500, 0.25, 0.5, 0.75, 0.99]


@pytest.mark.parametrize("cut", CUTS)
def test_a_package_cut_off_anywhere_is_no_package(cut: float, tmp_path: Path) -> None:
    content = package().read_bytes()
    left = content[: int(cut) if isinstance(cut, int) else int(len(content) * cut)]
    problem = verdict(left, tmp_path).problem
    assert problem is not None
    assert problem.kind in ("truncated", "zip_form")


def _rezipped(order: list[str], **extra: bytes) -> bytes:
    files, out = Copy(package()).files, io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in order:
            made.writestr(zipfile.ZipInfo(name), files[name], zipfile.ZIP_DEFLATED)
        for name, content in extra.items():
            made.writestr(name, content)
    return out.getvalue()


OTHER_ZIPS: dict[str, Callable[[], bytes]] = {
    "a byte behind": lambda: package().read_bytes() + b"\0",
    "a byte before": lambda: b"\0" + package().read_bytes(),
    "a program before": lambda: b"#!/bin/sh\nexit 0\n" + package().read_bytes(),
    "another package behind": lambda: package().read_bytes() * 2,
    "a comment": lambda: package().read_bytes()[:-2] + b"\x02\0hi",
    "zipped anew": lambda: _rezipped(list(standalone.FILES)),
    "a file added": lambda: _rezipped(list(standalone.FILES), extra=b"x"),
    "other order": lambda: _rezipped(list(reversed(standalone.FILES))),
    "no zip at all": lambda: b"hello, world" * 100,
    "empty": lambda: b"",
    **{f"without {name}": lambda name=name: _rezipped([each for each in standalone.FILES if each != name])  # type: ignore[misc]
       for name in standalone.FILES},
}  # fmt: skip


@pytest.mark.parametrize("change", sorted(OTHER_ZIPS))
def test_no_other_zip_of_the_same_files_passes(change: str, tmp_path: Path) -> None:
    report = verdict(OTHER_ZIPS[change](), tmp_path)
    assert report.code == 1
    assert report.problem is not None
    assert report.problem.kind in ("truncated", "zip_form")


@pytest.mark.parametrize("number", range(24))
def test_a_lone_copy_of_the_program_says_the_same(number: int, tmp_path: Path) -> None:
    name, _, start, end = regions()[number * len(regions()) // 24]
    content = flipped((start + end) // 2, number % 8)
    ours = verdict(content, tmp_path)
    key = standalone.vkey_of("aetheris.local/log", our_key())
    theirs = alone(tmp_path, tmp_path / "changed.zip", "--key", key, library=number % 2 == 0)
    assert theirs.returncode == ours.code == 1
    assert f"BROKEN     {ours.problem}" in theirs.stdout
    assert name in theirs.stdout
